//! What a rider can do with an order of which only the state's name is known.

use super::Action;

/// The actions in the state of that name ([`super::State::name`]), the same as
/// [`super::Order::actions`]. None if no state has the name.
pub fn actions_in(state_name: &str) -> Option<&'static [Action]> {
    match state_name {
        "awaiting_payment" => Some(&[Action::Pay, Action::Cancel]),
        "starting" | "start_unknown" => Some(&[Action::Cancel]),
        "charging" => Some(&[Action::Stop]),
        "settled" | "closed" => Some(&[Action::Receipt]),
        "finishing" | "cancelled" | "start_failed" => Some(&[]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{OperatorId, OrderId, PlanId, RiderId, SiteId, SocketId, TariffId};
    use crate::money::Fen;
    use crate::order::{
        CancelReason, Order, Session, Settlement, StartFailure, State, StopReason, Terms,
    };
    use crate::tariff::{
        DayPrices, Limits, Plan, PlanLimit, PlanPrice, PricePeriod, Service, Tariff, Usage, settle,
    };

    fn terms() -> Terms {
        let price = PlanPrice::Metered { prepaid_fen: Fen(300) };
        let plan = Plan { id: PlanId::from("plan"), limit: PlanLimit::Full, price };
        let tariff = Tariff {
            id: TariffId::from("tariff"),
            electricity: DayPrices(vec![PricePeriod { from_minute: 0, price_mfen_per_kwh: 1 }]),
            service: Service::None,
            plans: vec![plan.clone()],
            free_ms: 0,
            minimum_fen: Fen::ZERO,
            cap_fen: None,
            longest_ms: 36_000_000,
            utc_offset_minutes: 480,
        };
        let limits = Limits::of(&tariff, &plan);
        Terms { tariff, plan, prepaid_fen: Fen(300), limits }
    }

    fn states(terms: &Terms) -> Vec<State> {
        let session = Session { transaction_id: 1, started_ms: 0 };
        let usage = Usage::default();
        let settlement = Settlement {
            session: session.clone(),
            reason: StopReason::Rider,
            bill: settle(&terms.tariff, &terms.plan, Fen(300), &usage).unwrap(),
            usage,
            settled_ms: 0,
            final_reading_missing: false,
        };
        let reason = StopReason::Rider;
        vec![
            State::AwaitingPayment { expires_ms: 0 },
            State::Starting { since_ms: 0, deadline_ms: 0, accepted: true },
            State::StartUnknown { since_ms: 0, gives_up_ms: 0 },
            State::Charging(session.clone()),
            State::Finishing { session, reason, since_ms: 0, deadline_ms: 0 },
            State::Settled(settlement.clone()),
            State::Closed(settlement),
            State::Cancelled { reason: CancelReason::Rider, at_ms: 0 },
            State::StartFailed { reason: StartFailure::Offline, at_ms: 0 },
        ]
    }

    #[test]
    fn a_states_name_allows_what_the_state_allows() {
        let terms = terms();
        for state in states(&terms) {
            let order = Order {
                id: OrderId::from("order"),
                operator_id: OperatorId::from("operator"),
                site_id: SiteId::from("site"),
                socket_id: SocketId::from("socket"),
                rider_id: RiderId::from("rider"),
                created_ms: 0,
                terms: terms.clone(),
                payments: Vec::new(),
                refunds: Vec::new(),
                captures: Vec::new(),
                state,
            };
            let name = order.state.name();
            assert_eq!(actions_in(name), Some(order.actions()), "{name}");
            assert_eq!(serde_json::to_value(&order.state).unwrap()["is"], name);
        }
        assert_eq!(actions_in("paid"), None);
    }
}
