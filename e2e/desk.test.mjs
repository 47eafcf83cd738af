// On a desk: the page shows codes, another phone scans one and pays, and the desk's page goes on.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import jsQR from 'jsqr';
import {
  assertAccessible, assertQuiet, cashierButton, finish, launch, phone, picture, scanFreeSocket, TEST_LIMIT, untilHeading,
} from './harness.mjs';

/** Pixels of a module: what a camera sees. */
const SCALE = 4;

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test('a code on a desk is paid with a phone', TEST_LIMIT, async () => {
  const desk = await phone(browser, { width: 1280, height: 900 });
  const { page, words } = desk;
  await scanFreeSocket(desk);
  await page.getByRole('button', { name: words.pay }).click();
  await page.waitForURL(/\/orders\/[^/]+\/codes$/);
  await assertAccessible(page);
  await picture(page, 'desk-codes');

  const scanned = await phone(browser);
  await scanned.page.goto(scan(await page.locator('.pay-code svg').first().evaluate(drawing)));
  await cashierButton(scanned.page).click();
  await scanned.close();

  await untilHeading(page, words.charging);
  assert.match(page.url(), /\/orders\/[^/]+$/);
  await finish(desk);
  assertQuiet(desk);
  await desk.close();
});

/** A code's side and its dark runs. */
function drawing(svg) {
  const [, , side] = svg.getAttribute('viewBox').split(' ').map(Number);
  const path = svg.querySelector('path').getAttribute('d');
  const runs = [...path.matchAll(/M(\d+) (\d+)h(\d+)/g)].map(([, x, y, length]) => [x, y, length].map(Number));
  return { side, runs };
}

/** The text of a code, read by a library of other people's. */
function scan({ side, runs }) {
  const width = side * SCALE;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  for (const [left, top, length] of runs) {
    for (let y = top * SCALE; y < (top + 1) * SCALE; y += 1) {
      for (let x = left * SCALE; x < (left + length) * SCALE; x += 1) pixels.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  const found = jsQR(pixels, width, width);
  assert.ok(found, 'the code can be read');
  return found.data;
}
