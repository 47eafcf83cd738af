//! A platform that holds money, beside the doubles of `support`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::{BoxFuture, FutureExt};
use server::orders::{Answer, CaptureRequest, Holds, Unsure};
use wasm_core::money::Fen;

/// How the platform takes captures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Captures {
    /// Done, and answered.
    Work,
    /// Nothing happens, and no answer comes.
    #[default]
    AreNotAnswered,
    /// Done, but the answer is lost; asked whether it is done, there is no answer either.
    AreDoneInSilence,
    /// Done, but the answer is lost; asked whether it is done, the platform says so.
    AreDoneAndFound,
    /// Refused for now.
    AreRefused,
    /// Refused for good.
    AreRefusedForGood,
}

/// A platform that holds money and does what the test wants.
#[derive(Default)]
pub struct FakeHolds {
    behaviour: Mutex<Captures>,
    /// Captures asked for, repeats included.
    asked: Mutex<Vec<CaptureRequest>>,
    /// What was taken, by hold: its capture's number and the amount.
    taken: Mutex<BTreeMap<String, (String, Fen)>>,
}

impl FakeHolds {
    /// From now on.
    pub fn behave(&self, behaviour: Captures) {
        *self.behaviour.lock().expect("lock") = behaviour;
    }

    /// Captures asked for, repeats included.
    pub fn asked(&self) -> Vec<CaptureRequest> {
        self.asked.lock().expect("lock").clone()
    }

    /// What was taken of each hold, in the order of their numbers; zero where all was let go.
    pub fn taken(&self) -> Vec<Fen> {
        self.taken.lock().expect("lock").values().map(|(_, amount_fen)| *amount_fen).collect()
    }

    /// Takes of a hold, once.
    pub fn take(&self, capture: &CaptureRequest) {
        assert!(capture.amount_fen <= capture.held_fen, "{capture:?}");
        let what = (capture.id.clone(), capture.amount_fen);
        let mut taken = self.taken.lock().expect("lock");
        let known = taken.entry(capture.hold_no.clone()).or_insert_with(|| what.clone());
        assert_eq!(*known, what, "a hold is taken from once");
    }
}

impl Holds for FakeHolds {
    fn capture<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<()>> {
        self.asked.lock().expect("lock").push(capture.clone());
        let (code, message) = ("NOT_NOW".to_owned(), "refused".to_owned());
        let answer = match *self.behaviour.lock().expect("lock") {
            Captures::Work => {
                self.take(capture);
                Ok(())
            }
            Captures::AreDoneInSilence | Captures::AreDoneAndFound => {
                self.take(capture);
                Err(Unsure::Unknown("answer lost".to_owned()))
            }
            Captures::AreNotAnswered => Err(Unsure::Unknown("no answer".to_owned())),
            Captures::AreRefused => Err(Unsure::No { code, message }),
            Captures::AreRefusedForGood => Err(Unsure::Never { code, message }),
        };
        async { answer }.boxed()
    }

    fn captured<'a>(&'a self, capture: &'a CaptureRequest) -> BoxFuture<'a, Answer<bool>> {
        let silent = *self.behaviour.lock().expect("lock") == Captures::AreDoneInSilence;
        let done = self.taken.lock().expect("lock").contains_key(&capture.hold_no);
        async move { if silent { Err(Unsure::Unknown("no answer".to_owned())) } else { Ok(done) } }
            .boxed()
    }
}
