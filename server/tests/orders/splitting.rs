//! A platform that passes parts on as the test wants, and a world with partners.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, FutureExt};
use serde_json::{Value, json};
use server::orders::{
    Answer, Receiver, ReturnRequest, ShareState, SplitRequest, SplitShare, Splits, StartRecord,
    StopRecord, Unsure,
};
use server::store::Store;
use server::store::splits::{NewRule, ShareRow, ShareStatus};
use wasm_core::ids::{OperatorId, OrderId};
use wasm_core::money::Fen;
use wasm_core::order::{Order, State, StopReason};
use wasm_core::share::SplitRule;

use crate::story;
use crate::support::{BEGIN_MS, World, browser};

pub const MINUTE_MS: i64 = 60_000;
pub const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// What the platform answers to the next calls, and what it did.
#[derive(Default)]
pub struct FakeSplits {
    script: Mutex<Script>,
}

#[derive(Default)]
pub struct Script {
    /// What binding is answered; yes when it is over.
    pub bind: VecDeque<Answer<()>>,
    /// What splits are answered; yes when it is over.
    pub split: VecDeque<Answer<()>>,
    /// An unknown split was carried out all the same.
    pub unknown_is_done: bool,
    /// Nobody learns what became of any share.
    pub mute_about_states: bool,
    /// What became of an account's share; done when it is not here.
    pub states: BTreeMap<String, ShareState>,
    /// What taking back is answered; yes when it is over.
    pub take_back: VecDeque<Answer<()>>,
    /// Everything asked, in order, repeats included.
    pub calls: Vec<String>,
    /// What each number stands for.
    pub requests: BTreeMap<String, Vec<SplitShare>>,
    /// The numbers that were carried out.
    pub done: BTreeMap<String, Vec<SplitShare>>,
    /// The returns that were carried out.
    pub returned: BTreeMap<String, (String, Fen)>,
}

impl FakeSplits {
    pub fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().expect("lock"))
    }

    pub fn calls(&self) -> Vec<String> {
        self.script(|script| script.calls.clone())
    }

    /// What each account has in the end.
    pub fn received(&self) -> BTreeMap<String, Fen> {
        self.script(|script| {
            let mut received: BTreeMap<String, Fen> = BTreeMap::new();
            for share in script.done.values().flatten() {
                let account = &share.receiver.account;
                if script.states.get(account).is_none_or(|state| *state == ShareState::Done) {
                    *received.entry(account.clone()).or_default() += share.amount_fen;
                }
            }
            for (account, amount_fen) in script.returned.values() {
                *received.entry(account.clone()).or_default() += -*amount_fen;
            }
            received
        })
    }
}

impl Splits for FakeSplits {
    fn bind<'a>(&'a self, receiver: &'a Receiver) -> BoxFuture<'a, Answer<()>> {
        let answer = self.script(|script| {
            script.calls.push(format!("bind {}", receiver.account));
            script.bind.pop_front().unwrap_or(Ok(()))
        });
        async { answer }.boxed()
    }

    fn split<'a>(&'a self, split: &'a SplitRequest) -> BoxFuture<'a, Answer<()>> {
        let answer = self.script(|script| {
            script.calls.push(format!("split {}", nth(&split.id)));
            let known = script.requests.entry(split.id.clone()).or_insert(split.shares.clone());
            assert_eq!(*known, split.shares, "one number, one request");
            // Ends of earlier orders' splits come in between.
            let scripted = if split.shares.is_empty() { None } else { script.split.pop_front() };
            let answer = scripted.unwrap_or(Ok(()));
            let end = |(id, shares): (&String, &Vec<SplitShare>)| {
                id[..20] == split.id[..20] && shares.is_empty()
            };
            let is_over = script.done.iter().any(end) && !split.shares.is_empty();
            let answer = if is_over { Err(no("FINISHED")) } else { answer };
            let lost = script.unknown_is_done && matches!(answer, Err(Unsure::Unknown(_)));
            if answer.is_ok() || lost {
                script.done.insert(split.id.clone(), split.shares.clone());
            }
            answer
        });
        async { answer }.boxed()
    }

    fn split_state<'a>(
        &'a self,
        split: &'a SplitRequest,
    ) -> BoxFuture<'a, Answer<Vec<ShareState>>> {
        let answer = self.script(|script| {
            if script.mute_about_states {
                return Err(unknown());
            }
            let shares = script.done.get(&split.id).ok_or_else(|| no("NOT_FOUND"))?;
            assert_eq!(*shares, split.shares, "one number, one request");
            let state = |share: &SplitShare| {
                script.states.get(&share.receiver.account).cloned().unwrap_or(ShareState::Done)
            };
            Ok(shares.iter().map(state).collect())
        });
        async { answer }.boxed()
    }

    fn take_back<'a>(&'a self, back: &'a ReturnRequest) -> BoxFuture<'a, Answer<()>> {
        let answer = self.script(|script| {
            script.calls.push(format!("take_back {} {}", back.receiver.account, back.amount_fen.0));
            assert!(script.done.contains_key(&back.split_id), "of a split that was carried out");
            let answer = script.take_back.pop_front().unwrap_or(Ok(()));
            if answer.is_ok() {
                let taken = (back.receiver.account.clone(), back.amount_fen);
                script.returned.insert(back.id.clone(), taken);
            }
            answer
        });
        async { answer }.boxed()
    }
}

