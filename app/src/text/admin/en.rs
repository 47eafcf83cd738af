//! English, for operators.

use super::{Admin, Books, Frame, Login, Orders, Overview, Sites, Trouble};

pub(super) static TEXT: Admin = Admin {
    frame: Frame {
        room: "Operator",
        nav: "Operator pages",
        overview: "Overview",
        books: "Books",
        log_out: "Log out",
    },
    login: Login {
        title: "Operator login",
        login: "Login",
        password: "Password",
        go: "Log in",
        wrong: "The login or the password is wrong.",
        too_many: "Too many tries. Please wait a minute and try again.",
        help: "Forgot your password? The service's administrator can set a new one.",
    },
    overview: Overview {
        as_of: |time| format!("As of {time}"),
        refresh: "Refresh",
        today: "Money today",
        paid: "Paid by riders",
        electricity: "Electricity",
        service: "Service fee",
        discount: "Discounts",
        refunded: "Refunded",
        parked: "Needs a person",
        parked_none: "Nothing needs you.",
        parked_note: "It failed many times. The money is still on the books and nothing is lost; \
                      mend the cause, then try again.",
        job,
        since: |time| format!("since {time}"),
        reason: "Reason",
        retry: "Try again",
        running: "Charging now",
        running_none: "Nobody is charging now.",
        elapsed: "Time",
        energy: "Energy",
        cost: "Cost so far",
        prepaid: "Prepaid",
        aside: "Set aside",
        stop: "Stop",
        stop_sure: "The current stops at once, the bill is made, and the rider gets the rest back.",
        stop_yes: "Yes, stop",
        at: |what, place| format!("{what}: {place}"),
        only: |count| format!("Only the first {count} are shown."),
    },
    sites: Sites {
        title: "Sites",
        none: "No sites yet. Add one with the command saochong site add.",
        no_stations: "This site has no stations yet.",
        online: "Online",
        offline: "Offline",
        last_seen: |time| format!("last seen {time}"),
        never_seen: "never seen",
        free: "Free",
        plugged: "Plugged in",
        busy: "In use",
        unreachable: "No link",
        faulted: "Fault",
        closed: "Closed",
        silent: "No report",
        codes: "QR codes",
        codes_note: "Print them and put each beside its socket.",
    },
    orders: Orders {
        title: "Orders today",
        none: "No orders yet today.",
        time: "Time",
        place: "Place",
        state: "State",
        pending: |amount| format!("{amount} on its way"),
        parked: |amount| format!("{amount} needs a person"),
        taking: |amount| format!("taking {amount}"),
        taking_parked: |amount| format!("{amount} to be taken, needs a person"),
        gone: "socket removed",
    },
    books: Books {
        title: "Books",
        lead: "Every entry is double: the two sides must be equal.",
        assets: "Where the money is",
        claims: "Whose it is",
        account,
        sum: "Sum",
        check: "Check",
        whole: "The books are whole: every entry balances, every order agrees.",
        wrong: |count| format!("{count} things are wrong"),
        checked: |transactions, amount, orders| {
            format!(
                "Checked {transactions} transactions, {amount} debited and credited, \
                 {orders} orders."
            )
        },
        wrong_note: "Please keep this page and call the service's administrator.",
    },
    splits: super::splits::EN,
    trouble: Trouble {
        not_found: ("There is nothing here", "It does not exist, or is not your company's."),
        not_allowed: ("Your role may not do this", "Please ask a colleague who may."),
        bad_form: (
            "Nothing was done",
            "The request did not come from this page. Go back to the overview and try again.",
        ),
        too_late: ("No longer needed", "The order has moved on; nothing was changed."),
        internal: ("Something went wrong", "Nothing was changed. Please try again later."),
        back: "To the overview",
    },
};

fn job(kind: &str) -> &'static str {
    match kind {
        "refund" => "Refund",
        "capture" => "Take a bill of what is set aside",
        "split" => "Split",
        "pull_back" => "Take a split back",
        "start_socket" => "Start a socket",
        "stop_socket" => "Stop a socket",
        "close_payments" => "Close payments",
        "query_payment" => "Ask about a payment",
        "settle_forgotten" => "Settle a forgotten charge",
        "record_free_energy" => "Record free energy",
        "timer" => "Timer",
        _ => "Other work",
    }
}

fn account(kind: &str) -> &'static str {
    match kind {
        "clearing" => "Held by the payment platform",
        "discount" => "Discounts given",
        "allowance" => "Given back after the bill",
        "share" => "Shared with partners",
        "payable" => "Owed to partners, not yet confirmed",
        "prepaid" => "Prepaid by riders, not yet billed",
        "holds" => "Set aside at the platform, not ours until taken",
        "held" => "Set aside by riders, not ours until taken",
        "refunds" => "Owed back, not yet confirmed",
        "electricity" => "Electricity earned",
        "service" => "Service fees earned",
        "cards" => "Cards, not used yet",
        "fee" => "Platforms' fees",
        "suspense" => "Not explained yet",
        "loss" => "Written off",
        _ => "Other",
    }
}
