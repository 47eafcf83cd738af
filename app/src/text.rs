//! All that people read: riders here, operators in [`admin`]. One struct for each page or part; a
//! text missing in one language does not compile. Sentences with figures in them are functions of
//! the figures.

pub mod admin;
mod en;
mod hold;
mod zh;

use wasm_core::link::CodeError;
use wasm_core::order::{CancelReason, Channel, RefundReason, StartFailure, StopReason};

use crate::lang::Lang;

pub use hold::Hold;

/// A sentence with one figure or name in it.
pub type With1 = fn(&str) -> String;
/// A sentence with two.
pub type With2 = fn(&str, &str) -> String;

/// The texts of one language.
pub struct Text {
    /// Which language.
    pub lang: Lang,
    /// On every page.
    pub frame: Frame,
    /// What a price list says.
    pub price: Price,
    /// The page behind a scan code.
    pub scan: Scan,
    /// Where and how to pay.
    pub pay: Pay,
    /// Pages about what is in the way.
    pub trouble: Trouble,
    /// The order's page.
    pub order: Order,
    /// Charging on money that is only set aside.
    pub hold: Hold,
    /// Bill and receipt.
    pub bill: Bill,
    /// Own orders.
    pub mine: Mine,
    /// The first page.
    pub home: Home,
    /// Why a charge ended, in plain words.
    pub stop_reason: fn(StopReason) -> &'static str,
    /// Why an order was cancelled, and what that means for the money.
    pub cancel_reason: fn(CancelReason) -> &'static str,
    /// Why a charge did not start.
    pub start_failure: fn(StartFailure) -> &'static str,
    /// Why money goes back.
    pub refund_reason: fn(RefundReason) -> &'static str,
    /// What kind of mistake a scan code has.
    pub code_error: fn(CodeError) -> &'static str,
}

/// On every page.
pub struct Frame {
    /// The product's name.
    pub brand: &'static str,
    /// Name of the other language, in that language.
    pub switch_language: &'static str,
    /// Link to own orders.
    pub my_orders: &'static str,
    /// Link to the first page.
    pub home: &'static str,
    /// Before the phone number.
    pub service_phone: &'static str,
    /// Who runs the site.
    pub run_by: With1,
    /// `今天 21:05`.
    pub today: With1,
    /// `明天 07:30`.
    pub tomorrow: With1,
    /// `昨天 21:05`.
    pub yesterday: With1,
    /// Month, day and time.
    pub date: fn(i64, i64, &str) -> String,
    /// Year, month, day and time.
    pub full_date: fn(i64, i64, i64, &str) -> String,
    /// Hours and minutes in words.
    pub duration: fn(i64) -> String,
    /// A socket's name: station and number.
    pub socket: With2,
}

/// What a price list says.
pub struct Price {
    /// Heading.
    pub title: &'static str,
    /// Electricity.
    pub electricity: &'static str,
    /// What the electricity price is.
    pub electricity_note: &'static str,
    /// Service fee.
    pub service: &'static str,
    /// There is no service fee.
    pub no_service: &'static str,
    /// Unit: per kWh.
    pub per_kwh: &'static str,
    /// Unit: per hour.
    pub per_hour: &'static str,
    /// Unit: per charge.
    pub per_session: &'static str,
    /// The whole day.
    pub all_day: &'static str,
    /// Marks the period that holds now.
    pub now: &'static str,
    /// How the power that chooses the tier is taken: real time.
    pub by_real_time: &'static str,
    /// By average.
    pub by_average: &'static str,
    /// By maximum.
    pub by_maximum: &'static str,
    /// Power up to.
    pub up_to_w: With1,
    /// Power above.
    pub over_w: With1,
    /// Free time.
    pub free: &'static str,
    /// What free time means.
    pub free_value: With1,
    /// Minimum.
    pub minimum: &'static str,
    /// Cap.
    pub cap: &'static str,
    /// Longest time.
    pub longest: &'static str,
    /// Nothing else is charged.
    pub nothing_else: &'static str,
}

