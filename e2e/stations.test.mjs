// Other people's charge points under a rider's whole charge: the rider pays in the browser, a
// station made of a foreign OCPP library (e2e/ocpp) is told to start, meters, loses its line, stops.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertQuiet, launch, order, payAtCashier, phone, picture, TEST_LIMIT, untilHeading } from './harness.mjs';
import { addDevice, startStation } from './station.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

for (const [library, interpreter, script] of [
  ['ocpp-rpc', process.execPath, 'ocpp/charge.mjs'],
  ['python-ocpp', process.env.SAOCHONG_PYTHON ?? 'python3', 'ocpp/charge.py'],
]) {
  test(`a station of ${library} charges for a rider, and the bill is what it metered`, TEST_LIMIT, async () => {
    const device = addDevice(`peer-${library}-${process.pid}`);
    const station = startStation(interpreter, script, device);
    const rider = await phone(browser);
    const { page, words } = rider;
    try {
      await station.says('ready');
      await page.goto(device.sockets[0].url);
      await page.getByText(words.free).first().waitFor();
      await order(rider);
      await payAtCashier(rider);
      await station.says('started');
      await untilHeading(page, words.charging);
      const { energyWh } = await station.says('charged');
      assert.equal(await station.exitCode, 0);

      await untilHeading(page, words.ended);
      await page.getByText(words.refunded).first().waitFor();
      await page.getByRole('link', { name: words.receipt }).click();
      await page.getByText(words.agrees).waitFor();
      await page.getByText(`${(energyWh / 1000).toFixed(3)} kWh`).first().waitFor();
      await picture(page, `station-${library}-receipt`);
      assertQuiet(rider);
    } finally {
      station.end();
      await rider.close();
    }
  });
}
