// What the browser suites share: a phone, a rider's steps on it, and the words of the pages.
// `cargo xtask test e2e` sets the environment; see xtask/src/e2e.rs.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';

/** The demo server, without a trailing slash. */
export const URL_BASE = process.env.SAOCHONG_URL ?? 'http://127.0.0.1:8080';
const OUT = process.env.SAOCHONG_E2E_OUT ?? '../target/e2e';
const CHROMIUM = process.env.SAOCHONG_CHROMIUM ?? '/usr/bin/chromium';

/** How long a page may take to show what is next: a start and a refund take some seconds each. */
const PATIENCE_MS = 60_000;

/** A whole charge with all its waits. */
export const TEST_LIMIT = { timeout: 300_000 };

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The words riders read, as far as the suites look for them. */
const WORDS = {
  zh: {
    free: '空闲可用', choose: '怎么充', pay: /^支付/, charging: '正在充电', awaiting: '等待支付',
    cancel: '取消订单', cancelled: '已取消', nothingPaid: '没有收钱。',
    stop: '结束充电', stopYes: '确定结束', ended: '充电结束', endedByRider: '你结束了充电',
    refunded: /已退回/, refundPending: /退款已发出/, captured: /已完成/, receipt: '看账单', bill: '账单', agrees: /本机核算一致 ✓/,
    plain: /以上每一行都可以自己验算/, busy: '这个插座有人在充', own: '你正在这里充电',
    badCode: '这个码不对', mistyped: /校验没有通过/, codeLabel: '插座上的 12 位码', codeGo: '打开',
    mine: '我的订单',
  },
  en: {
    free: 'Free', choose: 'How to charge', pay: /^Pay/, charging: 'Charging', awaiting: 'Waiting for payment',
    cancel: 'Cancel', cancelled: 'Cancelled', nothingPaid: 'Nothing was paid.',
    stop: 'Stop charging', stopYes: 'Yes, stop', ended: 'Charge ended',
    refunded: /Back on your account/, receipt: 'See the bill', bill: 'Bill', agrees: /agrees ✓/,
    mine: 'My charges',
  },
};

/** What a phone's and a desk's browser say they are; the pages offer each what works there. */
const PHONE_AGENT = 'Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36';
const DESK_AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';

/** One browser for a suite file. */
export function launch() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/**
 * A rider's phone: a browser profile of its own, so a rider of its own.
 * `script: false` switches JavaScript off; `wasm: false` lets no WASM through; `userAgent` is another app.
 */
export async function phone(browser, { lang = 'zh', dark = false, script = true, wasm = true, width = 360, height = 780, userAgent } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: 2,
    isMobile: width < 600,
    hasTouch: width < 600,
    locale: lang === 'zh' ? 'zh-CN' : 'en-GB',
    timezoneId: 'Asia/Shanghai',
    colorScheme: dark ? 'dark' : 'light',
    javaScriptEnabled: script,
    userAgent: userAgent ?? (width < 600 ? PHONE_AGENT : DESK_AGENT),
  });
  context.setDefaultTimeout(PATIENCE_MS);
  if (!wasm) await context.route('**/*.wasm*', (route) => route.abort());
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`);
  });
  return { page, words: WORDS[lang], complaints, close: () => context.close() };
}

/** Fails when the page's scripts complained; trouble the suite made itself is not meant. */
export function assertQuiet({ complaints }) {
  assert.deepEqual(complaints, [], 'the browser console has errors');
}

/** A picture for people to look at: `target/e2e/{name}.png`. */
export async function picture(page, name) {
  mkdirSync(OUT, { recursive: true });
  await page.screenshot({ path: path.join(OUT, `${name}.png`), fullPage: true });
}

/** No violation that axe knows, and nothing wider than the screen. */
export async function assertAccessible(page) {
  // By evaluation, because the content security policy lets no foreign script in.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document));
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html).join('\n  ')}`);
  assert.equal(told.join('\n'), '', `${page.url()} has accessibility violations`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `${page.url()} is ${overflow} px wider than the screen`);
}

/** The socket links of the home page, as paths. */
export async function socketPaths(page) {
  await page.goto(`${URL_BASE}/`);
  const links = await page.locator('a[href^="/s/"]').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
  assert.ok(links.length > 0, 'the demo home page shows sockets');
  return [...new Set(links)];
}

