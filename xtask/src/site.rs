//! What the server sends to browsers: copied, precompressed, weighed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::layout::Layout;
use crate::system::timed;

/// What a first visit to a scan page may transfer, in bytes: what the lightest peer framework takes.
const FIRST_VISIT_BUDGET: u64 = 53 * 1024;

/// What a scan page loads, from the site's folder.
const FIRST_VISIT: [&str; 4] =
    ["pkg/app.js", "pkg/app_bg.wasm", "static/app.css", "static/boot.js"];

/// What of it the page itself and the headers take, in bytes.
const HTML_SHARE: u64 = 5 * 1024;

/// Files below this size gain nothing from compression, in bytes.
const COMPRESS_FROM: u64 = 256;

/// Files that compress.
const COMPRESSED: [&str; 9] =
    ["css", "html", "js", "json", "mjs", "svg", "txt", "wasm", "webmanifest"];

/// What to do with files of the destination that the source does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extras {
    /// Leave them.
    Keep,
    /// Remove them, and the compressed forms of what is gone.
    Remove,
}

/// Lays out `pkg/` and `static/` and compresses what changed.
pub fn assemble(layout: &Layout, bound_pages: &Path) -> Result<()> {
    let site = layout.site();
    mirror(bound_pages, &site.join("pkg"), Extras::Remove)?;
    mirror(&layout.root.join("static"), &site.join("static"), Extras::Remove)?;
    let stale: Vec<PathBuf> =
        files_below(&site)?.into_iter().filter(|f| wants_compression(f)).collect();
    if !stale.is_empty() {
        timed(&format!("Compress {} files", stale.len()), || {
            stale.iter().try_for_each(|file| compress(file))
        })?;
    }
    Ok(())
}

/// Copies what differs, besides tests. An unchanged file keeps its time, so that nothing after it is done again.
pub fn mirror(from: &Path, to: &Path, extras: Extras) -> Result<()> {
    let sources = if from.is_dir() { files_below(from)? } else { Vec::new() };
    for source in sources.iter().filter(|source| !source.ends_with("test.mjs")) {
        let destination = to.join(source.strip_prefix(from)?);
        let content = served(source, fs::read(source)?);
        if fs::read(&destination).is_ok_and(|old| old == content) {
            continue;
        }
        if let Some(folder) = destination.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(destination, content)?;
    }
    if extras == Extras::Remove && to.is_dir() {
        for file in files_below(to)? {
            let plain = without_coding(&file);
            if !from.join(plain.strip_prefix(to)?).is_file() {
                fs::remove_file(file)?;
            }
        }
    }
    Ok(())
}

/// A file as it is sent: scripts and styles without what only their authors read.
fn served(file: &Path, content: Vec<u8>) -> Vec<u8> {
    let lean: fn(&str) -> String = match file.extension().and_then(|extension| extension.to_str()) {
        Some("js") => lean,
        Some("css") => lean_style,
        _ => return content,
    };
    String::from_utf8(content)
        .map_or_else(std::string::FromUtf8Error::into_bytes, |text| lean(&text).into())
}

/// `app.js.br` → `app.js`.
fn without_coding(file: &Path) -> PathBuf {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("br" | "gz") => file.with_extension(""),
        _ => file.to_owned(),
    }
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// A script without its comment lines and its indentation. Made for bindgen's output, which has no
/// text over several lines; it saves a seventh of what is transferred.
pub fn lean(script: &str) -> String {
    let is_comment = |line: &&str| ["//", "/*", "*"].iter().any(|mark| line.starts_with(mark));
    let code = script.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
    code.flat_map(|line| [line, "\n"]).collect()
}

/// A style sheet without its comments, indentation and line ends. Texts in it must hold none of them.
fn lean_style(sheet: &str) -> String {
    let mut parts = sheet.split("/*");
    let mut code = parts.next().unwrap_or_default().to_owned();
    code.extend(parts.map(|part| part.split_once("*/").map_or("", |(_, code)| code)));
    code.lines().map(str::trim).collect::<Vec<_>>().join(" ").replace("  ", " ")
}

