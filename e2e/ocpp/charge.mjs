// A foreign charge point (npm ocpp-rpc, strict: every message checked against the OCPP 1.6 JSON
// schemas, both ways) drives one whole charge against a running server.
//
//   node e2e/ocpp/charge.mjs [--server http://127.0.0.1:8080] [--identity CP1 --password SECRET]
//        [--connector 1] [--id-tag TAG | --remote] [--fresh] [--readings 3] [--wait-s 120]
//
// The server is also SAOCHONG_URL. Without an identity the peer adds a station of its own with
// `$SAOCHONG_BIN device add`, to the first site of $SAOCHONG_DATABASE_URL, and implies --fresh.
//
// --id-tag  start at once with this tag (default: a stranger's)
// --remote  wait until the server asks to start (somebody paid), and use its tag
// --fresh   the station never booted: what comes before the boot must be a SecurityError
//
// Prints one JSON object a line: {"ready":true}, {"started":…}, and at the end {"charged":…}.
// Exits 0 when the whole charge went as the protocol says, 1 otherwise.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { RPCClient } from 'ocpp-rpc';

const flags = {
    server: { fallback: process.env.SAOCHONG_URL ?? 'http://127.0.0.1:8080' },
    identity: { fallback: '' },
    password: { fallback: '' },
    connector: { fallback: '1' },
    'id-tag': { fallback: 'NODE-STRANGER' },
    remote: { bare: true },
    fresh: { bare: true },
    readings: { fallback: '3' },
    'wait-s': { fallback: '120' },
};

function option(name) {
    const { fallback, bare } = flags[name];
    const at = process.argv.indexOf(`--${name}`);
    if (bare && at >= 0) return true;
    const given = at >= 0 ? process.argv[at + 1] : undefined;
    return given ?? fallback;
}

/** A station of our own, made with the server's command line. */
function addStation() {
    const run = (...args) => JSON.parse(execFileSync(process.env.SAOCHONG_BIN, args, { encoding: 'utf8' }));
    const [site] = run('site', 'list', '--json');
    const account = { identity: `PEER-${randomBytes(4).toString('hex')}`, password: randomBytes(16).toString('hex') };
    run('device', 'add', '--site', site.site_id, '--identity', account.identity, '--password', account.password, '--sockets', '1');
    return { ...account, fresh: true };
}

const account = option('identity')
    ? { identity: option('identity'), password: option('password'), fresh: option('fresh') === true }
    : addStation();

const server = option('server').replace(/^http/, 'ws').replace(/\/$/, '');
const connectorId = Number(option('connector'));
const readings = Number(option('readings'));
const waitMs = 1000 * Number(option('wait-s'));
const say = (news) => console.log(JSON.stringify(news));
const now = () => new Date().toISOString();

function within(ms, what, promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const station = new RPCClient({
    endpoint: `${server}/ocpp`,
    identity: account.identity,
    password: account.password,
    protocols: ['ocpp1.6'],
    strictMode: true,
    callTimeoutMs: 15_000,
    reconnect: false,
});
const broken = [];
station.on('badMessage', ({ error }) => broken.push(error.message));
station.on('strictValidationFailure', ({ error }) => broken.push(error.message));

let remoteStart;
const askedToStart = new Promise((resolve) => (remoteStart = resolve));
let remoteStop;
const askedToStop = new Promise((resolve) => (remoteStop = resolve));
const configured = new Map();
station.handle('RemoteStartTransaction', ({ params }) => {
    remoteStart(params);
    return { status: 'Accepted' };
});
station.handle('RemoteStopTransaction', ({ params }) => {
    remoteStop(params);
    return { status: 'Accepted' };
});
station.handle('ChangeConfiguration', ({ params }) => {
    configured.set(params.key, params.value);
    return { status: 'Accepted' };
});
let statusWanted;
const askedForStatus = new Promise((resolve) => (statusWanted = resolve));
station.handle('TriggerMessage', ({ params }) => {
    if (params.requestedMessage === 'StatusNotification') statusWanted();
    return { status: 'Accepted' };
});

const status = (state) =>
    station.call('StatusNotification', { connectorId, errorCode: 'NoError', status: state });

async function boot() {
    if (account.fresh) {
        const early = await station.call('Heartbeat', {}).catch((error) => error);
        assert.equal(early.rpcErrorCode, 'SecurityError', 'a call before the first boot');
    }
    const accepted = await station.call('BootNotification', {
        chargePointVendor: 'ocpp-rpc',
        chargePointModel: 'Foreign socket',
        firmwareVersion: '2.2.1',
    });
    assert.equal(accepted.status, 'Accepted');
    assert.ok(accepted.interval > 0);
    assert.ok(Math.abs(Date.parse(accepted.currentTime) - Date.now()) < 60_000, 'the server’s clock');
    await within(15_000, 'the server asks for the socket states', askedForStatus);
    assert.ok(Number(configured.get('MeterValueSampleInterval')) > 0);
    assert.ok(Number(configured.get('TransactionMessageAttempts')) > 3);
    await status('Available');
    await station.call('Heartbeat', {});
}

async function charge(idTag) {
    let registerWh = 1_000;
    await status('Preparing');
    const authorized = await station.call('Authorize', { idTag });
    const start = { connectorId, idTag, meterStart: registerWh, timestamp: now() };
    const started = await station.call('StartTransaction', start);
    assert.ok(Number.isInteger(started.transactionId) && started.transactionId > 0);
    const again = await station.call('StartTransaction', start);
    assert.equal(again.transactionId, started.transactionId, 'a repeated start is the same start');
    const { transactionId } = started;
    say({ started: { transactionId, authorized: authorized.idTagInfo.status } });
    await status('Charging');

    let stopped = false;
    askedToStop.then((params) => (stopped = params.transactionId === transactionId));
    for (let count = 0; count < readings && !stopped; count += 1) {
        registerWh += 5;
        await station.call('MeterValues', { connectorId, transactionId, meterValue: [reading(registerWh)] });
        await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    await status('SuspendedEV');
    const stop = { transactionId, idTag, meterStop: registerWh, timestamp: now(), reason: stopped ? 'Remote' : 'Local' };
    await station.call('StopTransaction', stop);
    await station.call('StopTransaction', stop);
    // A reading after the end is confirmed as well.
    await station.call('MeterValues', { connectorId, transactionId, meterValue: [reading(registerWh)] });
    await status('Available');
    return { transactionId, energyWh: registerWh - 1_000, reason: stop.reason };
}

function reading(registerWh) {
    return {
        timestamp: now(),
        sampledValue: [
            { value: (registerWh / 1_000).toFixed(3), measurand: 'Energy.Active.Import.Register', unit: 'kWh' },
            { value: '310.5', measurand: 'Power.Active.Import', unit: 'W' },
        ],
    };
}

try {
    await within(15_000, 'connect', station.connect());
    assert.equal(station.protocol, 'ocpp1.6');
    await boot();
    say({ ready: true });
    const remote = option('remote') === true;
    const idTag = remote ? (await within(waitMs, 'RemoteStartTransaction', askedToStart)).idTag : option('id-tag');
    const charged = await charge(idTag);
    assert.deepEqual(broken, [], 'messages that are not OCPP 1.6');
    say({ charged });
    await station.close();
    process.exit(0);
} catch (error) {
    console.error(error);
    process.exit(1);
}
