//! The part of the first page that shows what stands where: sites, stations, sockets.

use leptos::prelude::*;
use wasm_core::link::ScanCode;

use crate::parts::place::Tone;
use crate::parts::time;
use crate::text::Text;
use crate::text::admin::{Admin, Sites};

/// A site.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its stations.
    pub stations: Vec<Station>,
}

/// A station.
#[derive(Clone, Debug)]
pub struct Station {
    /// The name on the box.
    pub name: String,
    /// Whether it has a link.
    pub online: bool,
    /// When it was last heard, milliseconds UTC; none = never.
    pub last_seen_ms: Option<i64>,
    /// Its sockets.
    pub sockets: Vec<Socket>,
}

/// A socket.
#[derive(Clone, Debug)]
pub struct Socket {
    /// Its number on the station, from 1.
    pub connector: i64,
    /// Its scan code.
    pub code: ScanCode,
    /// How it is.
    pub condition: Condition,
}

/// How a socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Ready for a rider.
    Free,
    /// Something is plugged in, nothing paid.
    Plugged,
    /// An order has it, or current flows.
    Busy,
    /// Its station has no link.
    Unreachable,
    /// Out of order; the device's error code.
    Faulted(String),
    /// Switched off or reserved.
    Closed,
    /// Has never reported.
    Silent,
}

impl Condition {
    fn words(&self, words: &Sites) -> (&'static str, &'static str) {
        match self {
            Self::Free => (words.free, "free"),
            Self::Plugged => (words.plugged, "free"),
            Self::Busy => (words.busy, "busy"),
            Self::Unreachable => (words.unreachable, "away"),
            Self::Faulted(_) => (words.faulted, "fault"),
            Self::Closed => (words.closed, "away"),
            Self::Silent => (words.silent, "away"),
        }
    }
}

/// Now, and where clocks stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// Milliseconds UTC.
    pub now_ms: i64,
    /// How far clocks are ahead of UTC.
    pub utc_offset_minutes: i64,
}

impl Now {
    /// An instant in words.
    pub fn when(self, text: &Text, at_ms: i64) -> String {
        time::when(text, at_ms, self.now_ms, self.utc_offset_minutes)
    }
}

/// The section.
pub(super) fn section(text: &'static Text, now: Now, sites: Vec<Site>) -> impl IntoView {
    let words = &Admin::of(text.lang).sites;
    let none = sites.is_empty().then(|| view! { <p class="card">{words.none}</p> });
    let sites: Vec<_> = sites.into_iter().map(|site| one(text, words, now, site)).collect();
    view! {
        <section aria-labelledby="sites">
            <h2 id="sites">{words.title}</h2>
            {none}
            {sites}
        </section>
    }
}

fn one(text: &'static Text, words: &'static Sites, now: Now, site: Site) -> impl IntoView {
    let codes = format!("/admin/sites/{}/codes", site.id);
    let label = format!("{}: {}", words.codes, site.name);
    let none = site.stations.is_empty().then(|| view! { <p class="hint">{words.no_stations}</p> });
    let stations: Vec<_> =
        site.stations.into_iter().map(|box_| station(text, words, now, box_)).collect();
    view! {
        <article class="card estate">
            <header>
                <div>
                    <h3>{site.name}</h3>
                    <p class="hint">{site.address}</p>
                </div>
                <a class="button small" href=codes aria-label=label>
                    {words.codes}
                </a>
            </header>
            {none}
            <ul class="stations">{stations}</ul>
        </article>
    }
}

fn station(
    text: &'static Text,
    words: &'static Sites,
    now: Now,
    station: Station,
) -> impl IntoView {
    let (link, tone) =
        if station.online { (words.online, Tone::Good) } else { (words.offline, Tone::Caution) };
    let seen = match station.last_seen_ms {
        Some(at_ms) => (words.last_seen)(&now.when(text, at_ms)),
        None => words.never_seen.to_owned(),
    };
    let sockets: Vec<_> = station.sockets.into_iter().map(|each| socket(words, each)).collect();
    view! {
        <li>
            <p class="station">
                <b>{station.name}</b>
                <span class=format!("pill {}", tone.class())>{link}</span>
                <span class="hint">{seen}</span>
            </p>
            <ul class="sockets">{sockets}</ul>
        </li>
    }
}

fn socket(words: &'static Sites, socket: Socket) -> impl IntoView {
    let (state, class) = socket.condition.words(words);
    let code = match socket.condition {
        Condition::Faulted(code) if !code.is_empty() && code != "NoError" => Some(code),
        _ => None,
    };
    // A device's own code needs the room of two.
    let room = code.as_ref().map(|_| "wide");
    view! {
        <li class=room>
            <a class=format!("plug {class}") href=format!("/s/{}", socket.code.as_str())>
                <b>{socket.connector}</b>
                " "
                <span>{state} {code.map(|code| view! { <small>{code}</small> })}</span>
            </a>
        </li>
    }
}
