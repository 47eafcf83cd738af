// Inside Alipay's app: Pay finds out who the rider is without asking, the app's own cashier opens,
// and the charge starts. The bridge is a stand-in that goes to the simulated cashier.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertAccessible, cashierButton, chargeThenPay, finish, launch, payAtCashier, phone, picture, scanFreeSocket, TEST_LIMIT,
  untilHeading, URL_BASE,
} from './harness.mjs';

const USER_AGENT = 'Mozilla/5.0 (Linux; U; Android 14; zh-CN) AppleWebKit/537.36 (KHTML, like Gecko) '
  + 'Chrome/126.0 Mobile Safari/537.36 AliApp(AP/10.8.36) AlipayClient/10.8.36';

/** What Alipay's app puts into its pages: `tradePay` opens the cashier over them. */
function bridge() {
  globalThis.AlipayJSBridge = {
    call(name, asked) {
      if (name !== 'tradePay') throw new Error(`unknown: ${name}`);
      const back = document.getElementById('cashier').dataset.then;
      const query = new URLSearchParams({ ...asked, return_url: new URL(back, location.href).href });
      location.assign(`/demo/alipay/tradepay?${query}`);
    },
  };
}

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test('in Alipay’s app a rider pays in the app’s cashier and charges', TEST_LIMIT, async () => {
  const rider = await phone(browser, { userAgent: USER_AGENT });
  const { page, words } = rider;
  const logins = [];
  page.on('request', (request) => {
    if (request.url().includes('/demo/alipay/authorize')) logins.push(request.url());
  });
  await page.addInitScript(bridge);

  await scanFreeSocket(rider);
  assert.deepEqual(logins, [], 'the first screen asks nobody who they are');
  await page.getByRole('button', { name: words.pay }).click();
  await cashierButton(page).waitFor();
  assert.match(page.url(), /\/demo\/alipay\/cashier\//);
  assert.equal(logins.length, 1, 'one silent login');
  await picture(page, 'alipay-cashier');
  await payAtCashier(rider);
  await untilHeading(page, words.charging);
  await finish(rider);

  // Known by now: the next Pay asks no more.
  await scanFreeSocket(rider);
  await page.getByRole('button', { name: words.pay }).click();
  await cashierButton(page).waitFor();
  assert.equal(logins.length, 1, 'no second login');
  await rider.close();
});

test('a cashier that does not open leaves the way over a web page', TEST_LIMIT, async () => {
  const rider = await phone(browser, { userAgent: USER_AGENT });
  const { page, words } = rider;
  await scanFreeSocket(rider);
  await page.getByRole('button', { name: words.pay }).click();
  await page.locator('#cashier').waitFor();
  await assertAccessible(page);
  await picture(page, 'alipay-pay');
  await page.locator('form[action*="way=browser"] button').click();
  await payAtCashier(rider);
  await untilHeading(page, words.charging);
  await finish(rider);
  assert.ok(page.url().startsWith(URL_BASE));
  await rider.close();
});

test('in Alipay’s app a rider charges first, pays after, and no more than the bill', TEST_LIMIT, async () => {
  const rider = await phone(browser, { userAgent: USER_AGENT });
  await rider.page.addInitScript(bridge);
  await chargeThenPay(rider, 'alipay');
  await rider.close();
});
