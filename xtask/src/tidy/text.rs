//! Every text: its length, what was left undone, and what only one machine knows.

use super::{Finding, Source};

/// A file about one thing is read at one sitting, in lines.
const MAX_LINES: usize = 500;

/// What people write by hand and others read.
const CODE: [&str; 8] = ["rs", "mjs", "js", "py", "css", "sql", "sh", "html"];

/// What is read as documentation or configuration.
const PROSE: [&str; 6] = ["md", "toml", "json", "txt", "yml", "yaml"];

/// Marks of unfinished work, and tests that do not test.
const UNFINISHED: [(&str, &str); 8] = [
    ("TODO", "do it, or file an issue"),
    ("FIXME", "mend it, or file an issue"),
    ("todo!(", "write it"),
    ("unimplemented!(", "write it"),
    ("dbg!(", "take it out"),
    ("#[ignore", "mend the test or remove it"),
    ("waitForTimeout", "wait for a condition, not for time"),
    ("time.sleep(", "wait for a condition, not for time"),
];

/// Paths of one machine, and hosts of registries: both are for the environment to know.
const LOCAL: [(&str, &str); 9] = [
    ("/root/", "a path of one machine"),
    ("/work/", "a path of one machine"),
    ("/home/", "a path of one machine"),
    ("/Users/", "a path of one machine"),
    ("registry.npm", "the host of a registry"),
    ("npmmirror", "the host of a registry"),
    ("static.crates", "the host of a registry"),
    ("pythonhosted", "the host of a registry"),
    ("\"resolved\":", "the address of a registry (see e2e/.npmrc)"),
];

pub fn check(source: &Source) -> Vec<Finding> {
    let is_code = source.has_extension(&CODE);
    let is_text = is_code || source.has_extension(&PROSE);
    let mut findings = Vec::new();
    if is_code && source.text.lines().count() > MAX_LINES {
        let what = format!("more than {MAX_LINES} lines: a file is about one thing");
        findings.push(source.finding(MAX_LINES + 1, what));
    }
    if !is_text || source.is_about_the_rules() {
        return findings;
    }
    for (index, line) in source.text.lines().enumerate() {
        let unfinished = UNFINISHED.iter().filter(|_| is_code);
        for (word, instead) in unfinished.chain(&LOCAL) {
            if line.contains(word) {
                findings.push(source.finding(index + 1, format!("{word}: {instead}")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::tidy::whats;

    #[test]
    fn a_long_file_is_too_much() {
        let long = format!("//! Doc.\n{}", "fn f() {}\n".repeat(500));
        assert_eq!(whats("app/src/x.rs", &long).len(), 1);
        assert!(whats("Cargo.lock", &long).is_empty());
    }

    #[test]
    fn unfinished_work_is_found_in_code_only() {
        assert_eq!(whats("e2e/x.mjs", "// TODO: later\n").len(), 1);
        assert_eq!(whats("e2e/x.mjs", "await page.waitForTimeout(500);\n").len(), 1);
        assert!(whats("STYLE.md", "No TODO is left.\n").is_empty());
    }

    #[test]
    fn what_one_machine_knows_stays_there() {
        assert_eq!(whats("README.md", "Look in /home/somebody/x.\n").len(), 1);
        assert_eq!(whats("e2e/package-lock.json", "\"resolved\": \"there\"\n").len(), 1);
    }
}
