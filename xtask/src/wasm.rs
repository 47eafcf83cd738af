//! WASM: compile, bind to JavaScript, lay out for the server, for browsers and for Node.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::layout::Layout;
use crate::site;
use crate::system::{run, timed};
use crate::toolchain::{WASM_TARGET, WasmToolchain, ensure_wasm};

/// The profile in the workspace's Cargo.toml: small before fast.
const PROFILE: &str = "wasm-release";

/// One crate that becomes a JavaScript module.
struct Module {
    package: &'static str,
    feature: &'static str,
    /// What cargo calls the file.
    artefact: &'static str,
    /// What importers call it.
    name: &'static str,
    /// Whether people import it by hand and want types.
    typescript: bool,
}

/// The islands of the pages.
const PAGES: Module =
    Module { package: "app", feature: "browser", artefact: "app", name: "app", typescript: false };

/// The domain.
const CORE: Module = Module {
    package: "wasm-core",
    feature: "wasm",
    artefact: "wasm_core",
    name: "core",
    typescript: true,
};

/// Everything that browsers and Node load. Does nothing when nothing changed.
pub fn build(layout: &Layout) -> Result<()> {
    let toolchain = ensure_wasm()?;
    let bound_pages = layout.target.join("wasm/pages");
    module(layout, &toolchain, &PAGES, &bound_pages)?;
    module(layout, &toolchain, &CORE, &layout.core_package())?;
    site::mirror(&layout.root.join("wasm-core/js"), &layout.core_package(), site::Extras::Keep)?;
    site::assemble(layout, &bound_pages)
}

fn module(layout: &Layout, toolchain: &WasmToolchain, module: &Module, out: &Path) -> Result<()> {
    let wasm = timed(&format!("Compile {} to WASM", module.package), || {
        compile(layout, toolchain, module)
    })?;
    if is_stale(&wasm, &out.join(format!("{}_bg.wasm", module.name)))? {
        timed(&format!("Bind {} to JavaScript", module.package), || bind(module, &wasm, out))?;
    }
    Ok(())
}

fn compile(layout: &Layout, toolchain: &WasmToolchain, module: &Module) -> Result<PathBuf> {
    // `cargo rustc --crate-type`: with an rlib beside the cdylib cargo leaves link-time
    // optimisation out without a word.
    run(toolchain
        .cargo()
        .args(["rustc", "--lib", "--crate-type", "cdylib", "--profile", PROFILE])
        .args(["--package", module.package, "--features", module.feature])
        .args(["--target", WASM_TARGET, "--target-dir"])
        .arg(layout.wasm_build())
        .current_dir(&layout.root))?;
    let file = format!("{}.wasm", module.artefact);
    let wasm = layout.wasm_build().join(WASM_TARGET).join(PROFILE).join(file);
    ensure!(wasm.exists(), "cargo left no {}", wasm.display());
    Ok(wasm)
}

/// Whether the output is missing, or older than the input or than this program.
fn is_stale(input: &Path, output: &Path) -> Result<bool> {
    let Ok(output) = fs::metadata(output) else { return Ok(true) };
    let made = output.modified()?;
    let program = fs::metadata(env::current_exe()?)?.modified()?;
    Ok(made < fs::metadata(input)?.modified()? || made < program)
}

fn bind(module: &Module, wasm: &Path, out: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(wasm)
        .out_name(module.name)
        .typescript(module.typescript)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.web(true)?;
    bindgen.generate(out).with_context(|| format!("bindgen of {}", module.package))?;
    if !module.typescript {
        let script = out.join(format!("{}.js", module.name));
        fs::write(&script, site::lean(&fs::read_to_string(&script)?))?;
    }
    Ok(())
}
