// The desk: the operator writes a split rule, a rider charges, the partner gets its part, a complaint
// is given back and takes part of the split with it, and the books stay right.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setInterval as every } from 'node:timers/promises';
import {
  assertAccessible, assertQuiet, fen, launch, order, payAtCashier, phone, picture, TEST_LIMIT, untilHeading, URL_BASE,
} from './harness.mjs';
import { addDevice, saochong, startStation } from './station.mjs';

const LOGIN = `desk-${process.pid}`;
const PASSWORD = 'korrekt pferd batterie';
/** A fifth of the service to whoever manages the estate. */
const RULE = {
  p0_id: 'own', p0_name: '清源充电', p0_role: 'operator', p0_basis: 'percent', p0_value: '80',
  p1_id: 'wuye', p1_name: '锦绣物业', p1_role: 'property', p1_basis: 'percent', p1_value: '20',
  p1_alipay_account: '2088001122334455', p1_wechat_account: '1900000109', p1_wechat_name: '锦绣物业公司',
  electricity: 'inside', rest_to: 'own',
};

/** A price at which the few watt-hours of a short charge cost enough to be split. */
const TARIFF = {
  id: 'split-1', longest_ms: 36_000_000,
  electricity: [{ from_minute: 0, price_mfen_per_kwh: 62_000 }],
  service: { by: 'energy', prices: [{ from_minute: 0, price_mfen_per_kwh: 5_000_000 }] },
  plans: [{ id: 'full', limit: { by: 'full' }, price: { by: 'metered', prepaid_fen: 400 } }],
};

let browser;
let site;
before(async () => {
  saochong(['user', 'add', '--operator', 'qingyuan', '--login', LOGIN], { SAOCHONG_PASSWORD: PASSWORD });
  const add = ['site', 'add', '--operator', 'qingyuan', '--name', '分账小区', '--address', '云河市', '--tariff', '-'];
  site = { operator_id: 'qingyuan', ...saochong(add, {}, JSON.stringify(TARIFF)) };
  browser = await launch();
});
after(() => browser.close());

for (const channel of ['wechat', 'alipay']) {
  test(`a partner gets its part at ${channel}, and gives back its part of a complaint`, TEST_LIMIT, async () => {
    const desk = await phone(browser, { width: 1280, height: 900 });
    const { page } = desk;
    await logIn(page);
    await writeRule(page);
    await picture(page, `operator-1-splits-${channel}`);

    const rider = await phone(browser);
    const device = addDevice(`split-${channel}-${process.pid}`, site);
    const station = startStation(process.execPath, 'ocpp/charge.mjs', device);
    await station.says('ready');
    const orderPath = await chargeAt(rider, channel, device);
    station.end();
    await page.goto(`${URL_BASE}/admin`);
    await page.getByLabel('订单号').fill(orderPath.split('/').pop());
    await page.getByRole('button', { name: '查找' }).click();
    await until(page, page.locator('li', { hasText: '锦绣物业' }).getByText('已到账'));
    const kept = fen(await page.locator('.headline', { hasText: '实收' }).innerText());
    const share = fen(await page.locator('li', { hasText: '锦绣物业' }).innerText());
    assert.equal(share, Math.floor(kept / 5), 'a fifth, rounded down');
    await assertAccessible(page);
    await picture(page, `operator-2-order-${channel}`);

    await page.getByLabel('金额').fill((kept / 100).toFixed(2));
    await page.getByLabel('原因').fill('充电慢');
    await page.getByRole('button', { name: '退款' }).click();
    await until(page, page.locator('li', { hasText: '商家退款' }).getByText(/已退回/));
    await page.locator('li', { hasText: '锦绣物业' }).getByText('已退回').waitFor();
    await page.getByText('合作方已退回').waitFor();
    await assertAccessible(page);
    await picture(page, `operator-3-given-back-${channel}`);
    await rider.page.goto(`${URL_BASE}${orderPath}`);
    await rider.page.getByText('商家退款').first().waitFor();

    assert.deepEqual(saochong(['ledger', 'check']).findings, []);
    assertQuiet(desk);
    await rider.close();
    await desk.close();
  });
}

async function logIn(page) {
  await page.goto(`${URL_BASE}/admin/login`);
  await page.locator('input[name="login"]').fill(LOGIN);
  await page.locator('input[name="password"]').fill(PASSWORD);
  await page.locator('form button').first().click();
  await page.waitForURL(/\/admin$/);
}

async function writeRule(page) {
  await page.goto(`${URL_BASE}/admin/splits/sites/${site.site_id}`);
  for (const [name, value] of Object.entries(RULE)) {
    const field = page.locator(`[name="${name}"]`);
    if (await field.evaluate((it) => it.tagName === 'SELECT')) await field.selectOption(value);
    else await field.fill(value);
  }
  await page.locator('button.main').click();
  const confirm = page.locator('[name="confirmed"]');
  await confirm.or(page.getByRole('heading', { name: '各站点规则' })).first().waitFor();
  if (await confirm.isVisible()) {
    await confirm.check();
    await page.locator('button.main').click();
  }
  await page.waitForURL(/\/admin\/splits$/);
}

/** A whole charge at a socket of the site; the path of its order. */
async function chargeAt({ page, words }, channel, device) {
  await page.goto(device.sockets[0].url);
  await page.locator(`input[name="channel"][value="${channel}"] + label`).click();
  await order({ page, words });
  await payAtCashier({ page });
  await untilHeading(page, words.ended);
  return new URL(page.url()).pathname;
}

/** Looks at a page anew until it shows something: the desk's pages have no script. */
async function until(page, locator) {
  for await (const _ of every(1_000)) {
    if (await locator.first().isVisible()) return;
    await page.reload();
  }
}
