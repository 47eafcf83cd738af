//! What a station has to say. Bills wait for the link and go in order, one open call at a time;
//! the rest is only worth saying while it is fresh.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Bills a station keeps; beyond, the oldest reading goes.
const MAX_BILLS: usize = 2_000;

/// How long the server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Tries with a bill that the server refuses.
const ATTEMPTS: u32 = 20;

/// A message of a transaction. `charge` is the station's own number for it.
#[derive(Clone, Debug)]
pub struct Bill {
    /// The station's own number of the charge.
    pub charge: u64,
    /// OCPP action.
    pub action: &'static str,
    /// Payload without `transactionId`.
    pub payload: Value,
}

/// What waits, and what was asked.
#[derive(Default)]
pub struct Outbox {
    bills: VecDeque<(Bill, u32)>,
    notices: VecDeque<(&'static str, Value)>,
    open: Option<Open>,
    /// Transaction ids the server gave to our charges.
    issued: HashMap<u64, i64>,
    sent: u64,
}

struct Open {
    id: String,
    bill: Option<(Bill, u32)>,
    until: Instant,
}

impl Outbox {
    /// Something about a charge, to be said sooner or later.
    pub fn bill(&mut self, bill: Bill) {
        if self.bills.len() >= MAX_BILLS
            && let Some(reading) = self.bills.iter().position(|(b, _)| b.action == "MeterValues")
        {
            self.bills.remove(reading);
        }
        self.bills.push_back((bill, 0));
    }

    /// Something to say now or never.
    pub fn notice(&mut self, action: &'static str, payload: Value) {
        self.notices.push_back((action, payload));
    }

    /// The server's id of a charge.
    pub fn issued(&self, charge: u64) -> Option<i64> {
        self.issued.get(&charge).copied()
    }

    /// The next frame to send, if no answer is waited for.
    pub fn next(&mut self) -> Option<String> {
        if self.open.is_some() {
            return None;
        }
        let (action, payload, bill) = if let Some((action, payload)) = self.notices.pop_front() {
            (action, payload, None)
        } else {
            let (bill, attempts) = self.bills.pop_front()?;
            (bill.action, self.complete(&bill), Some((bill, attempts)))
        };
        self.sent += 1;
        let id = self.sent.to_string();
        let frame = json!([2, id, action, payload]).to_string();
        self.open = Some(Open { id, bill, until: Instant::now() + ANSWER_WITHIN });
        Some(frame)
    }

    /// The payload with the transaction's id; −1 when the server never gave one.
    fn complete(&self, bill: &Bill) -> Value {
        let mut payload = bill.payload.clone();
        if bill.action != "StartTransaction" {
            payload["transactionId"] = json!(self.issued(bill.charge).unwrap_or(-1));
        }
        payload
    }

    /// The server answered. The charge that thereby got its id, if one did.
    pub fn answered(&mut self, id: &str, payload: &Value) {
        let Some(Open { bill: Some((bill, _)), .. }) = self.open.take_if(|open| open.id == id)
        else {
            return;
        };
        match bill.action {
            "StartTransaction" => {
                if let Some(issued) = payload["transactionId"].as_i64() {
                    self.issued.insert(bill.charge, issued);
                }
            }
            "StopTransaction" => {
                self.issued.remove(&bill.charge);
            }
            _ => {}
        }
    }

    /// The server refused: a bill is tried again, some times.
    pub fn refused(&mut self, id: &str) {
        if let Some(Open { bill: Some((bill, attempts)), .. }) =
            self.open.take_if(|open| open.id == id)
            && attempts + 1 < ATTEMPTS
        {
            self.bills.push_front((bill, attempts + 1));
        }
    }

    /// Whether the server owes an answer for too long.
    pub fn is_overdue(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.until <= Instant::now())
    }

    /// The link is gone: an unanswered bill goes first when it is back.
    pub fn link_lost(&mut self) {
        self.notices.clear();
        if let Some(Open { bill: Some(bill), .. }) = self.open.take() {
            self.bills.push_front(bill);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill(action: &'static str) -> Bill {
        Bill { charge: 1, action, payload: json!({}) }
    }

    fn parts(frame: &str) -> (String, String, Value) {
        serde_json::from_str::<(u8, String, String, Value)>(frame).map(|f| (f.1, f.2, f.3)).unwrap()
    }

    #[test]
    fn a_bill_survives_the_link_and_keeps_its_order() {
        let mut outbox = Outbox::default();
        outbox.bill(bill("StartTransaction"));
        outbox.bill(bill("StopTransaction"));
        outbox.notice("Heartbeat", json!({}));
        assert_eq!(parts(&outbox.next().unwrap()).1, "Heartbeat");
        assert_eq!(outbox.next(), None, "one open call");
        outbox.link_lost();
        let (lost, action, _) = parts(&outbox.next().unwrap());
        assert_eq!(action, "StartTransaction");
        outbox.link_lost();
        let (id, action, _) = parts(&outbox.next().unwrap());
        assert_eq!(action, "StartTransaction");
        outbox.answered(&lost, &json!({"transactionId": 9}));
        assert_eq!(outbox.next(), None, "an answer to another call is no answer");
        outbox.refused(&id);
        let (id, action, _) = parts(&outbox.next().unwrap());
        assert_eq!(action, "StartTransaction");
        outbox.answered(&id, &json!({"transactionId": 7}));
        let (_, action, payload) = parts(&outbox.next().unwrap());
        assert_eq!((action.as_str(), &payload["transactionId"]), ("StopTransaction", &json!(7)));
    }
}