/// The page behind a scan code.
pub struct Scan {
    /// Title of the page.
    pub title: &'static str,
    /// State: free.
    pub free: &'static str,
    /// Heading of the choice.
    pub choose: &'static str,
    /// Plan: by time.
    pub plan_time: With1,
    /// Plan: by money.
    pub plan_money: With1,
    /// Plan: by energy.
    pub plan_energy: With1,
    /// Plan: till full.
    pub plan_full: &'static str,
    /// Prepaid, the rest comes back.
    pub metered_note: &'static str,
    /// Prepaid until it is used up.
    pub money_note: &'static str,
    /// One price, unused part comes back pro rata.
    pub package_note: &'static str,
    /// Prepay.
    pub prepay: &'static str,
    /// Package price.
    pub package_price: &'static str,
    /// Heading of the power presets.
    pub power: &'static str,
    /// Small e-bike.
    pub power_small: &'static str,
    /// Common e-bike.
    pub power_common: &'static str,
    /// Strong e-bike.
    pub power_strong: &'static str,
    /// Heading of the estimate.
    pub estimate: &'static str,
    /// The estimate's basis: power and energy.
    pub estimate_basis: &'static str,
    /// Expected charge time.
    pub expected_time: &'static str,
    /// Expected energy.
    pub expected_energy: &'static str,
    /// Hours, after the figure.
    pub hours: &'static str,
    /// Minutes, after the figure.
    pub minutes: &'static str,
    /// Expected discount.
    pub expected_discount: &'static str,
    /// Expected refund.
    pub expected_refund: &'static str,
    /// Where the refund goes.
    pub refund_note: &'static str,
    /// The button, before the amount.
    pub pay: &'static str,
    /// Plug in first.
    pub plug_first: &'static str,
}

/// Where and how to pay.
pub struct Pay {
    /// A platform's name.
    pub channel: fn(Channel) -> &'static str,
    /// Before the platforms to choose among.
    pub choose_channel: &'static str,
    /// Before codes for another phone.
    pub scan_to_pay: &'static str,
    /// What a code is, for who cannot see it.
    pub code_of: With1,
    /// Opens a code's page on this very screen.
    pub open_here: &'static str,
    /// Leads away from the codes.
    pub other_way: &'static str,
}

