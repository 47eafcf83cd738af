//! Who an anonymous rider is at a payment platform, once the platform has told.

use wasm_core::ids::RiderId;
use wasm_core::order::{Channel, Event, Order};

use super::service::{OrderError, Orders, retry};
use crate::store::{StoredRider, Tx};

/// Orders that move to a known rider at most; one transaction moves them all.
const MOVED_MAX: usize = 200;

impl Orders {
    /// A platform says that this rider is `open_id` there. Nobody else is: the rider gets the id.
    /// Another rider is, who lost the cookie: the session becomes that rider's, and so do the
    /// orders made meanwhile. A rider who has an id there keeps it, and one who is known at another
    /// platform never becomes somebody else.
    ///
    /// Returns whom the session belongs to from now on. Its id there is another than `open_id` when
    /// this is another person's session.
    ///
    /// # Errors
    /// [`OrderError::NoSuchRider`], or the database did not do it.
    pub async fn known_at(
        &self,
        channel: Channel,
        rider: &RiderId,
        open_id: &str,
    ) -> Result<StoredRider, OrderError> {
        let (known, moved) = retry!(self.try_known_at(channel, rider, open_id))?;
        for order in &moved {
            self.changed(order);
        }
        Ok(known)
    }

    async fn try_known_at(
        &self,
        channel: Channel,
        rider: &RiderId,
        open_id: &str,
    ) -> Result<(StoredRider, Vec<Order>), OrderError> {
        let mut tx = self.inner.store.begin().await?;
        let this = tx.rider(rider).await?.ok_or(OrderError::NoSuchRider)?;
        if this.open_ids.at(channel).is_some() {
            return Ok((this, Vec::new()));
        }
        let Some(known) = tx.rider_at(channel, open_id).await? else {
            tx.set_rider_at(&this.id, channel, open_id, self.inner.clock.now_ms()).await?;
            tx.commit().await?;
            let open_ids = this.open_ids.with(channel, open_id);
            return Ok((StoredRider { open_ids, ..this }, Vec::new()));
        };
        if !this.open_ids.is_empty() {
            tracing::warn!(rider = %this.id, other = %known, "known elsewhere, becomes nobody else");
            return Ok((this, Vec::new()));
        }
        let known = tx.rider(&known).await?.ok_or(OrderError::NoSuchRider)?;
        let Some(moved) = self.move_orders(&mut tx, &this.id, &known.id).await? else {
            tracing::warn!(rider = %this.id, "too many orders to move, stays anonymous");
            return Ok((this, Vec::new()));
        };
        tx.join_rider(&this.id, &known.id).await?;
        tx.commit().await?;
        tracing::info!(rider = %known.id, was = %this.id, orders = moved.len(), "rider known");
        Ok((known, moved))
    }

    /// Gives a rider's orders to another; none when there are too many for one transaction.
    async fn move_orders(
        &self,
        tx: &mut Tx,
        from: &RiderId,
        to: &RiderId,
    ) -> Result<Option<Vec<Order>>, OrderError> {
        let orders = tx.orders_of_rider(from, MOVED_MAX + 1).await?;
        if orders.len() > MOVED_MAX {
            return Ok(None);
        }
        let mut moved = Vec::with_capacity(orders.len());
        for id in &orders {
            let event = Event::RiderKnown { rider_id: to.clone() };
            moved.push(self.apply_in(tx, id, event).await?);
        }
        Ok(Some(moved))
    }
}
