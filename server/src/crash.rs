//! Points at which a test lets the process die as from `kill -9`, to see that a restart comes to
//! the same end.
//!
//! Only builds with debug assertions have them: in a release nothing is left of a point.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Says where to die: `step.subject`, or `step.subject:n` for the n-th time there.
const VARIABLE: &str = "SAOCHONG_CRASH_AT";
/// Names a file to which each point is written, one a line, when it is first passed: so tests see
/// which points there are.
const PASSED: &str = "SAOCHONG_CRASH_POINTS";

/// A point where to die, and how often it is still passed alive.
struct Plan {
    step: String,
    subject: String,
    left: AtomicU32,
}

impl Plan {
    fn of(text: &str) -> Option<Self> {
        let (place, nth) = text.split_once(':').unwrap_or((text, "1"));
        let (step, subject) = place.split_once('.')?;
        Some(Self {
            step: step.to_owned(),
            subject: subject.to_owned(),
            left: AtomicU32::new(nth.parse().ok()?),
        })
    }

    fn is_due(&self, step: &str, subject: &str) -> bool {
        let is_here = self.step == step && self.subject == subject;
        is_here && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

/// Dies here if the environment says so: no destructor runs, nothing is flushed.
pub fn point(step: &str, subject: &str) {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    if cfg!(debug_assertions) {
        note(step, subject);
        let read = || std::env::var(VARIABLE).ok().and_then(|text| Plan::of(&text));
        if PLAN.get_or_init(read).as_ref().is_some_and(|plan| plan.is_due(step, subject)) {
            std::process::abort();
        }
    }
}

/// The points passed so far, and where they are written.
struct Seen {
    file: File,
    lines: HashSet<String>,
}

/// Writes a point down at its first time, if a test asks for it.
fn note(step: &str, subject: &str) {
    static SEEN: OnceLock<Option<Mutex<Seen>>> = OnceLock::new();
    let open = || {
        let file =
            File::options().create(true).append(true).open(std::env::var_os(PASSED)?).ok()?;
        Some(Mutex::new(Seen { file, lines: HashSet::new() }))
    };
    let Some(seen) = SEEN.get_or_init(open) else { return };
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let line = format!("{step}.{subject}\n");
    if !seen.lines.contains(&line) {
        // A test that misses a line says so.
        let _ = seen.file.write_all(line.as_bytes());
        seen.lines.insert(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_due_once_at_its_place() {
        let plan = Plan::of("after_call.refund:2").expect("a plan");
        let passed = [("after_call", "refund"), ("before_call", "refund"), ("after_call", "stop")];
        assert!(passed.iter().all(|(step, subject)| !plan.is_due(step, subject)));
        assert!(plan.is_due("after_call", "refund"));
        assert!(!plan.is_due("after_call", "refund"));
        assert!(Plan::of("nowhere").is_none());
    }
}