/** Goes from the home page to the first free socket that says so, as a scan would, and returns its path. */
export async function scanFreeSocket({ page, words }, says = '') {
  for (const socket of await socketPaths(page)) {
    await page.goto(`${URL_BASE}${socket}`);
    const isFree = await page.getByRole('heading', { name: words.choose }).isVisible();
    if (isFree && (await page.locator('main').textContent()).includes(says)) return socket;
  }
  throw new Error('no socket of the demo is free');
}

/** From a free socket's page to the cashier. */
export async function order({ page, words }) {
  await page.getByRole('button', { name: words.pay }).click();
  const pay = page.locator('form[action$="/pay"] button');
  const cashier = cashierButton(page);
  await pay.or(cashier).first().waitFor();
  if (await pay.isVisible()) await pay.click();
  await cashier.waitFor();
}

/** The button that pays at the simulated cashier. */
export function cashierButton(page) {
  return page.getByRole('button', { name: /^确认(支付|授权)/ });
}

/** Pays at the cashier and comes back to the order. */
export async function payAtCashier({ page }) {
  await cashierButton(page).click();
  const back = page.getByRole('link', { name: /返回商家/ });
  await back.or(page.locator('.headline h1')).first().waitFor();
  if (await back.isVisible()) await back.click();
  await page.waitForURL(/\/orders\/[^/]+$/);
}

/** Waits for the page of an order to say where it stands. */
export function untilHeading(page, name) {
  return page.getByRole('heading', { level: 1, name }).waitFor();
}

/** Waits for a text to become another than `from`, which was read as its `textContent`. */
export function changed(locator, from) {
  return locator.filter({ hasNotText: from }).waitFor();
}

/** Stops the charge, with the question in between. */
export async function stop({ page, words }) {
  await page.locator('summary', { hasText: words.stop }).click();
  await page.getByRole('button', { name: words.stopYes }).click();
}

/** From scan to a running charge. */
export async function charge(rider) {
  const socket = await scanFreeSocket(rider);
  await order(rider);
  await payAtCashier(rider);
  await untilHeading(rider.page, rider.words.charging);
  return socket;
}

/** From a running charge to the receipt, with the refund done. */
export async function finish(rider) {
  const { page, words } = rider;
  await stop(rider);
  await untilHeading(page, words.ended);
  await page.getByText(words.refunded).first().waitFor();
  const path = new URL(page.url()).pathname;
  await page.getByRole('link', { name: words.receipt }).click();
  await untilHeading(page, words.bill);
  return path;
}

/**
 * 先充后付 inside a platform's app: money is set aside, the charge ends, the bill is taken and the rest
 * let go. Leaves the rider on the order's page. `name` begins the names of the pictures.
 */
export async function chargeThenPay(rider, name) {
  const { page, words } = rider;
  // Where each charge costs something, however short it is.
  await scanFreeSocket(rider, '最低消费');
  await page.locator('button[value="hold"]').click();
  await cashierButton(page).waitFor();
  await assertAccessible(page);
  await picture(page, `${name}-hold-1-cashier`);
  await payAtCashier(rider);
  await untilHeading(page, words.charging);
  const energy = page.locator('.meter .tiles dd').nth(1);
  await changed(energy, await energy.textContent());
  await picture(page, `${name}-hold-2-charging`);
  await stop(rider);
  await untilHeading(page, words.ended);
  const captured = page.locator('.refunds li', { hasText: words.captured });
  await captured.first().waitFor();
  await picture(page, `${name}-hold-3-ended`);
  const [aside, taken, rest] = (await captured.first().locator('span').first().textContent())
    .match(/¥\s*\d+\.\d\d/g).map(fen);
  assert.ok(taken > 0, 'something is taken');
  assert.equal(taken + rest, aside, 'what is taken and what is let go make up what was set aside');
}

/** The fen of a text like `¥1.25`. */
export function fen(text) {
  const figure = /¥\s*(\d+)\.(\d\d)/.exec(text);
  assert.ok(figure, `an amount in: ${text}`);
  return Number(figure[1]) * 100 + Number(figure[2]);
}
