//! One socket: from free through charging to free again.

use serde_json::{Value, json};

use super::battery::Battery;
use super::character::{Character, Dice};
use super::outbox::{Bill, Outbox};
use crate::gateway::ocpp::time;

/// How long a socket that was told to start waits for current, in seconds.
const CURRENT_WITHIN_S: f64 = 30.0;

/// A socket of a station.
pub struct Socket {
    connector: usize,
    character: Character,
    phase: Phase,
    /// The register, in watt-hours: it never goes back.
    register_wh: f64,
}

enum Phase {
    Free,
    /// Told to start.
    Preparing {
        id_tag: String,
        starts_in_s: f64,
        gives_up_in_s: f64,
    },
    Charging(Charge),
    /// Over; the plug is still in.
    Finishing {
        unplugged_in_s: f64,
    },
}

struct Charge {
    number: u64,
    battery: Battery,
    sample_in_s: f64,
    /// When somebody pulls the plug, if they will not wait.
    pulled_in_s: Option<f64>,
}

/// What a socket needs to move on.
pub struct Moment<'a> {
    /// Seconds since it last moved.
    pub seconds: f64,
    /// The station's clock, milliseconds UTC.
    pub now_ms: i64,
    /// Seconds between two readings.
    pub sample_s: f64,
    /// How much faster than in life batteries fill.
    pub speed: u32,
    /// A number no charge of the station has had.
    pub next_charge: &'a mut u64,
    /// Chance.
    pub dice: &'a mut Dice,
    /// Where messages go.
    pub outbox: &'a mut Outbox,
}

impl Socket {
    /// A free socket with a history on its meter.
    pub fn new(connector: usize, character: Character, dice: &mut Dice) -> Self {
        let register_wh = f64::from(dice.between(1_000, 900_000));
        Self { connector, character, phase: Phase::Free, register_wh }
    }

    /// OCPP's word for its state, with the error code.
    fn status(&self) -> (&'static str, &'static str) {
        match &self.phase {
            _ if self.character == Character::Faulted => ("Faulted", "GroundFailure"),
            Phase::Free => ("Available", "NoError"),
            Phase::Preparing { .. } => ("Preparing", "NoError"),
            Phase::Charging(charge) if charge.battery.is_full() => ("SuspendedEV", "NoError"),
            Phase::Charging(_) => ("Charging", "NoError"),
            Phase::Finishing { .. } => ("Finishing", "NoError"),
        }
    }

    /// Reports its state.
    pub fn report(&self, outbox: &mut Outbox, now_ms: i64) {
        let (status, error_code) = self.status();
        let payload = json!({
            "connectorId": self.connector,
            "errorCode": error_code,
            "status": status,
            "timestamp": time::write(now_ms),
        });
        outbox.notice("StatusNotification", payload);
    }

    /// Told to start. Whether it will try.
    pub fn start(&mut self, id_tag: String, dice: &mut Dice) -> bool {
        let willing = matches!(self.phase, Phase::Free | Phase::Finishing { .. })
            && matches!(self.character, Character::Sound | Character::NoCurrent);
        if willing {
            self.phase = Phase::Preparing {
                id_tag,
                starts_in_s: f64::from(dice.between(1, 3)),
                gives_up_in_s: CURRENT_WITHIN_S,
            };
        }
        willing
    }

    /// Whether the charge with the station's own number `charge` runs here.
    pub fn runs(&self, charge: u64) -> bool {
        matches!(&self.phase, Phase::Charging(running) if running.number == charge)
    }

    /// The running charge's number.
    pub fn charge(&self) -> Option<u64> {
        match &self.phase {
            Phase::Charging(charge) => Some(charge.number),
            _ => None,
        }
    }

    /// Ends a running charge.
    pub fn stop(&mut self, reason: &str, moment: &mut Moment<'_>) {
        let Phase::Charging(charge) = &self.phase else { return };
        let payload = json!({
            "meterStop": self.whole_register(),
            "timestamp": time::write(moment.now_ms),
            "reason": reason,
        });
        moment.outbox.bill(Bill { charge: charge.number, action: "StopTransaction", payload });
        let unplugged_in_s = match reason {
            "EVDisconnected" => 0.0,
            _ => f64::from(moment.dice.between(5, 15)),
        };
        self.phase = Phase::Finishing { unplugged_in_s };
        self.report(moment.outbox, moment.now_ms);
    }

