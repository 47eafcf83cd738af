//! English.

use wasm_core::link::CodeError;
use wasm_core::order::{CancelReason, Channel, RefundReason, StartFailure, StopReason};

use super::{Bill, Frame, Hold, Home, Mine, Notice, Order, Pay, Price, Scan, Text, Trouble};
use crate::lang::Lang;

pub(super) static TEXT: Text = Text {
    lang: Lang::En,
    frame: Frame {
        brand: "Saochong",
        switch_language: "中文",
        my_orders: "My charges",
        home: "Home",
        service_phone: "Help line",
        run_by: |operator| format!("Run by {operator}"),
        today: |time| format!("today {time}"),
        tomorrow: |time| format!("tomorrow {time}"),
        yesterday: |time| format!("yesterday {time}"),
        date: |month, day, time| format!("{day} {} {time}", month_name(month)),
        full_date: |year, month, day, time| format!("{day} {} {year} {time}", month_name(month)),
        duration,
        socket: |station, number| format!("{station} · socket {number}"),
    },
    price: Price {
        title: "Price",
        electricity: "Electricity",
        electricity_note: "by energy, passed on at cost",
        service: "Service fee",
        no_service: "No service fee",
        per_kwh: "/kWh",
        per_hour: "/h",
        per_session: " a charge",
        all_day: "All day",
        now: "now",
        by_real_time: "by live power, per second",
        by_average: "by average power, per second",
        by_maximum: "by peak power, per second",
        up_to_w: |watts| format!("≤ {watts} W"),
        over_w: |watts| format!("> {watts} W"),
        free: "Free time",
        free_value: |time| format!("end within {time}, pay nothing"),
        minimum: "Minimum",
        cap: "At most",
        longest: "Longest charge",
        nothing_else: "Nothing else is charged.",
    },
    scan: Scan {
        title: "Scan to charge",
        free: "Available",
        choose: "How to charge",
        plan_time: |time| format!("For {time}"),
        plan_money: |amount| format!("For {amount}"),
        plan_energy: |energy| format!("{energy} kWh"),
        plan_full: "Till full",
        metered_note: "Pay what you use, rest comes back",
        money_note: "Stops when used up or full",
        package_note: "End early, the unused share returns",
        prepay: "prepay",
        package_price: "fixed price",
        power: "Roughly how strong is your charger?",
        power_small: "Small",
        power_common: "Common",
        power_strong: "Strong",
        estimate: "What to expect",
        estimate_basis: "the meter decides",
        expected_time: "Time",
        expected_energy: "Energy",
        hours: "h",
        minutes: "min",
        expected_discount: "Discount",
        expected_refund: "Comes back",
        refund_note: "to the account that paid, within a minute of the end",
        pay: "Pay",
        plug_first: "Plug your charger in first, then pay",
    },
    pay: Pay {
        channel: |channel| match channel {
            Channel::Alipay => "Alipay",
            Channel::Wechat => "WeChat Pay",
        },
        choose_channel: "Pay with",
        scan_to_pay: "Scan one of these codes with your phone; this page goes on by itself.",
        code_of: |channel| format!("{channel} payment code"),
        open_here: "Open it here",
        other_way: "Back to the order",
    },
    trouble: Trouble {
        busy: Notice {
            title: "Somebody is charging here",
            body: "You have not been charged.",
            advice: "Please use a free socket beside it and scan its code.",
        },
        own: Notice {
            title: "You are charging here",
            body: "The order on this socket is yours.",
            advice: "Open it to follow or stop the charge.",
        },
        offline: Notice {
            title: "This station is out of reach",
            body: "We cannot be sure that it would switch on, so we take no money for now.",
            advice: "Look again in a minute or two, or use another station.",
        },
        faulted: Notice {
            title: "This socket needs repair",
            body: "It is off for safety, and you have not been charged. The operator can see the fault.",
            advice: "Please use the socket beside it and scan its code.",
        },
        unavailable: Notice {
            title: "This socket is closed for now",
            body: "It is switched off or reserved. You have not been charged.",
            advice: "Please use the socket beside it and scan its code.",
        },
        unknown_code: Notice {
            title: "No socket has this code",
            body: "The code is well formed, but no socket uses it. It may be an old sticker.",
            advice: "Scan the new code on the socket, or call the number beside it.",
        },
        bad_code: Notice {
            title: "This code is not right",
            body: "It may be mistyped or only partly scanned.",
            advice: "Please compare it with the socket and type it again.",
        },
        price_changed: Notice {
            title: "The price has just changed",
            body: "The price you saw no longer holds. You have not been charged.",
            advice: "Please look at the new price and decide again.",
        },
        not_found: Notice {
            title: "There is nothing here",
            body: "The page does not exist, or the order was not made on this phone.",
            advice: "See your charges, or scan a code again.",
        },
        internal: Notice {
            title: "Something went wrong on our side",
            body: "All you paid is on record, and what is owed comes back by itself.",
            advice: "Please try again in a while.",
        },
        platform: Notice {
            title: "The payment service does not answer",
            body: "This payment did not go through. If money was taken, the charge starts or all of it comes back.",
            advice: "Please wait a moment, then look at your order again.",
        },
        too_many: Notice {
            title: "That was a little fast",
            body: "What you paid is not affected.",
            advice: "Please wait a minute and try again.",
        },
        bad_form: Notice {
            title: "That did not go through",
            body: "The form was incomplete or came from another site. You have not been charged.",
            advice: "Please go back and try again.",
        },
        too_late: Notice {
            title: "The order has moved on",
            body: "This is no longer possible.",
            advice: "Please see how the order stands now.",
        },
        code_label: "The 12-character code on the socket",
        code_go: "Open",
        to_order: "See the order",
        again: "Look again",
    },
    order: Order {
        title: "Order",
        paying: "Waiting for payment",
        pay_by: |time| format!("Please pay by {time}; after that it is cancelled."),
        pay_note: "The socket switches on once you have paid. If it does not, all of it comes back.",
        paid_already: "I have paid, look again",
        pay_in_browser: "It does not open? Pay on a web page",
        cancel: "Cancel",
        cancel_paid_sure: |amount| format!("Cancel now and all of {amount} comes back."),
        cancel_unpaid_sure: "Nothing is paid yet; cancelling costs nothing.",
        starting: "Switching on",
        accepted: "The socket answered",
        step_paid: |amount| format!("Paid {amount}"),
        step_asked: "Socket asked",
        step_accepted: "Socket ready to switch on",
        step_current: "Current flows, billing begins",
        starting_promise: |time, amount| {
            format!("You will know by {time}. No current: all of {amount} comes back.")
        },
        start_unknown: "No result from the socket yet",
        start_unknown_note: |time, amount| {
            format!(
                "We wait until {time}. If no current flows by then, all of {amount} comes back; you need do nothing."
            )
        },
        seconds_left: "s",
        charging: "Charging",
        finishing: "Finishing",
        finishing_note: "Waiting for the socket's last reading. Then comes the bill, and what is left goes back.",
        cancelled: "Cancelled",
        start_failed: "The charge did not start",
        ended: "Charge ended",
        power: "Power",
        elapsed: "Time",
        energy: "Energy",
        cost: "Cost so far",
        tiny: "below ¥0.01",
        comes_back: "Comes back if ended now",
        came_back: "Comes back",
        paid: "Paid",
        plan: "Plan",
        place: "Place",
        number: "Order",
        ends_by: |time| format!("ends by {time}"),
        curve_label: "Power curve",
        no_reading: "Waiting for the first reading",
        stale: "Connection lost, trying again. The charge goes on.",
        stop: "Stop charging",
        stop_sure: "Stop now? You pay for what was used, the rest comes back.",
        stop_yes: "Yes, stop",
        receipt: "See the bill",
        again: "Charge here again",
        nothing_paid: "Nothing was paid.",
    },
    hold: Hold {
        button: "Charge first, pay after",
        button_before: "Nothing now,",
        button_after: " set aside, never more taken",
        confirmed_already: "I have confirmed, look again",
        explain: |amount| {
            format!(
                "Nothing is paid now; {amount} is set aside. At the end your bill is taken of it, never more than {amount}, and the rest is released at once."
            )
        },
        step_held: |amount| format!("Set aside {amount}, nothing taken"),
        starting_promise: |time| {
            format!("You will know by {time}. No current: all is released, nothing taken.")
        },
        start_unknown_note: |time| {
            format!(
                "We wait until {time}. If no current flows by then, all that is set aside is released; you need do nothing."
            )
        },
        cancel_sure: |amount| format!("Cancel now and all of {amount} is released, nothing taken."),
        stop_sure: "Stop now? What was used is taken, the rest is released.",
        finishing_note: "Waiting for the socket's last reading. Then the bill is taken, and the rest is released.",
        comes_back: "Released if ended now",
        aside: "Set aside",
        taken: "Taken",
        released: "Released",
        sum: |aside, taken, rest| {
            format!("Set aside {aside}, taken {taken}, the rest of {rest} released")
        },
        all_released: |aside| format!("All of {aside} released, nothing taken"),
        pending: "Telling the payment service, usually done within a minute",
        done: |time| format!("Done ({time})"),
        parked: "It met an obstacle and a person is looking after it. You will not pay more",
    },
    bill: Bill {
        title: "Bill",
        total: "Total",
        discount: "Discount",
        paid: "Paid",
        refund: "Refund",
        arithmetic: "How it adds up",
        subtotal: |name| format!("{name}, sum"),
        rounded_down: "fraction of a fen dropped",
        energy_period: |from, to| format!("Energy {from}–{to}"),
        power_tier: |power| format!("Time at {power}"),
        over_top: |power| format!("Energy at {power}"),
        session: "For one charge",
        package: "Service part of the package",
        package_sum: |price, used, bought, charge, electricity| {
            format!("{price} × {used} ÷ {bought} = {charge}, less electricity {electricity}")
        },
        minimum: "Up to the minimum",
        below_electricity: "The package costs less than its electricity; the operator bears the rest",
        free_time: "Ended within the free time, nothing to pay",
        cap: "Above the cap, not charged",
        over_paid: "More than was paid; the operator bears it",
        started: "Began",
        ended: "Ended",
        duration: "Time",
        energy: "Energy",
        reason: "Why it ended",
        tariff: "Price list",
        refund_way: "to the account that paid",
        refund_pending: "On its way, usually there within a minute",
        refund_done: |time| format!("Back on your account ({time})"),
        refund_parked: "The refund met an obstacle and a person is looking after it. The money stays yours",
        refund_none: "Nothing to give back",
        final_missing: "The last reading never came; the last known one was used, so you are not charged more.",
        checking: "Checking on this phone…",
        check_plain: "Each line can be checked by hand: quantity × price = amount.",
        agrees: "Checked on your phone: agrees",
        agrees_note: "Your phone computed it again from readings and prices, and it is the same to the fen.",
        differs: "Checked on your phone: differs, it should be",
        differs_note: "Please take a screenshot and call us; we will look into it and return the difference.",
        check_failed: "The check on this phone did not finish. The bill is not affected.",
        back: "Back to the order",
    },
    mine: Mine {
        title: "My charges",
        empty: "No charges yet",
        empty_note: "Scan the code on a socket to begin.",
        open: "Now",
        past: "Before",
        kept: "Your charges belong to this phone's browser; no login needed. Clear its data and they can no longer be shown here.",
    },
    home: Home {
        title: "Scan, charge, get the rest back",
        lead: "Scan the code on a socket. See the price first, pay for what you use; what is left comes back by itself.",
        demo_title: "Demo sites",
        demo_lead: "Scan any code with a phone, or open it here. Devices and payment are simulated; everything between is real.",
        demo_scan: "scan or open",
        demo_faults: "Make the payment platforms go wrong",
        operator_login: "Operator login",
        qr_label: |socket| format!("QR code of {socket}"),
    },
    stop_reason,
    cancel_reason,
    start_failure,
    refund_reason,
    code_error,
};

