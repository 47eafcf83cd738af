// The main job on a phone of 360 × 780: scan, see the price, pay, charge, stop, get the rest back.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertAccessible, assertQuiet, cashierButton, changed, charge, fen, finish, launch, order, payAtCashier, phone,
  picture, scanFreeSocket, stop, TEST_LIMIT, untilHeading,
} from './harness.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test('a rider charges, stops, and gets back what was not used', TEST_LIMIT, async () => {
  const rider = await phone(browser);
  const { page, words } = rider;

  await scanFreeSocket(rider);
  await page.getByText(words.free).first().waitFor();
  await assertAccessible(page);
  await picture(page, 'rider-1-scan');

  const estimate = page.locator('.estimate dl');
  const common = await estimate.textContent();
  await page.locator('.presets label.preset').last().click();
  await changed(estimate, common);

  await order(rider);
  await picture(page, 'rider-2-cashier');
  await payAtCashier(rider);
  await untilHeading(page, words.charging);

  const energy = page.locator('.meter .tiles dd').nth(1);
  await changed(energy, await energy.textContent());
  await assertAccessible(page);
  await picture(page, 'rider-3-charging');

  await stop(rider);
  await untilHeading(page, words.ended);
  await page.getByText(words.endedByRider).waitFor();
  await page.getByText(words.refunded).first().waitFor();
  await assertAccessible(page);
  await picture(page, 'rider-4-ended');

  await page.getByRole('link', { name: words.receipt }).click();
  await untilHeading(page, words.bill);
  await page.getByText(words.agrees).waitFor();
  await page.getByText(words.refunded).first().waitFor();
  const sums = await page.locator('.bill > .sum .figure').allInnerTexts();
  const [total, paid, refund] = sums.map(fen);
  assert.equal(total + refund, paid, 'what was used and what comes back make up what was paid');
  await assertAccessible(page);
  await picture(page, 'rider-5-receipt');

  await page.getByRole('link', { name: words.mine }).click();
  await untilHeading(page, words.mine);
  await assertAccessible(page);
  await picture(page, 'rider-6-mine');
  assertQuiet(rider);
  await rider.close();
});

test('an order that is not paid is cancelled and costs nothing', TEST_LIMIT, async () => {
  const rider = await phone(browser);
  const { page, words } = rider;
  await scanFreeSocket(rider);
  await order(rider);
  await cashierButton(page).waitFor();
  await page.goBack();
  await page.goto(await orderFromMine(page));
  await untilHeading(page, words.awaiting);
  await assertAccessible(page);
  await picture(page, 'rider-awaiting');
  await page.locator('summary', { hasText: words.cancel }).click();
  await page.locator('form[action$="/cancel"] button').click();
  await untilHeading(page, words.cancelled);
  await page.getByText(words.nothingPaid).waitFor();
  await rider.close();
});

test('English and dark, the same way to the end', TEST_LIMIT, async () => {
  const rider = await phone(browser, { lang: 'en', dark: true });
  const { page, words } = rider;
  await scanFreeSocket(rider);
  await assertAccessible(page);
  await picture(page, 'english-dark-1-scan');
  await charge(rider);
  await assertAccessible(page);
  await picture(page, 'english-dark-2-charging');
  await finish(rider);
  await page.getByText(words.agrees).waitFor();
  await assertAccessible(page);
  await picture(page, 'english-dark-3-receipt');
  assertQuiet(rider);
  await rider.close();
});

/** The path of the newest order in the rider's own list. */
async function orderFromMine(page) {
  await page.goto(new URL('/me', page.url()).href);
  return new URL(await page.locator('a[href^="/orders/"]').first().getAttribute('href'), page.url()).href;
}
