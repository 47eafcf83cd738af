//! Split rules, splits of orders, their shares, and what refunds take back from them.

mod refunds;
mod rules;
mod views;

use sqlx::Row;
use sqlx::any::AnyRow;
use wasm_core::ids::{OperatorId, OrderId, PartyId, PaymentId};
use wasm_core::money::Fen;
use wasm_core::order::Channel;
use wasm_core::share::{Account, Role};

use super::{Store, StoreError, Tx, one_row, taken};

pub use refunds::{OperatorRefund, ReturnRow, ReturnStatus};
pub use rules::{NewRule, RuleRow};
pub use views::{PartyBalance, SplitSums, StuckReturn, StuckShare};

/// An order that was split.
#[derive(Clone, Debug)]
pub struct SplitRow {
    /// The tenant.
    pub operator_id: OperatorId,
    /// The order.
    pub order_id: OrderId,
    /// The rule it was split by.
    pub rule_id: String,
    /// The payment that is split.
    pub payment_id: PaymentId,
    /// Where it was paid.
    pub channel: Channel,
    /// The platform's number of the payment.
    pub trade_no: String,
    /// Whether that is a hold's number, of which the bill was taken.
    pub held: bool,
    /// What was split, fen.
    pub kept_fen: Fen,
    /// How many requests the platform may have seen.
    pub asks: i64,
    /// Guards against two changes at once.
    pub version: i64,
    /// When, milliseconds UTC.
    pub created_ms: i64,
}

/// A party's share of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRow {
    /// Who.
    pub party: PartyId,
    /// As people read it.
    pub name: String,
    /// What it is to the site.
    pub role: Role,
    /// What it got when the order was split, fen.
    pub amount_fen: Fen,
    /// Taken off by refunds since.
    pub back_fen: Fen,
    /// Of that, what never left.
    pub paper_fen: Fen,
    /// Confirmed to have arrived.
    pub paid_fen: Fen,
    /// Of that, confirmed to have come back.
    pub returned_fen: Fen,
    /// How far it is.
    pub status: ShareStatus,
    /// Why it does not come, as the platform said.
    pub reason: String,
    /// The request it is part of; 0 = none yet.
    pub ask: i64,
    /// What that request asks for, fen: it stays, whatever refunds take off meanwhile.
    pub asked_fen: Fen,
    /// Where it goes.
    pub account: Option<Account>,
    /// When it last changed, milliseconds UTC.
    pub updated_ms: i64,
}

/// How far a share is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShareStatus {
    /// The operator's own, or nothing: no money moves.
    Kept,
    /// Owed to a party without any account: paid outside of the platforms.
    ByHand,
    /// Owed, not yet asked for.
    Owed,
    /// The platform was asked, or is about to be: it may have happened.
    Asked,
    /// The platform took it on.
    Taken,
    /// The party has it.
    Done,
    /// The platform says that it will not come. Still owed; a person must look.
    Failed,
    /// The platform refused, and nothing happened there. Still owed; a person must look.
    Refused,
    /// The platform does not say: it may have happened. A person must look.
    Parked,
    /// Refunds took all of it off.
    PulledBack,
}

impl ShareStatus {
    const ALL: [Self; 10] = [
        Self::Kept,
        Self::ByHand,
        Self::Owed,
        Self::Asked,
        Self::Taken,
        Self::Done,
        Self::Failed,
        Self::Refused,
        Self::Parked,
        Self::PulledBack,
    ];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::ByHand => "by_hand",
            Self::Owed => "owed",
            Self::Asked => "asked",
            Self::Taken => "taken",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Parked => "parked",
            Self::PulledBack => "pulled_back",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == name);
        found.ok_or_else(|| StoreError::Unreadable(format!("share status {name}")))
    }
}

impl ShareRow {
    /// What is left of it after refunds, fen.
    pub fn left_fen(&self) -> Fen {
        self.amount_fen - self.back_fen
    }

    /// What is to be sent, or was, fen.
    pub fn to_send_fen(&self) -> Fen {
        self.amount_fen - self.paper_fen
    }
}

const SPLIT: &str = "SELECT operator_id, order_id, rule_id, payment_id, channel, trade_no, \
     held, kept_fen, asks, version, created_ms FROM splits WHERE order_id = $1";

const SHARES: &str = "SELECT party_id, name, role, amount_fen, back_fen, paper_fen, paid_fen, \
     returned_fen, status, reason, ask, asked_fen, account_json, updated_ms FROM split_shares \
     WHERE operator_id = $1 AND order_id = $2 ORDER BY line";

