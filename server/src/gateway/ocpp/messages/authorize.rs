//! `Authorize`.

use serde::Deserialize;

use super::Text;

/// May this `idTag` charge?
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorize {
    /// An order's id, or a card.
    pub id_tag: Text<20>,
}
