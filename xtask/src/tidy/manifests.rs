//! Cargo.toml files: the licence, a reason for each dependency, and who may depend on what.

use super::{Finding, Source};

/// Dependencies that belong to some crates only.
const OWNED: [(&str, &[&str]); 6] = [
    ("sqlx", &["server"]),
    ("reqwest", &["server"]),
    ("tokio", &["server"]),
    ("axum", &["server"]),
    ("leptos", &["app"]),
    ("wasm-bindgen-cli-support", &["xtask"]),
];

/// All that the domain may use outside of its tests: it is sans-IO.
const DOMAIN_USES: [&str; 5] =
    ["serde", "thiserror", "js-sys", "serde-wasm-bindgen", "wasm-bindgen"];

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !source.text.lines().any(|line| line.starts_with("license")) {
        findings.push(source.finding(1, "say the licence (`license.workspace = true`)"));
    }
    let package = source.path.split_once('/').map(|(folder, _)| folder);
    let mut table = "";
    for (index, line) in source.text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            table = line;
            continue;
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        if name.is_empty() || name.starts_with('#') || !table.contains("dependencies") {
            continue;
        }
        let complaint = match package {
            None => without_reason(line),
            Some(package) => misplaced(package, table, name),
        };
        findings.extend(complaint.map(|what| source.finding(index + 1, what)));
    }
    findings
}

fn without_reason(line: &str) -> Option<String> {
    let is_ours = line.contains("path = ");
    let said = is_ours || line.contains(" # ");
    (!said).then(|| "say in one line what the dependency is for".to_owned())
}

fn misplaced(package: &str, table: &str, name: &str) -> Option<String> {
    let owners = OWNED.iter().find(|(owned, _)| *owned == name);
    if let Some((_, owners)) = owners
        && !owners.contains(&package)
    {
        return Some(format!("only {} may depend on {name}", owners.join(" and ")));
    }
    let is_foreign = package == "wasm-core" && !DOMAIN_USES.contains(&name);
    (is_foreign && table == "[dependencies]")
        .then(|| format!("the domain is sans-IO: it does not need {name}"))
}

#[cfg(test)]
mod tests {
    use crate::tidy::whats;

    #[test]
    fn each_dependency_has_its_reason() {
        let text = "[workspace.package]\nlicense = \"Apache-2.0\"\n[workspace.dependencies]\n\
                    app = { path = \"app\" }\nserde = \"1\" # JSON\nurl = \"2\"\n";
        assert_eq!(whats("Cargo.toml", text), ["say in one line what the dependency is for"]);
    }

    #[test]
    fn dependencies_stay_with_their_owners() {
        let text = "[package]\nlicense.workspace = true\n[dependencies]\nsqlx.workspace = true\n";
        assert_eq!(whats("app/Cargo.toml", text), ["only server may depend on sqlx"]);
        assert!(whats("server/Cargo.toml", text).is_empty());
    }

    #[test]
    fn the_domain_stays_without_io_but_its_tests_may_use_more() {
        let head = "[package]\nlicense.workspace = true\n";
        let used = format!("{head}[dependencies]\nrand.workspace = true\n");
        let tested = format!("{head}[dev-dependencies]\nproptest.workspace = true\n");
        assert_eq!(whats("wasm-core/Cargo.toml", &used).len(), 1);
        assert!(whats("wasm-core/Cargo.toml", &tested).is_empty());
    }

    #[test]
    fn a_manifest_names_the_licence() {
        assert_eq!(whats("app/Cargo.toml", "[package]\nname = \"app\"\n").len(), 1);
    }
}
