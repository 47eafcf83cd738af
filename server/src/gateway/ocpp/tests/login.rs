//! Who is let in (F31).

use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::Message;

use super::harness::{House, PASSWORD};

fn status(result: Result<super::harness::Peer, Error>) -> u16 {
    match result {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => 101,
    }
}

#[tokio::test]
async fn f31_only_the_station_itself_is_let_in() {
    let house = House::open().await;
    let right = format!("CP1:{PASSWORD}");
    let of_other = format!("CP2:{PASSWORD}");
    let nobody = format!("CP9:{PASSWORD}");
    for (identity, login, expected) in [
        ("CP1", Some(right.as_str()), 101),
        ("CP1", None, 401),
        ("CP1", Some("CP1:wrong"), 401),
        ("CP1", Some("CP1:"), 401),
        ("CP1", Some("CP1"), 401),
        ("CP1", Some(of_other.as_str()), 401),
        ("CP9", Some(nobody.as_str()), 401),
        ("CP9", Some("CP9:"), 401),
        ("cp1", Some(right.as_str()), 401),
        ("CP2", Some(of_other.as_str()), 101),
    ] {
        let answer = status(house.knock(identity, login, Some("ocpp1.6")).await);
        assert_eq!(answer, expected, "{identity} {login:?}");
    }
}

#[tokio::test]
async fn another_subprotocol_ends_at_once() {
    let house = House::open().await;
    let login = format!("CP1:{PASSWORD}");
    for protocol in [None, Some("ocpp2.0.1")] {
        // tungstenite refuses an upgrade that grants none of what it offered.
        if let Ok(mut peer) = house.knock("CP1", Some(&login), protocol).await {
            let message = peer.socket.next().await.unwrap().unwrap();
            assert!(matches!(message, Message::Close(Some(_))), "{message}");
        }
        assert_eq!(house.stations.connected(), 0);
    }
    let both = house.knock("CP1", Some(&login), Some("ocpp2.0.1, ocpp1.6")).await;
    assert!(both.is_ok(), "one of two is ours");
}

#[tokio::test]
async fn f31_guessing_is_slowed_down_for_the_guessed_identity_only() {
    let house = House::open().await;
    let mut refused = 0;
    for _ in 0..40 {
        refused = status(house.knock("CP1", Some("CP1:guess"), Some("ocpp1.6")).await);
    }
    assert_eq!(refused, 429);
    let other = format!("CP2:{PASSWORD}");
    assert_eq!(status(house.knock("CP2", Some(&other), Some("ocpp1.6")).await), 101);
}
