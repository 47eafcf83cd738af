//! A bike's battery: constant power, then an exponential taper, then full.

use super::character::Dice;

/// How much faster than its power the register runs at most: 450 W × 4 stays below the 2,000 W
/// that a socket can deliver.
pub const REGISTER_SPEED_MAX: u32 = 4;

/// Below this the battery is full, in watts.
const FULL_BELOW_W: f64 = 20.0;

/// A charge in life, in seconds: constant for so long …
const CONSTANT_S: (u32, u32) = (5_400, 7_200);

/// … then falling to 1/e in so long.
const TAPER_S: f64 = 1_400.0;

/// A battery on a charger.
#[derive(Clone, Debug)]
pub struct Battery {
    rated_w: f64,
    constant_s: f64,
    /// How far the charge is, in seconds of life.
    age_s: f64,
    register_speed: f64,
    speed: f64,
}

impl Battery {
    /// A battery as one comes along, charged `speed` times as fast as in life.
    pub fn any(dice: &mut Dice, speed: u32) -> Self {
        Self {
            rated_w: f64::from(dice.between(120, 450)),
            constant_s: f64::from(dice.between(CONSTANT_S.0, CONSTANT_S.1)),
            age_s: 0.0,
            register_speed: f64::from(speed.min(REGISTER_SPEED_MAX)),
            speed: f64::from(speed),
        }
    }

    /// The power drawn now, in watts.
    pub fn power_w(&self) -> f64 {
        let tapering_s = (self.age_s - self.constant_s).max(0.0);
        self.rated_w * (-tapering_s / TAPER_S).exp()
    }

    /// Charges for `seconds` of the clock. Returns what the meter counts, in watt-hours.
    pub fn charge(&mut self, seconds: f64) -> f64 {
        let counted_wh = self.power_w() * seconds / 3_600.0 * self.register_speed;
        self.age_s += seconds * self.speed;
        counted_wh
    }

    /// Whether it takes no more.
    pub fn is_full(&self) -> bool {
        self.power_w() < FULL_BELOW_W
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_charge_is_believable_and_takes_about_three_minutes() {
        for seed in 0..50 {
            let mut battery = Battery::any(&mut Dice::of(seed, 0), 60);
            let (mut seconds, mut counted_wh, mut last_w) = (0_u32, 0.0, f64::MAX);
            while !battery.is_full() {
                assert!(battery.power_w() <= last_w.min(450.0), "power never rises");
                last_w = battery.power_w();
                let wh = battery.charge(1.0);
                assert!(wh * 3_600.0 <= 2_000.0, "more than the socket can deliver");
                counted_wh += wh;
                seconds += 1;
            }
            assert!((120..=240).contains(&seconds), "{seconds} s");
            assert!((10.0..100.0).contains(&counted_wh), "{counted_wh} Wh");
        }
    }
}
