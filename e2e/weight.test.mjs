// What a first visit costs a phone, and how every page looks: light, dark, both languages, desktop.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertAccessible, assertQuiet, launch, phone, picture, scanFreeSocket, socketPaths, TEST_LIMIT, URL_BASE,
} from './harness.mjs';

/** In bytes, headers included: as `xtask/src/site.rs` says, and 7 KiB for headers and icons. */
const FIRST_VISIT_BUDGET = 60 * 1024;

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test('the first visit to a socket stays within its weight', TEST_LIMIT, async () => {
  const scout = await phone(browser);
  const socket = await scanFreeSocket(scout);
  await scout.close();

  const rider = await phone(browser);
  const network = await rider.page.context().newCDPSession(rider.page);
  const transfers = new Map();
  await network.send('Network.enable');
  network.on('Network.responseReceived', ({ requestId, response }) => transfers.set(requestId, { url: response.url, bytes: 0 }));
  network.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const transfer = transfers.get(requestId);
    if (transfer) transfer.bytes = encodedDataLength;
  });
  await rider.page.goto(`${URL_BASE}${socket}`, { waitUntil: 'networkidle' });
  const wasm = [...transfers.values()].filter(({ url }) => url.includes('.wasm'));
  assert.equal(wasm.length, 1, 'the islands came alive');
  const foreign = [...transfers.values()].filter(({ url }) => !url.startsWith(`${URL_BASE}/`) && !url.startsWith('data:'));
  assert.deepEqual(foreign, [], 'nothing comes from elsewhere');
  const total = [...transfers.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { url, bytes } of transfers.values()) console.log(`${String(bytes).padStart(8)} ${url.slice(URL_BASE.length)}`);
  console.log(`${String(total).padStart(8)} of ${FIRST_VISIT_BUDGET} bytes`);
  assert.ok(total <= FIRST_VISIT_BUDGET, `${total} bytes`);
  assertQuiet(rider);
  await rider.close();
});

for (const [name, options] of [
  ['zh-light', {}],
  ['zh-dark', { dark: true }],
  ['en-light', { lang: 'en' }],
  ['en-dark', { lang: 'en', dark: true }],
  ['zh-desktop', { width: 1280, height: 800 }],
]) {
  test(`home and socket look right: ${name}`, TEST_LIMIT, async () => {
    const rider = await phone(browser, options);
    await socketPaths(rider.page);
    await assertAccessible(rider.page);
    await picture(rider.page, `home-${name}`);
    await scanFreeSocket(rider);
    await assertAccessible(rider.page);
    await picture(rider.page, `scan-${name}`);
    const target = await rider.page.getByRole('button', { name: rider.words.pay }).boundingBox();
    assert.ok(target.height >= 44, 'the main button is big enough for a thumb');
    assertQuiet(rider);
    await rider.close();
  });
}
