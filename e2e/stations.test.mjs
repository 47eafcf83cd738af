// Other people's charge points under a rider's whole charge: the rider pays in the browser, a
// station made of a foreign OCPP library (e2e/ocpp) is told to start, meters, loses its line, stops.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertQuiet, launch, order, payAtCashier, phone, picture, TEST_LIMIT, untilHeading, URL_BASE } from './harness.mjs';

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

/** The server's own command line, on the demo's database. */
function saochong(...args) {
  const env = { ...process.env, SAOCHONG_PUBLIC_URL: URL_BASE };
  return JSON.parse(execFileSync(process.env.SAOCHONG_BIN, args, { env, encoding: 'utf8' }));
}

/** A new station with one socket at the demo's first site. */
function addDevice(identity) {
  const [site] = saochong('site', 'list', '--json');
  return saochong('device', 'add', '--site', site.site_id, '--operator', site.operator_id, '--identity', identity, '--sockets', '1');
}

/** Starts a foreign station, and hears what it says line by line. */
function startStation(interpreter, script, { identity, password }) {
  const process = spawn(
    interpreter,
    [fileURLToPath(new URL(script, import.meta.url)), '--server', URL_BASE, '--identity', identity, '--password', password,
      '--remote', '--fresh', '--readings', '6'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exitCode = new Promise((resolve) => process.once('exit', resolve));
  const heard = {};
  const waiting = {};
  createInterface({ input: process.stdout }).on('line', (line) => {
    Object.assign(heard, JSON.parse(line));
    for (const [word, resolve] of Object.entries(waiting)) if (word in heard) resolve(heard[word]);
  });
  const says = (word) => Promise.race([
    new Promise((resolve) => (word in heard ? resolve(heard[word]) : (waiting[word] = resolve))),
    exitCode.then((code) => (word in heard ? heard[word] : Promise.reject(new Error(`${script} ended with ${code} before it was ${word}`)))),
  ]);
  return { says, exitCode, end: () => process.kill() };
}