/// `S1` of `…S1`.
fn nth(id: &str) -> String {
    assert!(id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    id[20..].to_owned()
}

pub fn no(code: &str) -> Unsure {
    Unsure::No { code: code.to_owned(), message: "refused".to_owned() }
}

pub fn never(code: &str) -> Unsure {
    Unsure::Never { code: code.to_owned(), message: "refused for good".to_owned() }
}

pub fn unknown() -> Unsure {
    Unsure::Unknown("no answer".to_owned())
}

pub fn own() -> OperatorId {
    "op".into()
}

/// The property gets 20 % of the service fee, the investor 10 %.
pub fn two_partners() -> Value {
    json!({
        "parties": [
            party("own", "operator", 0, &[]),
            party("wuye", "property", 2_000, &["2088wuye"]),
            party("touzi", "investor", 1_000, &["2088touzi"]),
        ],
        "electricity": "outside",
        "rest_to": "own",
        "valid_from_ms": BEGIN_MS,
    })
}

pub fn party(id: &str, role: &str, basis_points: i64, accounts: &[&str]) -> Value {
    let account =
        |account: &&str| json!({"channel": "alipay", "kind": "merchant", "account": account});
    json!({
        "id": id,
        "name": format!("{id} 公司"),
        "role": role,
        "basis": {"by": "percent", "basis_points": basis_points},
        "accounts": accounts.iter().map(account).collect::<Vec<_>>(),
    })
}

/// A world whose one site has a rule, and its platform.
pub async fn world(store: Store, rule: Value) -> (World, Arc<FakeSplits>) {
    let splits = Arc::new(FakeSplits::default());
    let world = World::with_splits(store, story::tariff(), Some(splits.clone())).await;
    set_rule(&world, rule).await;
    *world.payments.refunds_work.lock().expect("lock") = true;
    (world, splits)
}

/// Stores another version of the site's rule.
pub async fn set_rule(world: &World, rule: Value) {
    let rule: SplitRule = serde_json::from_value(rule).expect("a rule");
    rule.validate().expect("a valid rule");
    let id = server::random::base32::<12>();
    let (operator, site) = (own(), "site".into());
    let new =
        NewRule { operator_id: &operator, id: &id, site_id: &site, rule: &rule, created_by: "cli" };
    let mut tx = world.store.begin().await.expect("begin");
    tx.insert_split_rule(&new, world.clock.now_ms()).await.expect("a rule");
    tx.commit().await.expect("commit");
}

/// An order that charged 1.5 kWh for 150 fen (90 of it electricity) of 500 paid, closed.
pub async fn closed(world: &World) -> Order {
    let order = world.order("rider", "full-500").await;
    let via = browser();
    let payment = world.open_payment(&order, via).await;
    world.pay(&payment, Fen(500)).await;
    let start = StartRecord {
        station_id: world.station.clone(),
        connector: 1,
        id_tag: order.id.0.clone(),
        at_ms: world.clock.now_ms(),
        meter_start_wh: 0,
    };
    let transaction_id = world.orders.started(start).await.expect("started");
    world.clock.advance_ms(2 * MINUTE_MS * 30);
    let stop = StopRecord {
        station_id: world.station.clone(),
        transaction_id,
        id_tag: None,
        at_ms: world.clock.now_ms(),
        meter_stop_wh: 1_500,
        reason: StopReason::Full,
        readings: vec![],
    };
    world.orders.stopped(stop).await.expect("stopped");
    run(world).await;
    let order = world.stored(&order.id).await;
    assert!(matches!(order.state, State::Closed(_)), "{order:?}");
    order
}

/// Lets jobs run, and what they leave for soon after.
pub async fn run(world: &World) {
    for _ in 0..4 {
        world.workers.run_due().await.expect("jobs");
        world.clock.advance_ms(2_000);
    }
}

/// Lets jobs run out of tries; what waits for a person still waits then.
pub async fn run_out(world: &World) {
    const WAITS_MS: [i64; 9] = [
        2_000,
        6_000,
        31_000,
        3 * MINUTE_MS,
        11 * MINUTE_MS,
        61 * MINUTE_MS,
        7 * 60 * MINUTE_MS,
        DAY_MS + MINUTE_MS,
        MINUTE_MS,
    ];
    for wait_ms in WAITS_MS {
        world.workers.run_due().await.expect("jobs");
        world.clock.advance_ms(wait_ms);
    }
}

/// The partners' shares of an order: who, what is left, how far.
pub async fn shares(world: &World, order: &OrderId) -> Vec<(String, i64, ShareStatus)> {
    let (_, shares) = world.store.split(order).await.expect("store").expect("a split");
    let brief = |share: ShareRow| (share.party.0.clone(), share.left_fen().0, share.status);
    shares.into_iter().map(brief).collect()
}

/// What the ledger says is owed to a partner.
pub async fn payable(world: &World, party: &str) -> Fen {
    balance(world, &format!("payable:op:{party}")).await
}

/// An account's balance, credits positive.
pub async fn balance(world: &World, account: &str) -> Fen {
    let balances = world.store.balances(&own()).await.expect("balances");
    let found = balances.into_iter().find(|(name, _)| name == account);
    found.map_or(Fen::ZERO, |(_, sum_fen)| -sum_fen)
}

/// Partner and account of each share that waits for a person, with the reason.
pub async fn queue(world: &World) -> Vec<(String, String)> {
    let stuck = world.store.stuck_shares(&own(), 10).await.expect("a queue");
    stuck.into_iter().map(|each| (each.share.party.0, each.share.reason)).collect()
}
