export {
  orderActions,
  quote,
  readScanCode,
  settle,
  validateTariff,
  verifyReceipt,
} from "./core.js";
export type * from "./core.js";
