//! The result as a Markdown table, and the machine it holds for.

use std::fmt;
use std::fs;

/// What was measured of one thing.
pub struct Row {
    /// What, with its unit.
    pub what: String,
    /// The product.
    pub ours: f64,
    /// The same without the product.
    pub bare: Option<f64>,
    /// What the product is to keep.
    pub target: Target,
}

/// What a figure is to keep. The figures come from measurements on a machine with two slow cores.
#[derive(Clone, Copy)]
pub enum Target {
    None,
    AtMost(f64),
    AtLeast(f64),
}

/// All rows.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    pub fn add(&mut self, what: impl Into<String>, ours: f64, bare: Option<f64>, target: Target) {
        self.rows.push(Row { what: what.into(), ours, bare, target });
    }
}

impl Target {
    fn verdict(self, ours: f64) -> &'static str {
        let within = match self {
            Self::None => return "–",
            Self::AtMost(most) => ours <= most,
            Self::AtLeast(least) => ours >= least,
        };
        if within { "within" } else { "over" }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("–"),
            Self::AtMost(most) => write!(f, "≤ {}", figure(*most)),
            Self::AtLeast(least) => write!(f, "≥ {}", figure(*least)),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", machine())?;
        writeln!(f, "| what | ours | bare | ratio | target | verdict |")?;
        writeln!(f, "|---|---:|---:|---:|---:|---|")?;
        for Row { what, ours, bare, target } in &self.rows {
            let of_bare = |show: fn(f64, f64) -> String| {
                bare.map_or_else(|| "–".to_owned(), |bare| show(*ours, bare))
            };
            writeln!(
                f,
                "| {what} | {} | {} | {} | {target} | {} |",
                figure(*ours),
                of_bare(|_, bare| figure(bare)),
                of_bare(|ours, bare| format!("× {:.2}", ours / bare)),
                target.verdict(*ours),
            )?;
        }
        Ok(())
    }
}

/// Three digits or so; more would be noise.
fn figure(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// Processor, cores, load and kernel.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu_info = read("/proc/cpuinfo");
    let model = cpu_info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    format!(
        "Machine: {cores} × {}, Linux {}, load {}. Ratios hold better than figures: other work on \
         the machine moves both.",
        model.map_or("unknown processor", |(_, model)| model),
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or("?"),
    )
}