fn month_name(month: i64) -> &'static str {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    usize::try_from(month - 1).ok().and_then(|index| NAMES.get(index)).copied().unwrap_or_default()
}

fn duration(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

fn stop_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Full => "The battery is full",
        StopReason::TimeReached => "The time you bought is over",
        StopReason::EnergyReached => "The energy you bought is in",
        StopReason::MoneyReached => "What you paid is used up",
        StopReason::LongestDuration => "The longest charge was reached",
        StopReason::Unplugged => "The plug was pulled",
        StopReason::Rider => "You stopped it",
        StopReason::Operator => "The operator stopped it",
        StopReason::Card => "Stopped with a card at the socket",
        StopReason::Overload => "Too much power, switched off for safety",
        StopReason::StationOverload => "Too much power for the station, switched off for safety",
        StopReason::OverCurrent => "Too much current, switched off for safety",
        StopReason::OverVoltage => "Voltage too high, switched off for safety",
        StopReason::UnderVoltage => "Voltage too low, switched off for safety",
        StopReason::NoLoad => "Nothing drew current",
        StopReason::Contact => "Bad contact or fuse",
        StopReason::ShortCircuit => "Short circuit, switched off for safety",
        StopReason::RelayStuck => "The socket's switch failed",
        StopReason::SocketTemperature => "The socket got hot, switched off for safety",
        StopReason::CaseTemperature => "The station got hot, switched off for safety",
        StopReason::Smoke => "Smoke detected, switched off for safety",
        StopReason::Water => "Water detected, switched off for safety",
        StopReason::FireLink => "Switched off by the fire alarm",
        StopReason::Door => "The station's door was opened",
        StopReason::MemoryFault => "The station's memory failed",
        StopReason::BoardLost => "The station lost its socket board",
        StopReason::PowerLoss => "The mains failed",
        StopReason::Reboot => "The station restarted",
        StopReason::EmergencyStop => "Emergency stop pressed",
        StopReason::DeviceLost => "Contact with the station was lost",
        StopReason::Unknown => "The station did not say why",
    }
}