fn coded(file: &Path, coding: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(coding);
    name.into()
}

fn wants_compression(file: &Path) -> bool {
    let kind = file.extension().and_then(|extension| extension.to_str());
    let Ok(metadata) = fs::metadata(file) else { return false };
    if metadata.len() < COMPRESS_FROM || !kind.is_some_and(|kind| COMPRESSED.contains(&kind)) {
        return false;
    }
    let changed = metadata.modified().ok();
    ["br", "gz"].iter().any(|coding| {
        let made = fs::metadata(coded(file, coding)).and_then(|compressed| compressed.modified());
        made.ok() < changed
    })
}

fn compress(file: &Path) -> Result<()> {
    let content = fs::read(file)?;
    let best = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    let mut brotli_form = Vec::new();
    brotli::BrotliCompress(&mut content.as_slice(), &mut brotli_form, &best)?;
    fs::write(coded(file, "br"), brotli_form)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&content)?;
    fs::write(coded(file, "gz"), gzip.finish()?)?;
    Ok(())
}

/// Prints what a first visit transfers and fails above the budget. Only checks ask for it: who runs
/// the demo of a page that has grown shall see it all the same.
pub fn weigh(layout: &Layout) -> Result<()> {
    let site = &layout.site();
    println!("    {:<28} {:>9} {:>9} {:>9}", "bytes", "raw", "gzip", "brotli");
    let mut transferred = HTML_SHARE;
    for file in files_below(site)? {
        let shown = file.strip_prefix(site)?.display().to_string();
        let kind = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !matches!(kind, "wasm" | "js" | "css") {
            continue;
        }
        let bytes_of = |file: &Path| fs::metadata(file).map(|metadata| metadata.len());
        let raw = bytes_of(&file)?;
        let brotli_form = bytes_of(&coded(&file, "br")).unwrap_or(raw);
        let gzip = bytes_of(&coded(&file, "gz")).unwrap_or(raw);
        println!("    {shown:<28} {raw:>9} {gzip:>9} {brotli_form:>9}");
        if FIRST_VISIT.contains(&shown.as_str()) {
            transferred += brotli_form;
        }
    }
    println!("    first visit: {transferred} of {FIRST_VISIT_BUDGET} bytes, page included");
    ensure!(
        transferred <= FIRST_VISIT_BUDGET,
        "a first visit would transfer {transferred} bytes; the budget is {FIRST_VISIT_BUDGET}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lean_script_keeps_its_code() {
        let script = "/**\n * Doc.\n */\nfunction f(a) {\n    // why\n    return a; // here\n}\n";
        assert_eq!(lean(script), "function f(a) {\nreturn a; // here\n}\n");
    }

    #[test]
    fn a_lean_style_sheet_keeps_its_rules() {
        let sheet = "/* Why,\n   at length. */\na {\n  b: c d; /* e */\n}\nf { g: h; }\n";
        assert_eq!(lean_style(sheet).trim(), "a { b: c d; } f { g: h; }");
    }

    #[test]
    fn a_mirror_follows_its_source_and_keeps_unchanged_files() {
        let base = std::env::temp_dir().join(format!("xtask-mirror-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        fs::create_dir_all(from.join("icons")).unwrap();
        fs::write(from.join("icons/a.svg"), "one").unwrap();
        fs::write(from.join("b.css"), "two").unwrap();
        mirror(&from, &to, Extras::Remove).unwrap();
        fs::write(to.join("b.css.br"), "compressed").unwrap();
        let before = fs::metadata(to.join("icons/a.svg")).unwrap().modified().unwrap();

        fs::remove_file(from.join("b.css")).unwrap();
        mirror(&from, &to, Extras::Remove).unwrap();
        assert!(!to.join("b.css").exists());
        assert!(!to.join("b.css.br").exists(), "the compressed form goes with its file");
        assert_eq!(before, fs::metadata(to.join("icons/a.svg")).unwrap().modified().unwrap());
        fs::remove_dir_all(base).unwrap();
    }
}
