//! Writes every sample page to a folder, to be looked at: `preview OUT`, with `/static` beside it.

use std::path::PathBuf;
use std::{env, fs, io};

use app::lang::Lang;

#[path = "../tests/samples/mod.rs"]
mod samples;

fn main() -> io::Result<()> {
    let out = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "target/preview".to_owned()));
    for lang in Lang::ALL {
        let folder = out.join(lang.code());
        fs::create_dir_all(&folder)?;
        for (name, html) in samples::all(lang) {
            fs::write(folder.join(format!("{name}.html")), html)?;
        }
    }
    let receipt = wasm_core::receipt::Receipt::of(&samples::receipt_page().order);
    fs::write(out.join("receipt.json"), serde_json::to_string(&receipt)?)
}
