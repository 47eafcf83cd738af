//! All that operators' people read on their own pages.

mod en;
pub mod ledger;
pub mod order;
mod splits;
mod zh;

use super::With1;
use crate::lang::Lang;

pub use splits::Splits;

/// The texts of one language.
pub struct Admin {
    /// On every page.
    pub frame: Frame,
    /// Logging in.
    pub login: Login,
    /// The first page.
    pub overview: Overview,
    /// Stations and sockets.
    pub sites: Sites,
    /// Today's orders.
    pub orders: Orders,
    /// The books.
    pub books: Books,
    /// Partners' parts.
    pub splits: Splits,
    /// What is in the way.
    pub trouble: Trouble,
}

/// On every page.
pub struct Frame {
    /// After the product's name.
    pub room: &'static str,
    /// Names the links between the pages.
    pub nav: &'static str,
    /// Link to the first page.
    pub overview: &'static str,
    /// Link to the books.
    pub books: &'static str,
    /// Button: log out.
    pub log_out: &'static str,
}

/// Logging in.
pub struct Login {
    /// Title of the page.
    pub title: &'static str,
    /// Label: the user's name.
    pub login: &'static str,
    /// Label: the password.
    pub password: &'static str,
    /// Button.
    pub go: &'static str,
    /// The name or the password is wrong; never says which.
    pub wrong: &'static str,
    /// Too many tries.
    pub too_many: &'static str,
    /// Who can help.
    pub help: &'static str,
}

/// The first page.
pub struct Overview {
    /// Of what moment the page speaks.
    pub as_of: With1,
    /// Link: look again.
    pub refresh: &'static str,
    /// Heading: today's money.
    pub today: &'static str,
    /// Paid by riders.
    pub paid: &'static str,
    /// Electricity.
    pub electricity: &'static str,
    /// Service fees.
    pub service: &'static str,
    /// Let off.
    pub discount: &'static str,
    /// Gone back to riders.
    pub refunded: &'static str,
    /// Heading: what waits for a person.
    pub parked: &'static str,
    /// Nothing does.
    pub parked_none: &'static str,
    /// What waiting means for the money.
    pub parked_note: &'static str,
    /// A job's kind in words, by its name.
    pub job: fn(&str) -> &'static str,
    /// Since when.
    pub since: With1,
    /// Before the machine's own reason.
    pub reason: &'static str,
    /// Button: try again.
    pub retry: &'static str,
    /// Heading: running charges.
    pub running: &'static str,
    /// None runs.
    pub running_none: &'static str,
    /// Elapsed time.
    pub elapsed: &'static str,
    /// Energy so far.
    pub energy: &'static str,
    /// Money so far.
    pub cost: &'static str,
    /// Prepaid.
    pub prepaid: &'static str,
    /// Set aside, not paid.
    pub aside: &'static str,
    /// Button: stop.
    pub stop: &'static str,
    /// Asks before stopping.
    pub stop_sure: &'static str,
    /// Button: yes, stop.
    pub stop_yes: &'static str,
    /// Names a button's object: what, where.
    pub at: fn(&str, &str) -> String,
    /// Only so many are shown.
    pub only: With1,
}

/// Stations and sockets.
pub struct Sites {
    /// Heading.
    pub title: &'static str,
    /// The operator has none.
    pub none: &'static str,
    /// A site without stations.
    pub no_stations: &'static str,
    /// A station with a link.
    pub online: &'static str,
    /// A station without.
    pub offline: &'static str,
    /// When a station was last heard.
    pub last_seen: With1,
    /// A station that was never heard.
    pub never_seen: &'static str,
    /// Socket: free.
    pub free: &'static str,
    /// Socket: something is plugged in.
    pub plugged: &'static str,
    /// Socket: in use.
    pub busy: &'static str,
    /// Socket: out of reach.
    pub unreachable: &'static str,
    /// Socket: out of order.
    pub faulted: &'static str,
    /// Socket: switched off or reserved.
    pub closed: &'static str,
    /// Socket: has never reported.
    pub silent: &'static str,
    /// Link to the codes of a site.
    pub codes: &'static str,
    /// What the codes are for.
    pub codes_note: &'static str,
}

/// Today's orders.
pub struct Orders {
    /// Heading.
    pub title: &'static str,
    /// None yet.
    pub none: &'static str,
    /// Column: when it was made.
    pub time: &'static str,
    /// Column: where.
    pub place: &'static str,
    /// Column: how far it is.
    pub state: &'static str,
    /// A refund on its way.
    pub pending: With1,
    /// A refund that waits for a person.
    pub parked: With1,
    /// A bill that is being taken of what is set aside.
    pub taking: With1,
    /// The same, waiting for a person.
    pub taking_parked: With1,
    /// A socket that is not there any more.
    pub gone: &'static str,
}

/// The books.
pub struct Books {
    /// Title of the page.
    pub title: &'static str,
    /// What is shown.
    pub lead: &'static str,
    /// Heading: where the money is.
    pub assets: &'static str,
    /// Heading: whose it is.
    pub claims: &'static str,
    /// An account's kind in words, by its name.
    pub account: fn(&str) -> &'static str,
    /// Sum.
    pub sum: &'static str,
    /// Heading: the check.
    pub check: &'static str,
    /// All is well.
    pub whole: &'static str,
    /// Something is wrong: how many findings.
    pub wrong: With1,
    /// What was checked: transactions, amount, orders.
    pub checked: fn(i64, &str, i64) -> String,
    /// What to do when something is wrong.
    pub wrong_note: &'static str,
}

/// What is in the way: title and what to do.
pub struct Trouble {
    /// No such page, order or job.
    pub not_found: (&'static str, &'static str),
    /// The user's role does not allow it.
    pub not_allowed: (&'static str, &'static str),
    /// The form came from elsewhere.
    pub bad_form: (&'static str, &'static str),
    /// The order has moved on.
    pub too_late: (&'static str, &'static str),
    /// Our own trouble.
    pub internal: (&'static str, &'static str),
    /// Link back.
    pub back: &'static str,
}

impl Admin {
    /// The texts of a language.
    pub fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Zh => &zh::TEXT,
            Lang::En => &en::TEXT,
        }
    }
}
