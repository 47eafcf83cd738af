"""A foreign charge point (PyPI `ocpp` with its JSON schemas on) drives one whole charge, goes
offline in the middle of it, and replays what it kept.

    python e2e/ocpp/charge.py [--server http://127.0.0.1:8080] [--identity CP1 --password SECRET]
           [--connector 1] [--id-tag TAG | --remote] [--fresh] [--readings 3] [--wait-s 120]

The server is also SAOCHONG_URL. Without an identity the peer adds a station of its own with
`$SAOCHONG_BIN device add`, to the first site of $SAOCHONG_DATABASE_URL, and implies --fresh.

--id-tag  start at once with this tag (default: a stranger's)
--remote  wait until the server asks to start (somebody paid), and use its tag
--fresh   the station never booted: what comes before the boot must be a SecurityError

Prints one JSON object a line: {"ready": true}, {"started": …}, and at the end {"charged": …}.
Exits 0 when the whole charge went as the protocol says, 1 otherwise.
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import subprocess
import sys
from datetime import datetime, timezone

import websockets
from ocpp.exceptions import OCPPError
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result

FIRST_WH = 2_000


def say(**news):
    print(json.dumps(news), flush=True)


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


class Station(ChargePoint):
    """Accepts what it is asked, and remembers it."""

    def __init__(self, identity, connection):
        super().__init__(identity, connection, response_timeout=15)
        self.configured = {}
        self.start_wanted = asyncio.get_running_loop().create_future()
        self.status_wanted = asyncio.Event()
        self.stop_wanted = asyncio.Event()

    @on("RemoteStartTransaction")
    def remote_start(self, id_tag, **_):
        if not self.start_wanted.done():
            self.start_wanted.set_result(id_tag)
        return call_result.RemoteStartTransaction(status="Accepted")

    @on("RemoteStopTransaction")
    def remote_stop(self, **_):
        self.stop_wanted.set()
        return call_result.RemoteStopTransaction(status="Accepted")

    @on("ChangeConfiguration")
    def change_configuration(self, key, value):
        self.configured[key] = value
        return call_result.ChangeConfiguration(status="Accepted")

    @on("TriggerMessage")
    def trigger(self, **_):
        self.status_wanted.set()
        return call_result.TriggerMessage(status="Accepted")

    async def ask(self, message):
        """Suppressing nothing: a CALLERROR is an exception."""
        return await self.call(message, suppress=False)

    async def status(self, connector, state):
        await self.ask(
            call.StatusNotification(connector_id=connector, error_code="NoError", status=state)
        )


def connect(options, identity=None, password=None):
    identity = identity or options.identity
    login = f"{identity}:{password or options.password}".encode()
    return websockets.connect(
        f"{options.server}/ocpp/{options.identity}",
        subprotocols=["ocpp1.6"],
        additional_headers={"Authorization": "Basic " + base64.b64encode(login).decode()},
    )


async def refused_at_the_door(options):
    for identity, password in [(None, "wrong"), ("SOMEBODY", None)]:
        try:
            async with connect(options, identity, password):
                check(False, "a stranger was let in")
        except websockets.InvalidStatus as refusal:
            check(refusal.response.status_code == 401, refusal)


async def boot(station, options):
    if options.fresh:
        try:
            await station.ask(call.Heartbeat())
            check(False, "a call before the first boot was answered")
        except OCPPError as error:
            check(error.code == "SecurityError", error)
    accepted = await station.ask(
        call.BootNotification(charge_point_vendor="PyPI", charge_point_model="Foreign socket")
    )
    check(accepted.status == "Accepted" and accepted.interval > 0, accepted)
    await asyncio.wait_for(station.status_wanted.wait(), 15)
    check(int(station.configured["TransactionMessageAttempts"]) > 3, station.configured)
    await station.status(options.connector, "Available")


def reading(register_wh, at=None):
    # No unit and no measurand: the protocol's defaults, watt-hours of the energy register.
    return {"timestamp": at or now(), "sampled_value": [{"value": str(register_wh)}]}


async def first_half(station, options):
    """Start and some readings. What comes back is needed for the second half."""
    id_tag = options.id_tag
    if options.remote:
        id_tag = await asyncio.wait_for(station.start_wanted, options.wait_s)
    await station.status(options.connector, "Preparing")
    start = call.StartTransaction(
        connector_id=options.connector, id_tag=id_tag, meter_start=FIRST_WH, timestamp=now()
    )
    started = await station.ask(start)
    check(started.transaction_id > 0, started)
    say(started={"transactionId": started.transaction_id})
    await station.status(options.connector, "Charging")
    register_wh = FIRST_WH
    for _ in range(options.readings):
        if station.stop_wanted.is_set():
            break
        register_wh += 7
        await station.ask(
            call.MeterValues(
                connector_id=options.connector,
                transaction_id=started.transaction_id,
                meter_value=[reading(register_wh)],
            )
        )
        await asyncio.sleep(1)
    return start, started.transaction_id, register_wh


async def second_half(station, options, start, transaction_id, register_wh):
    """After the line was down: the start once more, a kept reading, the stop twice."""
    again = await station.ask(start)
    check(again.transaction_id == transaction_id, "a repeated start is the same start")
    register_wh += 7
    await station.ask(
        call.MeterValues(
            connector_id=options.connector,
            transaction_id=transaction_id,
            meter_value=[reading(register_wh)],
        )
    )
    await station.status(options.connector, "SuspendedEV")
    reason = "Remote" if station.stop_wanted.is_set() else "Local"
    stop = call.StopTransaction(
        meter_stop=register_wh,
        timestamp=now(),
        transaction_id=transaction_id,
        reason=reason,
        id_tag=start.id_tag,
        transaction_data=[reading(register_wh)],
    )
    await station.ask(stop)
    await station.ask(stop)
    # The protocol's own way to say "I never got an id": confirmed, too.
    await station.ask(call.StopTransaction(meter_stop=1, timestamp=now(), transaction_id=-1))
    await station.status(options.connector, "Available")
    say(
        charged={
            "transactionId": transaction_id,
            "energyWh": register_wh - FIRST_WH,
            "reason": reason,
        }
    )


async def with_station(options, work):
    async with connect(options) as connection:
        check(connection.subprotocol == "ocpp1.6", connection.subprotocol)
        station = Station(options.identity, connection)
        listening = asyncio.create_task(station.start())
        try:
            return await work(station)
        finally:
            listening.cancel()


async def main(options):
    await refused_at_the_door(options)

    async def before(station):
        await boot(station, options)
        say(ready=True)
        return await first_half(station, options)

    start, transaction_id, register_wh = await with_station(options, before)

    # A lost line is no restart: no boot this time.
    async def after(station):
        await second_half(station, options, start, transaction_id, register_wh)

    await with_station(options, after)


def add_station(given):
    """A station of our own, made with the server's command line."""

    def run(*args):
        done = subprocess.run([os.environ["SAOCHONG_BIN"], *args], check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    site = run("site", "list", "--json")[0]["site_id"]
    given.identity = f"PEER-{secrets.token_hex(4)}"
    given.password = secrets.token_hex(16)
    given.fresh = True
    login = ["--identity", given.identity, "--password", given.password]
    run("device", "add", "--site", site, *login, "--sockets", "1")


def options():
    parser = argparse.ArgumentParser()

    server = os.environ.get("SAOCHONG_URL", "http://127.0.0.1:8080")
    parser.add_argument("--server", default=server)
    parser.add_argument("--identity")
    parser.add_argument("--password")
    parser.add_argument("--connector", default=1, type=int)
    parser.add_argument("--id-tag", default="PYTHON-STRANGER")
    parser.add_argument("--readings", default=3, type=int)
    parser.add_argument("--wait-s", default=120, type=int)
    parser.add_argument("--remote", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    if not given.identity:
        add_station(given)
    given.server = given.server.replace("http", "ws", 1).rstrip("/")
    return given


if __name__ == "__main__":
    try:
        asyncio.run(main(options()))
    except Exception as error:  # the harness wants one line and a code
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
