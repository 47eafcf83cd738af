//! The receipt: all that is needed to compute a bill again, and the check itself.

use serde::{Deserialize, Serialize};

use crate::ids::OrderId;
use crate::money::Fen;
use crate::order::{Order, State};
use crate::tariff::{Bill, Plan, Tariff, TariffError, Usage, settle};

/// A bill with everything it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The order.
    pub order_id: OrderId,
    /// The tariff as agreed.
    pub tariff: Tariff,
    /// The plan bought.
    pub plan: Plan,
    /// What was paid, fen.
    pub paid_fen: Fen,
    /// What was metered.
    pub usage: Usage,
    /// The bill as settled.
    pub bill: Bill,
}

/// What checking a receipt found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The bill follows from the tariff and the readings, to the fen.
    Agrees,
    /// It does not; this is what it should say.
    Differs {
        /// The bill computed here.
        computed: Box<Bill>,
    },
    /// It cannot be computed.
    Invalid {
        /// Why.
        error: TariffError,
    },
}

impl Receipt {
    /// The receipt of a settled order; none before.
    pub fn of(order: &Order) -> Option<Self> {
        let (State::Settled(settlement) | State::Closed(settlement)) = &order.state else {
            return None;
        };
        Some(Self {
            order_id: order.id.clone(),
            tariff: order.terms.tariff.clone(),
            plan: order.terms.plan.clone(),
            paid_fen: settlement.bill.paid_fen,
            usage: settlement.usage.clone(),
            bill: settlement.bill.clone(),
        })
    }

    /// Computes the bill again and compares. The plan must be one that the tariff sells.
    pub fn verify(&self) -> Verdict {
        if !self.tariff.plans.contains(&self.plan) {
            return Verdict::Invalid { error: TariffError::NoSuchPlan };
        }
        match settle(&self.tariff, &self.plan, self.paid_fen, &self.usage) {
            Ok(bill) if bill == self.bill => Verdict::Agrees,
            Ok(bill) => Verdict::Differs { computed: Box::new(bill) },
            Err(error) => Verdict::Invalid { error },
        }
    }
}
