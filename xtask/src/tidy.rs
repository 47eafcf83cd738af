//! The rules of this repository that neither the compiler nor clippy sees.
//!
//! Pure functions over paths and texts, so that each rule is tested on a small sample. STYLE.md and
//! ARCHITECTURE.md say why the rules are there.

mod layers;
mod manifests;
mod sql;
mod text;

use std::fmt;

/// One file of the repository.
pub struct Source {
    /// From the root, with `/`.
    pub path: String,
    /// The whole content.
    pub text: String,
}

impl Source {
    fn has_extension(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }

    /// This module holds the forbidden words themselves, and samples that break the rules.
    fn is_about_the_rules(&self) -> bool {
        self.path.starts_with("xtask/src/tidy")
    }

    fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }
}

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do instead.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Every rule over every file.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(text::check(source));
        if source.has_extension(&["rs"]) && !source.is_about_the_rules() {
            findings.extend(layers::check(source));
        }
        if source.path.starts_with("server/migrations/") {
            findings.extend(sql::check_migration(source));
        }
        if source.path.ends_with("Cargo.toml") {
            findings.extend(manifests::check(source));
        }
    }
    findings
}

#[cfg(test)]
fn whats(path: &str, text: &str) -> Vec<String> {
    let source = Source { path: path.to_owned(), text: text.to_owned() };
    check(&[source]).into_iter().map(|finding| finding.what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_file_and_line() {
        let text = "//! Doc.\n\nfn f() { todo!() }\n";
        let findings = check(&[Source { path: "app/src/x.rs".into(), text: text.into() }]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().starts_with("app/src/x.rs:3: "));
    }
}
