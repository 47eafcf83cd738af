// A platform that goes wrong: reports are forged, lost, late or in another order, answers are lost or
// cut in half, clocks are off. The rider charges and has the rest back all the same.

import { after, afterEach, before, test } from 'node:test';
import {
  assertAccessible, cashierButton, finish, launch, payAtCashier, phone, picture, scanFreeSocket, stop, TEST_LIMIT,
  untilHeading, URL_BASE,
} from './harness.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());
afterEach(async () => {
  await goWrong('alipay', {});
  await goWrong('wechat', {});
});

/** Tells a platform what to do wrong from now on. */
async function goWrong(platform, faults) {
  const form = new URLSearchParams({ platform, ...faults });
  const answer = await fetch(`${URL_BASE}/demo/faults`, { method: 'POST', body: form });
  if (!answer.ok) throw new Error(`${platform} cannot go wrong: ${answer.status}`);
}

test('what goes wrong is chosen on a page', TEST_LIMIT, async () => {
  const { page, close } = await phone(browser, { width: 390, height: 844 });
  await page.goto(`${URL_BASE}/`);
  await page.locator('a[href="/demo/faults"]').click();
  await assertAccessible(page);
  await page.locator('#wechat-notify').selectOption('late');
  await page.locator('form.wechat button').click();
  await page.locator('#wechat-notify option[value="late"][selected]').waitFor({ state: 'attached' });
  await page.locator('#alipay-notify option[value="fine"][selected]').waitFor({ state: 'attached' });
  await picture(page, 'demo-faults');
  await close();
});

for (const platform of ['alipay', 'wechat']) {
  test(`${platform}: reports are forged, then an answer to the refund is lost`, TEST_LIMIT, async () => {
    const rider = await phone(browser);
    const { page, words } = rider;
    await goWrong(platform, { notify: 'forged' });
    await pay(rider, platform);
    await untilHeading(page, words.charging);
    await goWrong(platform, { notify: 'lost', answer: 'truncated' });
    await stop(rider);
    await untilHeading(page, words.ended);
    await page.getByText(words.refundPending).first().waitFor();
    await goWrong(platform, {});
    await page.getByText(words.refunded).first().waitFor();
    await rider.close();
  });

  test(`${platform}: the refund is reported before the payment`, TEST_LIMIT, async () => {
    const rider = await phone(browser);
    await goWrong(platform, { notify: 'reordered' });
    await pay(rider, platform);
    await untilHeading(rider.page, rider.words.charging);
    await finish(rider);
    await rider.close();
  });

  test(`${platform}: a clock that is off delays, and takes nothing`, TEST_LIMIT, async () => {
    const rider = await phone(browser);
    const { page, words } = rider;
    await pay(rider, platform, () => goWrong(platform, { clock: 'slow' }));
    await goWrong(platform, {});
    await untilHeading(page, words.charging);
    await finish(rider);
    await rider.close();
  });
}

/** From a free socket over the cashier of a platform back to the order; `then` is done before paying. */
async function pay(rider, platform, then = async () => {}) {
  const { page, words } = rider;
  await scanFreeSocket(rider);
  await page.locator(`input[name="channel"][value="${platform}"] + label`).click();
  await page.getByRole('button', { name: words.pay }).click();
  await cashierButton(page).waitFor();
  await then();
  await payAtCashier(rider);
}
