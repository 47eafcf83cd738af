//! The bill: each line says quantity × price = amount, and how it was rounded.

use serde::{Deserialize, Serialize};

use crate::money::Fen;
use crate::units::{MFEN_PER_FEN, SECONDS_PER_HOUR, WH_PER_KWH};

/// What a charge costs and why. `total = electricity + service − discount`;
/// `refund = paid − total`; no figure is negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bill {
    /// The lines: electricity, service, discounts, and last what lifts the total to the minimum.
    pub lines: Vec<Line>,
    /// Sum of the electricity lines.
    pub electricity_fen: Fen,
    /// Sum of the service lines.
    pub service_fen: Fen,
    /// Sum of the discount lines, to be taken off.
    pub discount_fen: Fen,
    /// What the charge costs.
    pub total_fen: Fen,
    /// What was paid.
    pub paid_fen: Fen,
    /// What goes back.
    pub refund_fen: Fen,
    /// Energy billed, in whole watt-hours.
    pub energy_wh: i64,
    /// Time billed, in whole seconds.
    pub duration_s: i64,
}

impl Bill {
    /// A bill of nothing yet, for a charge of `energy_wh` and `duration_s`.
    pub(super) fn new(paid_fen: Fen, energy_wh: i64, duration_s: i64) -> Self {
        Self {
            lines: Vec::new(),
            electricity_fen: Fen::ZERO,
            service_fen: Fen::ZERO,
            discount_fen: Fen::ZERO,
            total_fen: Fen::ZERO,
            paid_fen,
            refund_fen: paid_fen,
            energy_wh,
            duration_s,
        }
    }

    /// Adds a line and what it means for the sums. A line of nothing is left out.
    pub(super) fn add(&mut self, line: Line) {
        if line.quantity == 0 {
            return;
        }
        match line.component {
            Component::Electricity => self.electricity_fen += line.amount_fen,
            Component::Service => self.service_fen += line.amount_fen,
            Component::Discount => self.discount_fen += line.amount_fen,
        }
        self.total_fen = self.electricity_fen + self.service_fen - self.discount_fen;
        self.refund_fen = self.paid_fen - self.total_fen;
        self.lines.push(line);
    }

    /// Takes off what the total has above `limit_fen`.
    pub(super) fn lower_to(&mut self, limit_fen: Fen, item: Item) {
        let excess_fen = self.total_fen.above(limit_fen);
        if excess_fen > Fen::ZERO {
            self.add(Line::fixed(Component::Discount, item, excess_fen));
        }
    }

    /// Whether the charge has used more than was paid, so that a metered charge must end.
    ///
    /// A bill of exactly what was paid is not there yet: a charge whose whole fee is paid in
    /// advance runs on until it is full.
    pub fn is_overpaid(&self) -> bool {
        self.lines.iter().any(|line| line.item == Item::OverPaid)
    }
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Which of the three sums it belongs to.
    pub component: Component,
    /// What it is for.
    pub item: Item,
    /// How many units; 1 for a fixed amount.
    pub quantity: i64,
    /// The unit of `quantity`.
    pub unit: Unit,
    /// Price in mfen for one `basis`.
    pub price_mfen: i64,
    /// What the price is for.
    pub basis: Basis,
    /// The line's amount in fen, never negative.
    pub amount_fen: Fen,
    /// Whether a fraction of a fen was dropped.
    pub rounding: Rounding,
}

impl Line {
    /// `quantity` units at `price_mfen` for one `basis`, rounded down to whole fen.
    pub(super) fn metered(
        component: Component,
        item: Item,
        (quantity, unit): (i64, Unit),
        (price_mfen, basis): (i64, Basis),
    ) -> Self {
        let exact = i128::from(quantity) * i128::from(price_mfen);
        let one_fen = i128::from(basis.units() * MFEN_PER_FEN);
        let amount_fen = i64::try_from(exact / one_fen).expect("bounded by the tariff's limits");
        let rounding = if exact % one_fen == 0 { Rounding::Exact } else { Rounding::Down };
        let amount_fen = Fen(amount_fen);
        Self { component, item, quantity, unit, price_mfen, basis, amount_fen, rounding }
    }

    /// One piece at a price of whole fen.
    pub(super) fn fixed(component: Component, item: Item, amount_fen: Fen) -> Self {
        let price_mfen = amount_fen.0 * MFEN_PER_FEN;
        Self::metered(component, item, (1, Unit::Piece), (price_mfen, Basis::Piece))
    }
}

impl Basis {
    /// How many units of a line's quantity make one basis.
    fn units(self) -> i64 {
        match self {
            Self::Kwh => WH_PER_KWH,
            Self::Hour => SECONDS_PER_HOUR,
            Self::Piece => 1,
        }
    }
}

/// The three sums of a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Electricity, passed on.
    Electricity,
    /// The operator's service fee.
    Service,
    /// Taken off.
    Discount,
}

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Item {
    /// Energy within one period of the day.
    EnergyPeriod {
        /// Minute of the day at which it begins.
        from_minute: i64,
        /// Minute of the day at which it ends, at most 1440.
        to_minute: i64,
    },
    /// Time within one power tier.
    PowerTier {
        /// Above this many watts.
        over_w: i64,
        /// Up to this many watts; none above the last bound.
        up_to_w: Option<i64>,
    },
    /// Energy above the last tier, billed per kWh.
    OverTopEnergy {
        /// Above this many watts.
        over_w: i64,
    },
    /// The fee for one charge.
    #[serde(deserialize_with = "super::strict::no_fields")]
    Session,
    /// A package's service part: `charge` (the used share of its price, rounded down) less
    /// `electricity`.
    PackageService {
        /// Price of the whole package.
        price_fen: Fen,
        /// Used seconds or watt-hours.
        used: i64,
        /// Bought seconds or watt-hours.
        bought: i64,
        /// price × used ÷ bought, rounded down.
        charge_fen: Fen,
        /// The electricity lines' sum.
        electricity_fen: Fen,
    },
    /// What lifts the sum to the tariff's minimum.
    #[serde(deserialize_with = "super::strict::no_fields")]
    Minimum,
    /// The package costs less than its electricity.
    #[serde(deserialize_with = "super::strict::no_fields")]
    BelowElectricity,
    /// The charge ended within the free time.
    #[serde(deserialize_with = "super::strict::no_fields")]
    FreeTime,
    /// The tariff's cap.
    #[serde(deserialize_with = "super::strict::no_fields")]
    Cap,
    /// The charge used more than was paid; the operator bears it.
    #[serde(deserialize_with = "super::strict::no_fields")]
    OverPaid,
}

/// The unit of a line's quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Watt-hours.
    Wh,
    /// Seconds.
    Second,
    /// Pieces.
    Piece,
}

/// What a line's price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// One kWh.
    Kwh,
    /// One hour.
    Hour,
    /// One piece.
    Piece,
}

/// How a line was rounded to whole fen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// It came out even.
    Exact,
    /// A fraction of a fen was dropped, in the rider's favour.
    Down,
}