impl Tx {
    /// Writes the split of an order with its shares, in the order of the rule.
    ///
    /// # Errors
    /// [`StoreError::Taken`] when the order was split before.
    pub async fn insert_split(
        &mut self,
        split: &SplitRow,
        shares: &[ShareRow],
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO splits (operator_id, order_id, rule_id, payment_id, channel, \
                   trade_no, held, kept_fen, asks, version, created_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        sqlx::query(sql)
            .bind(split.operator_id.as_str())
            .bind(split.order_id.as_str())
            .bind(split.rule_id.as_str())
            .bind(split.payment_id.as_str())
            .bind(split.channel.as_str())
            .bind(split.trade_no.as_str())
            .bind(i64::from(split.held))
            .bind(split.kept_fen.0)
            .bind(split.asks)
            .bind(split.version)
            .bind(split.created_ms)
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        for (line, share) in (0_i64..).zip(shares) {
            self.insert_share(split, line, share).await?;
        }
        Ok(())
    }

    async fn insert_share(
        &mut self,
        split: &SplitRow,
        line: i64,
        share: &ShareRow,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO split_shares (operator_id, order_id, party_id, line, name, role, \
                   amount_fen, back_fen, paper_fen, paid_fen, returned_fen, status, reason, ask, \
                   asked_fen, account_json, updated_ms) VALUES \
                   ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
        sqlx::query(sql)
            .bind(split.operator_id.as_str())
            .bind(split.order_id.as_str())
            .bind(share.party.as_str())
            .bind(line)
            .bind(share.name.as_str())
            .bind(share.role.as_str())
            .bind(share.amount_fen.0)
            .bind(share.back_fen.0)
            .bind(share.paper_fen.0)
            .bind(share.paid_fen.0)
            .bind(share.returned_fen.0)
            .bind(share.status.as_str())
            .bind(share.reason.as_str())
            .bind(share.ask)
            .bind(share.asked_fen.0)
            .bind(account_json(share.account.as_ref()))
            .bind(share.updated_ms)
            .execute(&mut *self.inner)
            .await
            .map_err(taken)?;
        Ok(())
    }

    /// The split of an order with its shares.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn split(
        &mut self,
        order: &OrderId,
    ) -> Result<Option<(SplitRow, Vec<ShareRow>)>, StoreError> {
        let row = sqlx::query(SPLIT).bind(order.as_str()).fetch_optional(&mut *self.inner).await?;
        let Some(split) = row.as_ref().map(split).transpose()? else { return Ok(None) };
        let query = sqlx::query(SHARES).bind(split.operator_id.as_str()).bind(order.as_str());
        let rows = query.fetch_all(&mut *self.inner).await?;
        Ok(Some((split, rows.iter().map(share).collect::<Result<_, _>>()?)))
    }

    /// Claims the right to change a split; `asks` is how many requests there are from now on.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody else changed it since it was read.
    pub async fn change_split(&mut self, split: &SplitRow, asks: i64) -> Result<(), StoreError> {
        let sql = "UPDATE splits SET version = version + 1, asks = $1 \
                   WHERE operator_id = $2 AND order_id = $3 AND version = $4";
        let updated = sqlx::query(sql)
            .bind(asks)
            .bind(split.operator_id.as_str())
            .bind(split.order_id.as_str())
            .bind(split.version)
            .execute(&mut *self.inner)
            .await?;
        one_row(&updated)
    }

    /// Writes what became of a share; the caller has claimed the split by [`Tx::change_split`].
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is no such share.
    pub async fn update_share(
        &mut self,
        split: &SplitRow,
        share: &ShareRow,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE split_shares SET back_fen = $1, paper_fen = $2, paid_fen = $3, \
                   returned_fen = $4, status = $5, reason = $6, ask = $7, asked_fen = $8, \
                   account_json = $9, updated_ms = $10 \
                   WHERE operator_id = $11 AND order_id = $12 AND party_id = $13";
        let updated = sqlx::query(sql)
            .bind(share.back_fen.0)
            .bind(share.paper_fen.0)
            .bind(share.paid_fen.0)
            .bind(share.returned_fen.0)
            .bind(share.status.as_str())
            .bind(share.reason.as_str())
            .bind(share.ask)
            .bind(share.asked_fen.0)
            .bind(account_json(share.account.as_ref()))
            .bind(now_ms)
            .bind(split.operator_id.as_str())
            .bind(split.order_id.as_str())
            .bind(share.party.as_str())
            .execute(&mut *self.inner)
            .await?;
        one_row(&updated)
    }
}

