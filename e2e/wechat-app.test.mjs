// Paying with WeChat: chosen in a phone's browser, by its own cashier inside its app, and afterwards
// (pay score: 先充后付). The app's bridge is a stand-in that goes to the simulated cashier.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertAccessible, assertQuiet, cashierButton, chargeThenPay, finish, launch, payAtCashier, phone, picture,
  scanFreeSocket, TEST_LIMIT, untilHeading,
} from './harness.mjs';

const USER_AGENT = 'Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 '
  + 'Chrome/126.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.50.2701(0x28003257) WeChat/arm64 NetType/WIFI Language/zh_CN';

/** What WeChat puts into its pages: `invoke` opens a cashier over them and then calls back. */
function bridge() {
  globalThis.WeixinJSBridge = {
    invoke(name, given) {
      const back = new URL(document.getElementById('cashier').dataset.then, location.href).href;
      if (name === 'getBrandWCPayRequest') {
        location.assign(`/demo/wechat/bridge?${new URLSearchParams({ ...given, return_url: back })}`);
      } else if (name === 'openBusinessView' && given.businessType === 'wxpayScoreUse') {
        location.assign(`/demo/wechat/view?${given.queryString}&${new URLSearchParams({ return_url: back })}`);
      } else {
        throw new Error(`unknown: ${name}`);
      }
    },
  };
}

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

for (const [name, look] of Object.entries({
  light: {}, 'english-dark': { lang: 'en', dark: true }, desk: { width: 1280, height: 900, userAgent: USER_AGENT } })) {
  test(`the cashiers can be read by everybody: ${name}`, TEST_LIMIT, async () => {
    const rider = await phone(browser, { width: 390, height: 844, ...look });
    const { page, words } = rider;
    await page.addInitScript(bridge);
    for (const channel of name === 'desk' ? ['wechat'] : ['alipay', 'wechat']) {
      await scanFreeSocket(rider);
      if (name !== 'desk') await choose(page, channel);
      await page.getByRole('button', { name: words.pay }).click();
      await cashierButton(page).waitFor();
      await assertAccessible(page);
      await picture(page, `cashier-${channel}-${name}`);
      await page.getByRole('button', { name: /^取消/ }).click();
      await page.waitForURL(/\/orders\/[^/]+$/);
    }
    await rider.close();
  });
}

test('in a phone’s browser a rider chooses WeChat, charges, and gets the rest back', TEST_LIMIT, async () => {
  const rider = await phone(browser);
  const { page, words } = rider;
  await scanFreeSocket(rider);
  await choose(page, 'wechat');
  await page.getByRole('button', { name: words.pay }).click();
  await cashierButton(page).waitFor();
  assert.match(page.url(), /\/demo\/wechat\/cashier\/wx/);
  await payAtCashier(rider);
  await untilHeading(page, words.charging);
  await finish(rider);
  assertQuiet(rider);
  await rider.close();
});

test('in WeChat a rider pays in the app’s cashier', TEST_LIMIT, async () => {
  const rider = await phone(browser, { userAgent: USER_AGENT });
  const { page, words } = rider;
  const logins = [];
  page.on('request', (request) => {
    if (request.url().includes('/connect/oauth2/authorize')) logins.push(request.url());
  });
  await page.addInitScript(bridge);
  await scanFreeSocket(rider);
  assert.deepEqual(logins, [], 'the first screen asks nobody who they are');
  await picture(page, 'wechat-1-scan');
  await page.getByRole('button', { name: words.pay }).click();
  await cashierButton(page).waitFor();
  assert.equal(logins.length, 1, 'one silent login');
  await payAtCashier(rider);
  await untilHeading(page, words.charging);
  await finish(rider);
  await rider.close();
});

test('in WeChat a rider charges first, pays after, and no more than the bill', TEST_LIMIT, async () => {
  const rider = await phone(browser, { userAgent: USER_AGENT });
  const { page, words } = rider;
  await page.addInitScript(bridge);
  await chargeThenPay(rider, 'wechat');
  await page.getByRole('link', { name: words.receipt }).click();
  await untilHeading(page, words.bill);
  await page.getByText(words.agrees).waitFor();
  await rider.close();
});

/** Picks a platform on a socket's page. */
function choose(page, channel) {
  return page.locator(`input[name="channel"][value="${channel}"] + label`).click();
}
