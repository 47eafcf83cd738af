// Old kernels and dead networks charge too: the same job without WASM, and without any script.

import { after, before, test } from 'node:test';
import { changed, charge, finish, launch, phone, picture, TEST_LIMIT } from './harness.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

for (const [name, options] of [
  ['with WASM blocked', { wasm: false }],
  ['with JavaScript off', { script: false }],
]) {
  test(`a rider charges and gets the rest back ${name}`, TEST_LIMIT, async () => {
    const rider = await phone(browser, options);
    const { page, words } = rider;
    await charge(rider);
    // The page loads itself anew, so the figures move all the same.
    const energy = page.locator('.meter .tiles dd').nth(1);
    await changed(energy, await energy.textContent());
    await picture(page, `plain-charging-${options.script === false ? 'no-script' : 'no-wasm'}`);
    await finish(rider);
    await page.getByText(words.plain).waitFor();
    await rider.close();
  });
}
