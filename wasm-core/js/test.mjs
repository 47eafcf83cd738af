// The shared case table of wasm-core/tests/cases, on the built package:
//   cargo xtask wasm && node --test wasm-core/js/test.mjs
// SAOCHONG_CORE names another place of the package.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const home = resolve(process.env.SAOCHONG_CORE ?? here("../../target/wasm/core"));
const core = await import(pathToFileURL(`${home}/index.mjs`));

const cases = here("../tests/cases");
for (const file of readdirSync(cases).filter((name) => name.endsWith(".json")).sort()) {
  const table = JSON.parse(readFileSync(`${cases}/${file}`, "utf8"));
  for (const given of table.cases) {
    test(`${file}: ${given.name}`, () => check(given, table.tariffs[given.tariff]));
  }
}

function check(given, original) {
  const tariff = { ...original, ...given.change };
  const outcome = () => {
    if (given.quote) return core.quote(tariff, given.plan, given.quote);
    if (!given.usage) return core.validateTariff(tariff);
    const plan = tariff.plans.find(({ id }) => id === given.plan);
    const paid_fen = given.paid_fen ?? plan.price.prepaid_fen ?? plan.price.price_fen;
    const bill = core.settle(tariff, plan, paid_fen, given.usage);
    const receipt = { order_id: "0".repeat(20), tariff, plan, paid_fen, usage: given.usage, bill };
    assert.deepEqual(core.verifyReceipt(receipt), { verdict: "agrees" });
    return bill;
  };
  if (given.error) assert.throws(outcome, { name: "CoreError", code: given.error });
  else agree(outcome(), given.expect, "result");
}

// Everything `expected` says must be so; what it leaves out may be anything.
function agree(found, expected, path) {
  if (Array.isArray(expected)) assert.equal(found.length, expected.length, path);
  if (expected === null || typeof expected !== "object") assert.equal(found, expected, path);
  else for (const key in expected) agree(found[key], expected[key], `${path}.${key}`);
}

test("a changed receipt differs", () => {
  const { tariffs, cases: [given] } = JSON.parse(readFileSync(`${cases}/electricity.json`, "utf8"));
  const tariff = tariffs[given.tariff];
  const plan = tariff.plans.find(({ id }) => id === given.plan);
  const bill = core.settle(tariff, plan, 300, given.usage);
  const changed = { ...bill, total_fen: bill.total_fen + 1, refund_fen: bill.refund_fen - 1 };
  const receipt = { order_id: "X", tariff, plan, paid_fen: 300, usage: given.usage, bill: changed };
  assert.deepEqual(core.verifyReceipt(receipt), { verdict: "differs", computed: bill });
});

test("only what is understood is accepted", () => {
  const { tariffs } = JSON.parse(readFileSync(`${cases}/electricity.json`, "utf8"));
  const [tariff] = Object.values(tariffs);
  const refused = (changed, path) =>
    assert.throws(() => core.validateTariff(changed), (error) => {
      assert.equal(error.code, "bad_input");
      assert.match(error.message, path);
      return true;
    });
  refused({ ...tariff, cap: 100 }, /tariff\.cap/);
  refused({ ...tariff, service: { by: "none", price_fen: 5 } }, /price_fen/);
  refused({ ...tariff, longest_ms: 36_000_000n }, /tariff/);
  refused({ ...tariff, longest_ms: 0.5 }, /tariff/);
  refused({ ...tariff, longest_ms: undefined }, /tariff/);
  refused(null, /tariff/);
  refused("tariff", /tariff/);
});

test("a scan code is read as people type it", () => {
  assert.deepEqual(core.readScanCode("0000 0000-o00O"), {
    code: "000000000000",
    printed: "0000-0000-0000",
  });
  assert.throws(() => core.readScanCode("0000-0000-0001"), { code: "mistyped" });
  assert.throws(() => core.readScanCode("0000-0000-000U"), { code: "symbol" });
  assert.throws(() => core.readScanCode("0000"), { code: "length" });
});

test("the actions of an order, by its state or the state's name", () => {
  assert.deepEqual(core.orderActions("awaiting_payment"), ["pay", "cancel"]);
  assert.deepEqual(core.orderActions({ is: "charging", transaction_id: 7 }), ["stop"]);
  assert.deepEqual(core.orderActions({ id: "X", state: { is: "closed" } }), ["receipt"]);
  assert.deepEqual(core.orderActions({ id: "X", state: "finishing" }), []);
  for (const strange of ["paid", "", null, undefined, 7, {}, { state: null }]) {
    assert.throws(() => core.orderActions(strange), { code: "no_such_state" });
  }
});