impl Store {
    /// The split of an order with its shares.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn split(
        &self,
        order: &OrderId,
    ) -> Result<Option<(SplitRow, Vec<ShareRow>)>, StoreError> {
        let row = sqlx::query(SPLIT).bind(order.as_str()).fetch_optional(&self.pool).await?;
        let Some(split) = row.as_ref().map(split).transpose()? else { return Ok(None) };
        let query = sqlx::query(SHARES).bind(split.operator_id.as_str()).bind(order.as_str());
        let rows = query.fetch_all(&self.pool).await?;
        Ok(Some((split, rows.iter().map(share).collect::<Result<_, _>>()?)))
    }

    /// Whether a platform was told that an account may receive parts.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn is_bound(
        &self,
        operator: &OperatorId,
        account: &Account,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM split_receivers WHERE operator_id = $1 AND channel = $2 \
                   AND kind = $3 AND account = $4";
        let query = sqlx::query(sql)
            .bind(operator.as_str())
            .bind(account.channel.as_str())
            .bind(kind(account))
            .bind(account.account.as_str());
        Ok(query.fetch_optional(&self.pool).await?.is_some())
    }

    /// Remembers that a platform knows an account as a receiver.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remember_bound(
        &self,
        operator: &OperatorId,
        account: &Account,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO split_receivers (operator_id, channel, kind, account, bound_ms) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let mut tx = self.begin().await?;
        sqlx::query(sql)
            .bind(operator.as_str())
            .bind(account.channel.as_str())
            .bind(kind(account))
            .bind(account.account.as_str())
            .bind(now_ms)
            .execute(&mut *tx.inner)
            .await?;
        tx.commit().await
    }

    /// Forgets that a platform knows an account as a receiver: it said that it does not.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_bound(
        &self,
        operator: &OperatorId,
        account: &Account,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM split_receivers WHERE operator_id = $1 AND channel = $2 \
                   AND kind = $3 AND account = $4";
        let mut tx = self.begin().await?;
        sqlx::query(sql)
            .bind(operator.as_str())
            .bind(account.channel.as_str())
            .bind(kind(account))
            .bind(account.account.as_str())
            .execute(&mut *tx.inner)
            .await?;
        tx.commit().await
    }
}

fn kind(account: &Account) -> &'static str {
    match account.kind {
        wasm_core::share::AccountKind::Merchant => "merchant",
        wasm_core::share::AccountKind::Person => "person",
    }
}

fn account_json(account: Option<&Account>) -> String {
    let json = account.map(serde_json::to_string).transpose();
    json.expect("an account has only string keys").unwrap_or_default()
}

fn channel(row: &AnyRow) -> Result<Channel, StoreError> {
    let name: String = row.try_get("channel")?;
    Channel::parse(&name).ok_or_else(|| StoreError::Unreadable(format!("channel {name}")))
}

fn split(row: &AnyRow) -> Result<SplitRow, StoreError> {
    Ok(SplitRow {
        operator_id: OperatorId(row.try_get("operator_id")?),
        order_id: OrderId(row.try_get("order_id")?),
        rule_id: row.try_get("rule_id")?,
        payment_id: PaymentId(row.try_get("payment_id")?),
        channel: channel(row)?,
        trade_no: row.try_get("trade_no")?,
        held: row.try_get::<i64, _>("held")? != 0,
        kept_fen: Fen(row.try_get("kept_fen")?),
        asks: row.try_get("asks")?,
        version: row.try_get("version")?,
        created_ms: row.try_get("created_ms")?,
    })
}

fn share(row: &AnyRow) -> Result<ShareRow, StoreError> {
    let (role, status): (String, String) = (row.try_get("role")?, row.try_get("status")?);
    let json: String = row.try_get("account_json")?;
    let account = (!json.is_empty()).then(|| serde_json::from_str(&json)).transpose();
    Ok(ShareRow {
        party: PartyId(row.try_get("party_id")?),
        name: row.try_get("name")?,
        role: Role::parse(&role).ok_or_else(|| StoreError::Unreadable(format!("role {role}")))?,
        amount_fen: Fen(row.try_get("amount_fen")?),
        back_fen: Fen(row.try_get("back_fen")?),
        paper_fen: Fen(row.try_get("paper_fen")?),
        paid_fen: Fen(row.try_get("paid_fen")?),
        returned_fen: Fen(row.try_get("returned_fen")?),
        status: ShareStatus::parse(&status)?,
        reason: row.try_get("reason")?,
        ask: row.try_get("ask")?,
        asked_fen: Fen(row.try_get("asked_fen")?),
        account: account.map_err(|error| StoreError::Unreadable(error.to_string()))?,
        updated_ms: row.try_get("updated_ms")?,
    })
}