/// A page about what is in the way.
pub struct Notice {
    /// What is the matter.
    pub title: &'static str,
    /// What it means, for the money too.
    pub body: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// Pages about what is in the way.
pub struct Trouble {
    /// Another rider charges here.
    pub busy: Notice,
    /// This rider charges here.
    pub own: Notice,
    /// The station has no link.
    pub offline: Notice,
    /// The socket is out of order.
    pub faulted: Notice,
    /// The socket is switched off or reserved.
    pub unavailable: Notice,
    /// No socket has the code.
    pub unknown_code: Notice,
    /// The code cannot be right.
    pub bad_code: Notice,
    /// The price changed.
    pub price_changed: Notice,
    /// No such page or order.
    pub not_found: Notice,
    /// Our own trouble.
    pub internal: Notice,
    /// The payment platform did not answer.
    pub platform: Notice,
    /// Too many requests.
    pub too_many: Notice,
    /// The form came from elsewhere or is incomplete.
    pub bad_form: Notice,
    /// The order's state does not allow it any more.
    pub too_late: Notice,
    /// Label of the code field.
    pub code_label: &'static str,
    /// Button of the code field.
    pub code_go: &'static str,
    /// Link to the own order.
    pub to_order: &'static str,
    /// Link: look again.
    pub again: &'static str,
}

/// The order's page.
pub struct Order {
    /// Title of the page.
    pub title: &'static str,
    /// Waiting for payment.
    pub paying: &'static str,
    /// Until when.
    pub pay_by: With1,
    /// What happens after paying.
    pub pay_note: &'static str,
    /// Look whether it is paid.
    pub paid_already: &'static str,
    /// Button: the app's cashier does not open.
    pub pay_in_browser: &'static str,
    /// Button: cancel.
    pub cancel: &'static str,
    /// Asks before cancelling a paid order.
    pub cancel_paid_sure: With1,
    /// Asks before cancelling an unpaid order.
    pub cancel_unpaid_sure: &'static str,
    /// Starting, the device has not answered.
    pub starting: &'static str,
    /// Starting, the device will try.
    pub accepted: &'static str,
    /// Step: paid.
    pub step_paid: With1,
    /// Step: the socket is asked.
    pub step_asked: &'static str,
    /// Step: the socket will try.
    pub step_accepted: &'static str,
    /// Step: current flows.
    pub step_current: &'static str,
    /// What happens to the money, at the latest when.
    pub starting_promise: With2,
    /// Start unknown.
    pub start_unknown: &'static str,
    /// What happens then.
    pub start_unknown_note: With2,
    /// Seconds left.
    pub seconds_left: &'static str,
    /// Charging.
    pub charging: &'static str,
    /// Finishing.
    pub finishing: &'static str,
    /// What finishing waits for.
    pub finishing_note: &'static str,
    /// Cancelled.
    pub cancelled: &'static str,
    /// Start failed.
    pub start_failed: &'static str,
    /// Over.
    pub ended: &'static str,
    /// Power now.
    pub power: &'static str,
    /// Elapsed time.
    pub elapsed: &'static str,
    /// Energy.
    pub energy: &'static str,
    /// Cost so far.
    pub cost: &'static str,
    /// Cost so far is below one fen.
    pub tiny: &'static str,
    /// Will come back.
    pub comes_back: &'static str,
    /// Came back.
    pub came_back: &'static str,
    /// Paid.
    pub paid: &'static str,
    /// Plan.
    pub plan: &'static str,
    /// Place.
    pub place: &'static str,
    /// Order number.
    pub number: &'static str,
    /// Ends at the latest.
    pub ends_by: With1,
    /// The curve, told to those who cannot see it.
    pub curve_label: &'static str,
    /// Before the first reading.
    pub no_reading: &'static str,
    /// The link to the server is lost for now.
    pub stale: &'static str,
    /// Button: stop.
    pub stop: &'static str,
    /// Asks before stopping.
    pub stop_sure: &'static str,
    /// Button: yes, stop.
    pub stop_yes: &'static str,
    /// Link to the receipt.
    pub receipt: &'static str,
    /// Charge again at the same socket.
    pub again: &'static str,
    /// No money was taken.
    pub nothing_paid: &'static str,
}

/// Bill and receipt.
pub struct Bill {
    /// Title of the page.
    pub title: &'static str,
    /// Total.
    pub total: &'static str,
    /// Discounts.
    pub discount: &'static str,
    /// Paid.
    pub paid: &'static str,
    /// Refunded.
    pub refund: &'static str,
    /// Heading of the arithmetic.
    pub arithmetic: &'static str,
    /// Subtotal of a group.
    pub subtotal: With1,
    /// A fraction of a fen was dropped.
    pub rounded_down: &'static str,
    /// Energy within a period.
    pub energy_period: With2,
    /// Time within a power tier.
    pub power_tier: With1,
    /// Energy above the last tier.
    pub over_top: With1,
    /// Fee for one charge.
    pub session: &'static str,
    /// Service part of a package.
    pub package: &'static str,
    /// How the package's service part comes about: price, used ÷ bought, charge, electricity.
    pub package_sum: fn(&str, &str, &str, &str, &str) -> String,
    /// Lift to the minimum.
    pub minimum: &'static str,
    /// Package below its electricity.
    pub below_electricity: &'static str,
    /// Ended within the free time.
    pub free_time: &'static str,
    /// The cap.
    pub cap: &'static str,
    /// Used more than was paid.
    pub over_paid: &'static str,
    /// Started.
    pub started: &'static str,
    /// Ended.
    pub ended: &'static str,
    /// Duration.
    pub duration: &'static str,
    /// Energy.
    pub energy: &'static str,
    /// Why it ended.
    pub reason: &'static str,
    /// Price list version.
    pub tariff: &'static str,
    /// Where the refund goes.
    pub refund_way: &'static str,
    /// A refund on its way.
    pub refund_pending: &'static str,
    /// A refund done, when.
    pub refund_done: With1,
    /// A refund that a person looks after.
    pub refund_parked: &'static str,
    /// Nothing to give back.
    pub refund_none: &'static str,
    /// The last reading is missing.
    pub final_missing: &'static str,
    /// Checking on this phone.
    pub checking: &'static str,
    /// Without WASM: how to check.
    pub check_plain: &'static str,
    /// Agrees.
    pub agrees: &'static str,
    /// What agreeing means.
    pub agrees_note: &'static str,
    /// Differs, before the amount it should be.
    pub differs: &'static str,
    /// What to do then.
    pub differs_note: &'static str,
    /// The check could not be done.
    pub check_failed: &'static str,
    /// Back to the order.
    pub back: &'static str,
}

/// Own orders.
pub struct Mine {
    /// Title of the page.
    pub title: &'static str,
    /// None yet.
    pub empty: &'static str,
    /// What to do then.
    pub empty_note: &'static str,
    /// Running ones.
    pub open: &'static str,
    /// Past ones.
    pub past: &'static str,
    /// What is kept, and where.
    pub kept: &'static str,
}

/// The first page.
pub struct Home {
    /// Title.
    pub title: &'static str,
    /// What one does here.
    pub lead: &'static str,
    /// Demo: title.
    pub demo_title: &'static str,
    /// Demo: what one does here.
    pub demo_lead: &'static str,
    /// Demo: how the QR is meant.
    pub demo_scan: &'static str,
    /// Demo: where the simulated platforms are told to go wrong.
    pub demo_faults: &'static str,
    /// Demo: operator login.
    pub operator_login: &'static str,
    /// The QR of a socket, told to those who cannot see it.
    pub qr_label: With1,
}

impl Text {
    /// The texts of a language.
    pub fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Zh => &zh::TEXT,
            Lang::En => &en::TEXT,
        }
    }
}
