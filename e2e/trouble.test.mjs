// What stands in a rider's way: each has a page that says what happens to the money and what to do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertAccessible, charge, finish, launch, order, payAtCashier, phone, picture, scanFreeSocket, socketPaths, TEST_LIMIT,
  untilHeading, URL_BASE,
} from './harness.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test('a second rider at a busy socket is sent on; the first is shown the own order', TEST_LIMIT, async () => {
  const first = await phone(browser);
  const second = await phone(browser);
  const socket = await charge(first);

  await second.page.goto(`${URL_BASE}${socket}`);
  await second.page.getByText(second.words.busy).first().waitFor();
  assert.equal(await second.page.getByRole('heading', { name: second.words.choose }).count(), 0, 'no way to pay');
  await assertAccessible(second.page);
  await picture(second.page, 'trouble-busy');

  const running = first.page.url();
  await first.page.goto(`${URL_BASE}${socket}`);
  await first.page.getByText(first.words.own).first().waitFor();
  await picture(first.page, 'trouble-own');
  await first.page.goto(running);
  await finish(first);
  await first.close();
  await second.close();
});

test('two riders pay for one socket in the same second: one charges, the other has the money back', TEST_LIMIT, async () => {
  const riders = [await phone(browser), await phone(browser)];
  const socket = await scanFreeSocket(riders[0]);
  await riders[1].page.goto(`${URL_BASE}${socket}`);
  for (const rider of riders) await order(rider);
  await Promise.all(riders.map(payAtCashier));

  const charges = await Promise.all(riders.map(async ({ page, words }) => {
    const charging = page.getByRole('heading', { level: 1, name: words.charging });
    const cancelled = page.getByRole('heading', { level: 1, name: words.cancelled });
    await charging.or(cancelled).waitFor();
    return charging.isVisible();
  }));
  assert.equal(charges.filter(Boolean).length, 1, 'one socket charges one rider');
  const [winner, loser] = charges[0] ? riders : [riders[1], riders[0]];
  await loser.page.getByText(loser.words.refunded).first().waitFor();
  await picture(loser.page, 'trouble-socket-taken');
  await finish(winner);
  for (const rider of riders) await rider.close();
});

test('a mistyped code is found out and can be typed again', TEST_LIMIT, async () => {
  const { page, words, close } = await phone(browser);
  const [socket] = await socketPaths(page);
  const right = socket.slice('/s/'.length);
  const wrong = (right[0] === '0' ? '1' : '0') + right.slice(1);
  const answer = await page.goto(`${URL_BASE}/s/${wrong}`);
  assert.ok(answer.status() >= 400 && answer.status() < 500, 'a refusal, not a page of a socket');
  await untilHeading(page, words.badCode);
  await page.getByText(words.mistyped).waitFor();
  await assertAccessible(page);
  await picture(page, 'trouble-mistyped');

  await page.getByLabel(words.codeLabel).fill(right.toLowerCase());
  await page.getByRole('button', { name: words.codeGo }).click();
  await page.waitForURL(`${URL_BASE}${socket}`);
  await close();
});

test('an order of somebody else is not shown', TEST_LIMIT, async () => {
  const owner = await phone(browser);
  const stranger = await phone(browser);
  await charge(owner);
  const answer = await stranger.page.goto(owner.page.url());
  assert.equal(answer.status(), 404);
  await finish(owner);
  const receipt = await stranger.page.goto(owner.page.url());
  assert.equal(receipt.status(), 404);
  await owner.close();
  await stranger.close();
});
