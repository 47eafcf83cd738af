//! Who may name what: the one direction of the server's modules, and the fence around SQL.

use super::{Finding, Source};

/// A folder and the modules of the same crate that it must not know.
struct Layer {
    folder: &'static str,
    hidden: &'static [&'static str],
}

/// `http`, `gateway`, `jobs` → `orders` → `ledger` → `store`; nothing points back.
const LAYERS: [Layer; 6] = [
    Layer {
        folder: "server/src/orders/",
        hidden: &["http", "gateway", "jobs", "payments", "recon", "demo"],
    },
    Layer {
        folder: "server/src/ledger/",
        hidden: &["http", "gateway", "jobs", "payments", "recon", "demo", "orders"],
    },
    Layer {
        folder: "server/src/store/",
        hidden: &["http", "gateway", "jobs", "payments", "recon", "demo", "orders", "ledger"],
    },
    Layer { folder: "server/src/recon/", hidden: &["http", "gateway", "jobs", "payments", "demo"] },
    Layer { folder: "server/src/gateway/", hidden: &["http", "payments", "demo"] },
    Layer { folder: "server/src/payments/", hidden: &["http", "gateway", "demo"] },
];

/// A word, the only place (by its beginning) where it may stand, and what to do elsewhere.
struct Fence {
    word: &'static str,
    home: &'static str,
    instead: &'static str,
}

const FENCES: [Fence; 3] = [
    Fence { word: "sqlx::", home: "server/src/store/", instead: "SQL lives in server/src/store" },
    Fence {
        word: "AssertSqlSafe",
        home: "server/src/store/dialect.rs",
        instead: "only dialect.rs writes SQL at run time; take its Filter",
    },
    Fence {
        word: "QueryBuilder",
        home: "nowhere",
        instead: "it writes `?`, which PostgreSQL refuses; take the Filter of dialect.rs",
    },
];

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = module_doc(source);
    let code = code_lines(&source.text);
    // A test may look into the tables by itself: it is a second opinion on what the store says. A
    // benchmark measures what the database can without the store.
    let free = is_test(&source.path) || source.path.starts_with("server/benches/");
    let fences = FENCES.iter().filter(|_| !free);
    for fence in fences {
        for (index, line) in code.iter().enumerate() {
            if line.contains(fence.word) && !source.path.starts_with(fence.home) {
                findings.push(source.finding(index + 1, fence.instead));
            }
        }
    }
    let text = code.join("\n");
    for layer in LAYERS.iter().filter(|layer| belongs(&source.path, layer.folder)) {
        for (offset, module) in modules_named(&text) {
            if layer.hidden.contains(&module) {
                let line = text[..offset].matches('\n').count() + 1;
                let what = format!("{} must not know crate::{module}", layer.folder);
                findings.push(source.finding(line, what));
            }
        }
    }
    findings
}

/// Whether a file is in the folder, or is the file beside it: `store.rs` belongs to `store/`.
fn belongs(path: &str, folder: &str) -> bool {
    path.starts_with(folder) || path.strip_suffix(".rs") == folder.strip_suffix('/')
}

/// Whether a file holds nothing but tests.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs")
}

fn module_doc(source: &Source) -> Vec<Finding> {
    let first = source.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.starts_with("//!") && first.trim().len() > "//! a".len() {
        return Vec::new();
    }
    vec![source.finding(1, "start the file with a `//!` comment that says what it is about")]
}

/// The lines without their comments, so that documentation may link to any module.
fn code_lines(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect()
}

/// Every module named right after `crate::`, also inside of braces, with the offset of the path.
fn modules_named(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (offset, marker) in text.match_indices("crate::") {
        let rest = &text[offset + marker.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(first_names(group).map(|name| (offset, name))),
            None => found.push((offset, identifier(rest))),
        }
    }
    found
}

/// The first names of the entries of a group: `{a::b, c::{d, e}}` → a, c.
fn first_names(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    let mut starts = vec![0];
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts.push(index + 1),
            _ => {}
        }
    }
    starts.into_iter().map(|start| identifier(group[start..].trim_start()))
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use crate::tidy::whats;

    #[test]
    fn a_file_says_what_it_is_about() {
        assert_eq!(whats("app/src/x.rs", "fn f() {}\n").len(), 1);
        assert_eq!(whats("app/src/x.rs", "//! x\nfn f() {}\n").len(), 1, "a stub says nothing");
        assert!(whats("app/src/x.rs", "//! Says it.\nfn f() {}\n").is_empty());
    }

    #[test]
    fn sql_stays_behind_its_fence() {
        let text = "//! Doc.\nuse sqlx::Row;\n";
        assert_eq!(whats("server/src/orders/x.rs", text).len(), 1);
        assert!(whats("server/src/store/x.rs", text).is_empty());
        assert!(whats("server/src/orders/tests/x.rs", text).is_empty());
        assert!(whats("server/benches/limits/x.rs", text).is_empty());
        let text = "//! Doc.\nuse sqlx::{AssertSqlSafe, QueryBuilder};\n";
        assert_eq!(whats("server/src/store/x.rs", text).len(), 2);
        assert_eq!(whats("server/src/store/dialect.rs", text).len(), 1);
    }

    #[test]
    fn nothing_points_back() {
        let single = "//! Doc.\nuse crate::gateway::Gateway;\n";
        let group =
            "//! Doc.\nuse crate::{\n    clock::{Clock, http},\n    payments::Alipay,\n};\n";
        let comment = "//! Doc.\n// like crate::http\nuse crate::store::Store;\n";
        assert_eq!(whats("server/src/orders/x.rs", single).len(), 1);
        assert_eq!(whats("server/src/orders/x.rs", group).len(), 1);
        assert!(whats("server/src/orders/x.rs", comment).is_empty());
        assert!(whats("server/src/http/x.rs", single).is_empty());
        assert_eq!(whats("server/src/store.rs", "//! Doc.\nuse crate::orders::Orders;\n").len(), 1);
    }
}
