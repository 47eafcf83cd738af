//! Migrations: the subset of SQL that means the same on SQLite and PostgreSQL.

use super::{Finding, Source};

/// Words that only one of the two databases understands, or that hide logic or time in the schema.
const BANNED: [(&str, &str); 6] = [
    ("trigger", "no triggers: what happens is written in the code"),
    ("now()", "the time comes from the Clock"),
    ("current_timestamp", "the time comes from the Clock"),
    ("autoincrement", "ids are made by the server"),
    ("serial", "ids are made by the server"),
    ("insert or", "SQLite's own; take ON CONFLICT"),
];

/// What starts an entry of a table that is not a column.
const CONSTRAINTS: [&str; 5] = ["primary", "unique", "check", "foreign", "constraint"];

pub fn check_migration(source: &Source) -> Vec<Finding> {
    let lines: Vec<String> =
        source.text.lines().map(|line| without_comment(line).to_lowercase()).collect();
    let mut findings = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for (word, instead) in BANNED {
            if contains_word(line, word) {
                findings.push(source.finding(index + 1, format!("{word}: {instead}")));
            }
        }
    }
    let text = lines.join("\n");
    for (offset, column) in columns(&text) {
        let mut words = column.split_whitespace();
        let (name, kind) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let kind = kind.trim_end_matches([',', ';', ')']);
        if !matches!(kind, "text" | "bigint") {
            let line = text[..offset].matches('\n').count() + 1;
            let what = format!("column {name} is `{kind}`: only TEXT and BIGINT are read alike");
            findings.push(source.finding(line, what));
        }
    }
    findings
}

fn without_comment(line: &str) -> &str {
    line.split("--").next().unwrap_or_default()
}

fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_name(before) && (word.ends_with(')') || !is_name(after))
    })
}

/// The column definitions of `CREATE TABLE` and `ADD COLUMN`, with their offsets.
fn columns(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("create table") {
        let Some(open) = text[start..].find('(').map(|open| start + open + 1) else { continue };
        for (offset, entry) in entries(&text[open..]) {
            let first = entry.split(|c: char| !c.is_alphanumeric() && c != '_').next();
            if !first.is_some_and(|word| word.is_empty() || CONSTRAINTS.contains(&word)) {
                found.push((open + offset, entry));
            }
        }
    }
    for (start, marker) in text.match_indices("add column") {
        let start = start + marker.len();
        let entry = text[start..].split([';', ',']).next().unwrap_or_default();
        found.push((start, entry.trim().trim_start_matches("if not exists")));
    }
    found
}

/// The parts between the commas of one pair of brackets.
fn entries(text: &str) -> Vec<(usize, &str)> {
    let (mut depth, mut start, mut found) = (0_i32, 0, Vec::new());
    let mut push = |start: usize, end: usize| {
        let entry = &text[start..end];
        let indent = entry.len() - entry.trim_start().len();
        found.push((start + indent, entry.trim()));
    };
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => {
                push(start, index);
                return found;
            }
            ')' => depth -= 1,
            ',' if depth == 0 => {
                push(start, index);
                start = index + 1;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::tidy::whats;

    fn migration(text: &str) -> Vec<String> {
        whats("server/migrations/0001_sample.sql", text)
    }

    #[test]
    fn the_common_subset_passes() {
        let text = "-- No triggers, no now().\nCREATE TABLE a (\n  id TEXT PRIMARY KEY,\n\
                    n BIGINT NOT NULL DEFAULT 0 CHECK (n IN (0, 1)),\n  -- why, in (brackets)\n\
                    serial_text TEXT,\n  UNIQUE (id, n)\n);\nALTER TABLE a ADD COLUMN b TEXT;\n";
        assert_eq!(migration(text), Vec::<String>::new());
    }

    #[test]
    fn other_column_types_are_named() {
        let found =
            migration("CREATE TABLE a (\n  id TEXT,\n  at TIMESTAMP NOT NULL,\n  b BOOLEAN\n);");
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("column at is `timestamp`"));
        assert_eq!(migration("ALTER TABLE a ADD COLUMN c REAL;").len(), 1);
    }

    #[test]
    fn logic_and_time_stay_out_of_the_schema() {
        assert_eq!(migration("CREATE TRIGGER t AFTER INSERT ON a;").len(), 1);
        assert_eq!(migration("CREATE TABLE a (at_ms BIGINT DEFAULT now());").len(), 1);
        assert_eq!(migration("INSERT OR IGNORE INTO a VALUES ('x');").len(), 1);
    }
}
