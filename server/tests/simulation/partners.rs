//! Partners at both platforms: parts of payments that are passed on and taken back, with a book of
//! their own. As [`crate::bank`], they may do a thing and not say so.

use std::collections::BTreeMap;

use futures_util::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};
use server::orders::{Answer, Receiver, ReturnRequest, ShareState, SplitRequest, Splits};
use server::store::Store;
use server::store::splits::NewRule;
use wasm_core::ids::PaymentId;
use wasm_core::order::Channel;
use wasm_core::share::SplitRule;

use crate::bank::{Book, Branch, no};
use crate::chance::percent;

/// A split that was carried out.
pub struct Passed {
    payment_id: PaymentId,
    /// To whom, how much, fen.
    shares: Vec<(String, i64)>,
}

/// What was passed on and taken back.
#[derive(Default)]
pub struct Partners {
    splits: BTreeMap<String, Passed>,
    /// Of which split, from whom, how much, fen; by the return's number.
    returns: BTreeMap<String, (String, String, i64)>,
}

impl Partners {
    /// What each account has, by payment.
    pub fn have(&self) -> BTreeMap<&PaymentId, BTreeMap<String, i64>> {
        let mut have: BTreeMap<&PaymentId, BTreeMap<String, i64>> = BTreeMap::new();
        for passed in self.splits.values() {
            let of = have.entry(&passed.payment_id).or_default();
            for (account, fen) in &passed.shares {
                *of.entry(account.clone()).or_default() += fen;
            }
        }
        for (split, account, fen) in self.returns.values() {
            let of = have.entry(&self.splits[split].payment_id).or_default();
            *of.entry(account.clone()).or_default() -= fen;
        }
        have
    }
}

/// A rule for the site: two partners with accounts at both platforms, one without any.
pub async fn agree(store: &Store, now_ms: i64) {
    let account = |name: &str, channel: Channel| json!({"channel": channel.as_str(), "kind": "merchant", "account": name});
    let party = |id: &str, role: &str, basis: Value, has_account: bool| {
        let accounts = Channel::ALL.map(|channel| account(&format!("at-{id}"), channel));
        let accounts = if has_account { accounts.to_vec() } else { vec![] };
        json!({"id": id, "name": id, "role": role, "basis": basis, "accounts": accounts})
    };
    let percent = |basis_points: i64| json!({"by": "percent", "basis_points": basis_points});
    let rule = json!({
        "parties": [
            party("own", "operator", percent(0), false),
            party("wuye", "property", percent(2_000), true),
            party("touzi", "investor", percent(1_111), true),
            party("anzhuang", "installer", percent(700), false),
        ],
        "electricity": "outside",
        "rest_to": "own",
        "valid_from_ms": now_ms,
    });
    let rule: SplitRule = serde_json::from_value(rule).expect("a rule");
    rule.validate().expect("a valid rule");
    let (operator, site) = ("op".into(), "site".into());
    let new = NewRule {
        operator_id: &operator,
        id: "rule",
        site_id: &site,
        rule: &rule,
        created_by: "cli",
    };
    let mut tx = store.begin().await.expect("begin");
    tx.insert_split_rule(&new, now_ms).await.expect("a rule");
    tx.commit().await.expect("commit");
}

impl Book {
    fn pass_on(&mut self, split: &SplitRequest) -> Answer<()> {
        let shares: Vec<(String, i64)> = split
            .shares
            .iter()
            .map(|share| (share.receiver.account.clone(), share.amount_fen.0))
            .collect();
        if let Some(known) = self.partners.splits.get(&split.id) {
            if known.shares != shares {
                self.outrages.push(format!("one split, two requests: {split:?}"));
            }
            return Ok(());
        }
        if !self.calm && percent(10) {
            return Err(no("BUSY"));
        }
        let sum_fen: i64 = shares.iter().map(|(_, fen)| fen).sum();
        let kept_fen = self.trades.get(&split.payment_id).map_or(0, |trade| trade.kept_fen().0);
        let before = self.partners.have();
        let before_fen: i64 = before.get(&split.payment_id).map_or(0, |have| have.values().sum());
        if sum_fen + before_fen > kept_fen {
            self.outrages.push(format!("more is passed on than the {kept_fen} kept: {split:?}"));
        }
        let passed = Passed { payment_id: split.payment_id.clone(), shares };
        self.partners.splits.insert(split.id.clone(), passed);
        Ok(())
    }

    fn take_back(&mut self, back: &ReturnRequest) -> Answer<()> {
        let entry = (back.split_id.clone(), back.receiver.account.clone(), back.amount_fen.0);
        if let Some(known) = self.partners.returns.get(&back.id) {
            if *known != entry {
                self.outrages.push(format!("one return, two requests: {back:?}"));
            }
            return Ok(());
        }
        let Some(passed) = self.partners.splits.get(&back.split_id) else {
            self.outrages.push(format!("return of nothing: {back:?}"));
            return Err(no("NO_SPLIT"));
        };
        if !self.calm && percent(10) {
            return Err(no("NOT_ENOUGH"));
        }
        let payment = passed.payment_id.clone();
        self.partners.returns.insert(back.id.clone(), entry);
        let have = self.partners.have();
        let left_fen = have.get(&payment).and_then(|have| have.get(&back.receiver.account));
        if left_fen.is_none_or(|fen| *fen < 0) {
            self.outrages.push(format!("more comes back than went: {back:?}"));
        }
        Ok(())
    }
}

impl Splits for Branch {
    fn bind<'a>(&'a self, _: &'a Receiver) -> BoxFuture<'a, Answer<()>> {
        ready(self.bank.book().call(|_| Ok(()))).boxed()
    }

    fn split<'a>(&'a self, split: &'a SplitRequest) -> BoxFuture<'a, Answer<()>> {
        ready(self.bank.book().call(|book| book.pass_on(split))).boxed()
    }

    fn split_state<'a>(
        &'a self,
        split: &'a SplitRequest,
    ) -> BoxFuture<'a, Answer<Vec<ShareState>>> {
        let state = self.bank.book().call(|book| {
            let passed = book.partners.splits.get(&split.id).ok_or_else(|| no("NO_SPLIT"))?;
            let slow = !book.calm && percent(30);
            let state = if slow { ShareState::Pending } else { ShareState::Done };
            Ok(vec![state; passed.shares.len()])
        });
        ready(state).boxed()
    }

    fn take_back<'a>(&'a self, back: &'a ReturnRequest) -> BoxFuture<'a, Answer<()>> {
        ready(self.bank.book().call(|book| book.take_back(back))).boxed()
    }
}
