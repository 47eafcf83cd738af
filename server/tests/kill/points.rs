//! Whether the list of deaths is whole: no step the server takes, and no kind of job, is missing
//! from it unnoticed.

use std::collections::BTreeSet;

use server::orders::Job;

use crate::DEATHS;

/// Kinds of jobs that no script here comes to, and why.
const NOT_PLAYED: &[(&str, &str)] =
    &[("settle_forgotten", "due after three minutes; f26 moves the clock")];

/// Points that are passed now and then, but not at each run of a script.
const BY_CHANCE: &[&str] = &[
    // A station that starts while the order is cancelled may report both after each other.
    "before_commit.no_order",
    "after_commit.no_order",
    // Only on a machine so slow that the start's deadline passes.
    "before_commit.start_unknown",
    "after_commit.start_unknown",
];

/// What of `passed` the list of deaths lacks, and which kinds of jobs.
pub fn missing(passed: &BTreeSet<String>) -> Vec<String> {
    let listed: BTreeSet<&str> = DEATHS
        .iter()
        .flat_map(|(_, cases)| cases.iter().flat_map(|places| places.iter()))
        .map(|place| place.split_once(':').map_or(*place, |(place, _)| place))
        .collect();
    let has = |place: &str| listed.contains(place) || BY_CHANCE.contains(&place);
    let unlisted = passed.iter().filter(|place| !has(place)).cloned();
    let kinds = kinds_of_jobs().into_iter();
    let played = kinds.filter(|kind| !NOT_PLAYED.iter().any(|(other, _)| other == kind));
    let steps = ["claimed", "carried_out", "recorded"];
    let needed = played.flat_map(|kind| steps.map(|step| format!("{step}.{kind}")));
    unlisted.chain(needed.filter(|place| !listed.contains(place.as_str()))).collect()
}

/// All kinds there are: reading one that there is not, serde names those it knows.
fn kinds_of_jobs() -> BTreeSet<String> {
    let unknown = serde_json::from_str::<Job>(r#"{"job":"?"}"#).expect_err("no such kind");
    let text = unknown.to_string();
    let kinds: BTreeSet<String> =
        text.split('`').skip(1).step_by(2).filter(|name| *name != "?").map(str::to_owned).collect();
    assert!(kinds.contains("start_socket") && kinds.len() > 7, "{text}");
    kinds
}

#[test]
fn a_step_that_nobody_dies_at_is_noticed() {
    assert_eq!(missing(&BTreeSet::new()), [""; 0]);
    let passed = ["claimed.refund", "before_call.new_job"].map(str::to_owned);
    assert_eq!(missing(&passed.into()), ["before_call.new_job"]);
}
