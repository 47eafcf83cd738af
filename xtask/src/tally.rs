//! Counting tests by the closing lines of their runners.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::AddAssign;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result};

/// How many tests ran and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// One check that is not a test runner.
    pub const PASSED: Self = Self { passed: 1, failed: 0 };
    /// One check that failed, or a runner that ended without saying how.
    pub const FAILED: Self = Self { passed: 0, failed: 1 };
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs a test runner, shows what it prints and counts. A runner that fails counts at least one
/// failure, also when it could not even compile.
pub fn run_counted(command: &mut Command) -> Result<Tally> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    let stdout = child.stdout.take().context("a pipe was asked for")?;
    let stderr = child.stderr.take().context("a pipe was asked for")?;
    let reader = thread::spawn(move || count(stderr, std::io::stderr()));
    let mut tally = count(stdout, std::io::stdout());
    tally += reader.join().unwrap_or(Tally::FAILED);
    if !child.wait()?.success() && tally.failed == 0 {
        tally += Tally::FAILED;
    }
    Ok(tally)
}

/// Passes every line on and adds up what the closing ones say.
fn count(input: impl Read, mut output: impl Write) -> Tally {
    let mut tally = Tally::default();
    for line in BufReader::new(input).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        // A closed output is no reason to lose count.
        let _ = writeln!(output, "{line}");
        tally += closing_line(&line);
    }
    tally
}

/// What one line adds: nothing, unless it is the closing line of nextest, libtest or node.
fn closing_line(line: &str) -> Tally {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("test result:") {
        return Tally {
            passed: number_before(rest, "passed"),
            failed: number_before(rest, "failed"),
        };
    }
    if line.starts_with("Summary [") {
        let unfinished = number_before(line, "timed");
        return Tally {
            passed: number_before(line, "passed"),
            failed: number_before(line, "failed") + unfinished,
        };
    }
    let number = |prefix: &str| line.strip_prefix(prefix).and_then(|rest| rest.parse().ok());
    Tally {
        passed: number("ℹ pass ").unwrap_or(0),
        failed: number("ℹ fail ").or_else(|| number("ℹ cancelled ")).unwrap_or(0),
    }
}

/// The number in front of a word: `12 passed` → 12.
fn number_before(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split([' ', ';', ',', '(']).filter(|w| !w.is_empty()).collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_runner_is_understood() {
        let lines = [
            (
                "     Summary [   0.120s] 12 tests run: 11 passed (1 slow), 1 failed, 2 skipped",
                11,
                1,
            ),
            ("     Summary [   1.0s] 3/9 tests run: 2 passed, 1 timed out, 0 skipped", 2, 1),
            ("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out", 5, 0),
            ("ℹ pass 7", 7, 0),
            ("ℹ fail 2", 0, 2),
            ("a line about 3 passed tests", 0, 0),
        ];
        for (line, passed, failed) in lines {
            assert_eq!(closing_line(line), Tally { passed, failed }, "{line}");
        }
    }

    #[test]
    fn a_runner_that_dies_without_a_word_counts_as_a_failure() {
        assert_eq!(run_counted(&mut Command::new("false")).unwrap(), Tally::FAILED);
        let mut said = Command::new("sh");
        said.args(["-c", "echo 'test result: FAILED. 1 passed; 2 failed;'; exit 1"]);
        assert_eq!(run_counted(&mut said).unwrap(), Tally { passed: 1, failed: 2 });
    }
}