fn cancel_reason(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Expired => {
            "It was not paid in time. Money that arrives later goes back in full."
        }
        CancelReason::Rider => "You cancelled it.",
        CancelReason::SocketTaken => {
            "Somebody else was first at this socket. All your money goes back."
        }
        CancelReason::WrongAmount => "The amount was not the price; all of it goes back.",
    }
}

fn start_failure(reason: StartFailure) -> &'static str {
    match reason {
        StartFailure::Offline => {
            "The station lost its link; nothing was switched on. Please use another station."
        }
        StartFailure::Refused => {
            "The socket refused to start; nothing was switched on. Check the plug, or use another \
             socket."
        }
        StartFailure::NoCurrent => {
            "No current flowed in time. The plug may be loose or the battery full; push the plug in \
             and try again."
        }
        StartFailure::Rider => "You cancelled before it was switched on.",
    }
}

fn refund_reason(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::Unused => "What the charge did not use",
        RefundReason::NotStarted => "The charge did not start",
        RefundReason::TooLate => "Arrived after the order was over",
        RefundReason::SocketTaken => "Somebody else was first",
        RefundReason::WrongAmount => "Not the amount of the price",
        RefundReason::PaidTwice => "Paid twice",
        RefundReason::Complaint => "Given back by the operator",
    }
}

fn code_error(error: CodeError) -> &'static str {
    match error {
        CodeError::Length => "A code has 12 characters; this one has another length.",
        CodeError::Symbol => {
            "It contains a character that no code has: only digits and letters without U."
        }
        CodeError::Mistyped => {
            "Its check failed: one character is wrong, or two neighbours are swapped."
        }
    }
}
