// The entry for browsers and Node alike: ready to call when the import is done.
import init, { initSync } from "./core.js";

const wasm = new URL("./core_bg.wasm", import.meta.url);

// Node's fetch does not open files.
if (wasm.protocol === "file:") {
  const { readFileSync } = await import("node:fs");
  initSync({ module: readFileSync(wasm) });
} else {
  await init({ module_or_path: wasm });
}

export {
  orderActions,
  quote,
  readScanCode,
  settle,
  validateTariff,
  verifyReceipt,
} from "./core.js";
