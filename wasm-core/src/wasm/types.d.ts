/** Whole fen; 100 fen are one yuan. */
export type Fen = number;
/** Thousandths of a fen. */
export type Mfen = number;
/** Milliseconds UTC. */
export type Milliseconds = number;

/** Thrown by every function of this package. */
export interface CoreError extends Error {
  name: "CoreError";
  code: TariffError | CodeError | "bad_input" | "no_such_state";
}
export type TariffError =
  | "bad_periods" | "bad_tiers" | "bad_price" | "bad_duration" | "bad_plan" | "bad_plans"
  | "no_such_plan" | "bad_usage";
export type CodeError = "length" | "symbol" | "mistyped";

export interface Tariff {
  id: string;
  electricity: PricePeriod[];
  service: Service;
  plans: Plan[];
  free_ms?: number;
  minimum_fen?: Fen;
  cap_fen?: Fen | null;
  longest_ms: number;
  utc_offset_minutes?: number;
}
export interface PricePeriod { from_minute: number; price_mfen_per_kwh: Mfen }
export type Service =
  | { by: "none" }
  | { by: "energy"; prices: PricePeriod[] }
  | {
      by: "power_time";
      basis: "real_time" | "average" | "maximum";
      tiers: { up_to_w: number; price_mfen_per_hour: Mfen }[];
      over_top: "last_tier" | { energy: { price_mfen_per_kwh: Mfen } };
    }
  | { by: "session"; price_fen: Fen };
export interface Plan { id: string; limit: PlanLimit; price: PlanPrice }
export type PlanLimit =
  | { by: "time"; duration_ms: number }
  | { by: "money" }
  | { by: "energy"; energy_wh: number }
  | { by: "full" };
export type PlanPrice =
  | { by: "metered"; prepaid_fen: Fen }
  | { by: "package"; price_fen: Fen };

export interface Expectation { start_ms: Milliseconds; power_w: number; energy_wh?: number | null }
export interface Limits { duration_ms: number; energy_wh: number | null; amount_fen: Fen | null }
export interface Quote {
  tariff_id: string;
  plan_id: string;
  prepaid_fen: Fen;
  limits: Limits;
  expected: Bill;
}

export interface Usage {
  started_ms: Milliseconds;
  ended_ms: Milliseconds;
  energy_wh: number;
  samples?: Sample[];
}
export interface Sample { at_ms: Milliseconds; energy_wh: number; power_w?: number | null }

export interface Bill {
  lines: Line[];
  electricity_fen: Fen;
  service_fen: Fen;
  discount_fen: Fen;
  total_fen: Fen;
  paid_fen: Fen;
  refund_fen: Fen;
  energy_wh: number;
  duration_s: number;
}
export interface Line {
  component: "electricity" | "service" | "discount";
  item: Item;
  quantity: number;
  unit: "wh" | "second" | "piece";
  price_mfen: Mfen;
  basis: "kwh" | "hour" | "piece";
  amount_fen: Fen;
  rounding: "exact" | "down";
}
export type Item =
  | { kind: "energy_period"; from_minute: number; to_minute: number }
  | { kind: "power_tier"; over_w: number; up_to_w: number | null }
  | { kind: "over_top_energy"; over_w: number }
  | {
      kind: "package_service";
      price_fen: Fen;
      used: number;
      bought: number;
      charge_fen: Fen;
      electricity_fen: Fen;
    }
  | {
      kind:
        | "session" | "minimum"
        | "below_electricity" | "free_time" | "cap" | "over_paid";
    };

export interface Receipt {
  order_id: string;
  tariff: Tariff;
  plan: Plan;
  paid_fen: Fen;
  usage: Usage;
  bill: Bill;
}
export type Verdict =
  | { verdict: "agrees" }
  | { verdict: "differs"; computed: Bill }
  | { verdict: "invalid"; error: TariffError };

/** `code` is canonical, as in the link; `printed` has dashes, as under the QR. */
export interface ScanCode { code: string; printed: string }

export type StateName =
  | "awaiting_payment" | "starting" | "start_unknown" | "charging" | "finishing"
  | "settled" | "closed" | "cancelled" | "start_failed";
export type Action = "pay" | "cancel" | "stop" | "receipt";
