//! `cargo xtask mutate`: breaks the code on purpose, one mistake at a time, and sees whether the
//! simulation's fixed seeds find it. Works on a copy; the mistakes are data, in `xtask/mutations/`.
//!
//! All mistakes are built into the copy at once, each behind the environment's word, so that one
//! build serves them all. First the copy must pass without any: what is found then is the mistake.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::layout::Layout;
use crate::system::{self, read, run, say};

/// Which mistake the copy makes.
const WHICH: &str = "SAOCHONG_MUTATION";
/// What stands for "this mistake is made" in a mutation's text.
const MUTATED: &str = "MUTATED";
/// The copy's own version: cargo then never takes its artifacts for those of the tree.
const VERSION: &str = "0.0.0-mutant";

/// Which mistakes.
#[derive(Args)]
pub struct Mistakes {
    /// Only these, by the name of their file
    names: Vec<String>,
}

/// A mistake: what it does, and where.
struct Mutation {
    name: String,
    says: String,
    changes: Vec<Change>,
}

/// A place in a file, and what to write there.
struct Change {
    file: String,
    before: String,
    after: String,
}

/// How the seeds ended with a mistake.
struct Verdict {
    failed: usize,
    evidence: String,
}

/// Makes each mistake in turn. An error when one is not found.
pub fn all(layout: &Layout, mistakes: &Mistakes) -> Result<()> {
    let mutations = mutations(&layout.root.join("xtask/mutations"))?;
    let known: BTreeSet<_> = mutations.iter().map(|mutation| mutation.name.as_str()).collect();
    for name in &mistakes.names {
        ensure!(known.contains(name.as_str()), "no such mutation: {name}");
    }
    let copy = layout.root.join("target/mutants");
    copy_tree(&layout.root, &copy, &mutations)?;
    say(format!("Build with {} mistakes, each behind {WHICH}", mutations.len()));
    run(simulation(layout, &copy).arg("--no-run"))?;
    say("Live through the seeds without a mistake");
    let sound = live(layout, &copy, "")?;
    ensure!(sound.failed == 0, "without a mistake: {}", sound.evidence);
    let wanted =
        |mutation: &&Mutation| mistakes.names.is_empty() || mistakes.names.contains(&mutation.name);
    let mut missed = Vec::new();
    for mutation in mutations.iter().filter(wanted) {
        let verdict = live(layout, &copy, &mutation.name)?;
        let found = if verdict.failed > 0 { "found" } else { "NOT FOUND" };
        println!("{found:<10}{:<28}{}", mutation.name, mutation.says);
        println!("{:10}{:2} seeds: {}", "", verdict.failed, verdict.evidence);
        if verdict.failed == 0 {
            missed.push(mutation.name.as_str());
        }
    }
    ensure!(missed.is_empty(), "not found: {}", missed.join(", "));
    Ok(())
}

/// The simulation of the copy, built beside the tree's own artifacts.
fn simulation(layout: &Layout, copy: &Path) -> std::process::Command {
    let mut command = system::cargo();
    command.args(["test", "--quiet", "--package", "server", "--test", "simulation"]);
    command.current_dir(copy);
    if std::env::var_os("CARGO_TARGET_DIR").is_none() {
        command.env("CARGO_TARGET_DIR", layout.root.join("target"));
    }
    command
}

/// Lives through the fixed seeds with a mistake.
fn live(layout: &Layout, copy: &Path, mistake: &str) -> Result<Verdict> {
    let mut command = simulation(layout, copy);
    command.args(["--", "--nocapture"]).env(WHICH, mistake);
    let output = command.output().context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    let is_seed = |line: &&str| line.starts_with("seed ") && line.ends_with(" failed");
    let failed = text.lines().filter(is_seed).count();
    ensure!(output.status.success() == (failed == 0), "the simulation did not run:\n{text}");
    let is_finding = |line: &&str| {
        let mut letters = line.chars();
        letters.next() == Some('I') && letters.next().is_some_and(|c| c.is_ascii_digit())
    };
    let panicked = || text.lines().skip_while(|line| !line.contains("panicked at")).nth(1);
    let evidence = text.lines().find(is_finding).or_else(panicked).unwrap_or_default().to_owned();
    Ok(Verdict { failed, evidence })
}

/// Copies what git knows, with all mistakes built in; files that are the same stay untouched.
fn copy_tree(root: &Path, copy: &Path, mutations: &[Mutation]) -> Result<()> {
    let mut git = std::process::Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    for name in read(&mut git)?.split('\0').filter(|name| !name.is_empty()) {
        let from = root.join(name);
        if !from.is_file() {
            continue;
        }
        let mut bytes = fs::read(&from).with_context(|| format!("cannot read {name}"))?;
        if let Some(text) = mutated(name, &bytes, mutations)? {
            bytes = text.into_bytes();
        }
        let to = copy.join(name);
        fs::create_dir_all(to.parent().context("a folder")?)?;
        if fs::read(&to).ok().as_deref() != Some(bytes.as_slice()) {
            fs::write(&to, bytes).with_context(|| format!("cannot write {}", to.display()))?;
        }
    }
    let changed = mutations.iter().flat_map(|mutation| &mutation.changes);
    for change in changed {
        ensure!(copy.join(&change.file).is_file(), "{} is gone", change.file);
    }
    Ok(())
}

/// A file's text with all mistakes that are in it, if there are any.
fn mutated(name: &str, bytes: &[u8], mutations: &[Mutation]) -> Result<Option<String>> {
    if name == "Cargo.toml" {
        let text = String::from_utf8(bytes.to_vec())?;
        let start = text.find("\nversion = \"").context("the workspace has a version")? + 1;
        let end = start + text[start..].find('\n').context("a line ends")?;
        return Ok(Some(format!("{}version = \"{VERSION}\"{}", &text[..start], &text[end..])));
    }
    let mut changed = None;
    for mutation in mutations {
        for change in mutation.changes.iter().filter(|change| change.file == name) {
            let text = match changed.take() {
                Some(text) => text,
                None => String::from_utf8(bytes.to_vec())?,
            };
            let places = text.matches(&change.before).count();
            if places != 1 {
                bail!("{}: {places} places in {name}, the code has moved", mutation.name);
            }
            let name = &mutation.name;
            let switch = format!("std::env::var(\"{WHICH}\").is_ok_and(|it| it == \"{name}\")");
            let after = change.after.replace(MUTATED, &switch);
            changed = Some(text.replacen(&change.before, &after, 1));
        }
    }
    Ok(changed)
}

/// Reads all mistakes, by name.
fn mutations(folder: &Path) -> Result<Vec<Mutation>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|file| parse(file)).collect()
}

/// A mistake's file: what it does, then for each change `--- file`, the text there, `+++`, and the
/// text instead.
fn parse(file: &Path) -> Result<Mutation> {
    let text = fs::read_to_string(file)?;
    let name = file.file_stem().and_then(|stem| stem.to_str()).context("a name")?.to_owned();
    let mut parts = text.split("--- ");
    let says = parts.next().unwrap_or_default().trim().to_owned();
    let change = |part: &str| {
        let (head, after) = part.split_once("+++\n")?;
        let (file, before) = head.split_once('\n')?;
        let text = |text: &str| text.trim_end().to_owned();
        Some(Change { file: file.trim().to_owned(), before: text(before), after: text(after) })
    };
    let changes: Option<Vec<Change>> = parts.map(change).collect();
    let changes = changes.filter(|changes| !changes.is_empty());
    let changes = changes.with_context(|| format!("{name} is not a mutation"))?;
    Ok(Mutation { name, says, changes })
}
