//! A socket's scan code as people hang it up: the QR, the socket's name, the code to type.

use leptos::prelude::*;

use crate::parts::place::Place;
use crate::text::Text;

/// A socket and its code.
#[derive(Clone, Debug)]
pub struct SocketCode {
    /// Where.
    pub place: Place,
    /// Its scan link as a QR code: an `<svg>` made by the server itself, taken as it is.
    pub qr_svg: String,
}

/// One entry of a list of codes.
pub fn code_card(text: &'static Text, socket: SocketCode) -> impl IntoView + use<> {
    let name = socket.place.socket_name(text);
    let label = (text.home.qr_label)(&name);
    view! {
        <li>
            <a class="code-card" href=socket.place.path()>
                <span class="qr" role="img" aria-label=label inner_html=socket.qr_svg></span>
                <span class="title">{name}</span>
                <code>{socket.place.code.to_string()}</code>
            </a>
        </li>
    }
}