    /// Moves on.
    pub fn advance(&mut self, moment: &mut Moment<'_>) {
        match &mut self.phase {
            Phase::Free => {}
            Phase::Preparing { starts_in_s, gives_up_in_s, .. } => {
                *starts_in_s -= moment.seconds;
                *gives_up_in_s -= moment.seconds;
                if *gives_up_in_s <= 0.0 {
                    self.free(moment);
                } else if *starts_in_s <= 0.0 && self.character == Character::Sound {
                    self.begin(moment);
                }
            }
            Phase::Charging(_) => self.charge_on(moment),
            Phase::Finishing { unplugged_in_s } => {
                *unplugged_in_s -= moment.seconds;
                if *unplugged_in_s <= 0.0 {
                    self.free(moment);
                }
            }
        }
    }

    fn free(&mut self, moment: &mut Moment<'_>) {
        self.phase = Phase::Free;
        self.report(moment.outbox, moment.now_ms);
    }

    fn begin(&mut self, moment: &mut Moment<'_>) {
        let Phase::Preparing { id_tag, .. } = &self.phase else { return };
        *moment.next_charge += 1;
        let number = *moment.next_charge;
        let payload = json!({
            "connectorId": self.connector,
            "idTag": id_tag,
            "meterStart": self.whole_register(),
            "timestamp": time::write(moment.now_ms),
        });
        moment.outbox.bill(Bill { charge: number, action: "StartTransaction", payload });
        let battery = Battery::any(moment.dice, moment.speed);
        let impatient = self.connector > 1 && moment.dice.once_in(8);
        let pulled_in_s = impatient.then(|| f64::from(moment.dice.between(20, 90)));
        let charge = Charge { number, battery, sample_in_s: 0.0, pulled_in_s };
        self.phase = Phase::Charging(charge);
        self.report(moment.outbox, moment.now_ms);
    }

    fn charge_on(&mut self, moment: &mut Moment<'_>) {
        let Phase::Charging(charge) = &mut self.phase else { return };
        self.register_wh += charge.battery.charge(moment.seconds);
        charge.sample_in_s -= moment.seconds;
        if let Some(pulled_in_s) = &mut charge.pulled_in_s {
            *pulled_in_s -= moment.seconds;
        }
        let is_pulled = charge.pulled_in_s.is_some_and(|seconds| seconds <= 0.0);
        let is_full = charge.battery.is_full();
        if charge.sample_in_s <= 0.0 {
            charge.sample_in_s += moment.sample_s;
            let (number, power_w) = (charge.number, charge.battery.power_w());
            let payload = self.reading(power_w, moment);
            moment.outbox.bill(Bill { charge: number, action: "MeterValues", payload });
        }
        if is_pulled {
            self.stop("EVDisconnected", moment);
        } else if is_full {
            // The vehicle takes no more: that is how OCPP says full.
            self.report(moment.outbox, moment.now_ms);
            self.stop("Local", moment);
        }
    }

    fn reading(&self, power_w: f64, moment: &mut Moment<'_>) -> Value {
        // A real meter trembles by a per cent or two.
        let trembling_w = power_w * f64::from(moment.dice.between(985, 1_015)) / 1_000.0;
        // Cut off, as Start and Stop are: a reading must not be ahead of the final one.
        let tenths_wh = (self.register_wh * 10.0).floor() / 10.0;
        json!({
            "connectorId": self.connector,
            "meterValue": [{
                "timestamp": time::write(moment.now_ms),
                "sampledValue": [
                    {
                        "value": format!("{tenths_wh:.1}"),
                        "measurand": "Energy.Active.Import.Register",
                        "unit": "Wh",
                        "context": "Sample.Periodic",
                    },
                    {
                        "value": format!("{trembling_w:.1}"),
                        "measurand": "Power.Active.Import",
                        "unit": "W",
                        "context": "Sample.Periodic",
                    },
                ],
            }],
        })
    }

    /// The register as Start and Stop carry it.
    fn whole_register(&self) -> Value {
        let whole = format!("{:.0}", self.register_wh.floor());
        serde_json::from_str(&whole).unwrap_or(Value::Null)
    }
}
