// A station made of a foreign OCPP library (e2e/ocpp) at the demo, and the server's command line.

import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { URL_BASE } from './harness.mjs';

/** The server's own command line, on the demo's database. */
export function saochong(args, more = {}, input = '') {
  const env = { ...process.env, SAOCHONG_PUBLIC_URL: URL_BASE, ...more };
  return JSON.parse(execFileSync(process.env.SAOCHONG_BIN, [...args, '--json'], { env, input, encoding: 'utf8' }));
}

/** A new station with one socket, at the demo's first site if at none other. */
export function addDevice(identity, site = saochong(['site', 'list'])[0]) {
  return saochong(['device', 'add', '--site', site.site_id, '--operator', site.operator_id, '--identity', identity, '--sockets', '1']);
}

/** Starts a foreign station, and hears what it says line by line. */
export function startStation(interpreter, script, { identity, password }) {
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
