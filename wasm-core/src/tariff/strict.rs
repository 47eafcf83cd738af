//! Unknown fields are refused beside variants without fields, too: there serde's
//! `deny_unknown_fields` passes over them in silence.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

/// For `#[serde(deserialize_with)]` on a variant without fields.
pub fn no_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    NoFields::deserialize(deserializer).map(|NoFields {}| ())
}
