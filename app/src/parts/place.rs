//! Where it happens: site, station, socket.

use leptos::prelude::*;
use wasm_core::link::ScanCode;

use crate::text::Text;

/// Who runs a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Name.
    pub name: String,
    /// Phone number for riders.
    pub service_phone: String,
}

/// A socket and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The socket's scan code.
    pub code: ScanCode,
    /// The station's name, as painted on the box.
    pub station_name: String,
    /// The socket's number on the station, from 1.
    pub connector: i64,
    /// The site's name.
    pub site_name: String,
    /// Its address.
    pub address: String,
    /// Who runs it.
    pub operator: Operator,
}

/// How a socket's state looks at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well, or current flows.
    Good,
    /// Something to wait for or to know.
    Quiet,
    /// Something in the way.
    Caution,
}

impl Tone {
    /// The style sheet's name for it.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Quiet => "quiet",
            Self::Caution => "caution",
        }
    }
}

impl Place {
    /// The socket's name in words.
    pub fn socket_name(&self, text: &Text) -> String {
        (text.frame.socket)(&self.station_name, &self.connector.to_string())
    }

    /// The path behind the socket's code.
    pub fn path(&self) -> String {
        format!("/s/{}", self.code.as_str())
    }
}

/// The head of a socket's page: number, state, site, address.
pub fn heading(
    text: &'static Text,
    place: &Place,
    state: &'static str,
    tone: Tone,
) -> impl IntoView + use<> {
    view! {
        <section class="place">
            <p class="socket" aria-hidden="true">
                {place.connector}
            </p>
            <div>
                <h1>{place.site_name.clone()}</h1>
                <p class="address">{place.address.clone()}</p>
                <p class="where">
                    <span>{place.socket_name(text)}</span>
                    <span class=format!("pill {}", tone.class())>{state}</span>
                </p>
            </div>
        </section>
    }
}
