//! The command line. Exit code 0: done. 1: it could not be done, and standard error says why.
//! 2: the command line itself is wrong. `ledger check` exits with 1 when the books are wrong, and
//! `tariff` when a tariff or usage cannot be priced.

mod device;
mod fleet;
mod ledger;
mod logs;
mod output;
mod people;
mod reconcile;
mod serve;
mod site;
mod split;
mod tariff;
mod wechat;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use server::config::{Config, Layer};
use server::store::Store;

/// Scan-to-charge for community e-bikes: the server and its tools.
#[derive(Parser)]
#[command(name = "saochong", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What all commands know. Each flag is also an environment variable.
#[derive(Args)]
pub struct Common {
    /// A TOML file with settings; the environment and flags stand over it
    #[arg(long, env = "SAOCHONG_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(
        long,
        env = "SAOCHONG_DATABASE_URL",
        global = true,
        value_name = "URL",
        help = "The database: sqlite://FILE or postgres://… [default: sqlite://saochong.db]"
    )]
    database_url: Option<String>,
    /// How the outside reaches the server, as scan links begin [default: from --listen]
    #[arg(long, env = "SAOCHONG_PUBLIC_URL", global = true, value_name = "URL")]
    public_url: Option<String>,
    /// Log as JSON, one object a line
    #[arg(long, env = "SAOCHONG_LOG_JSON", global = true, value_parser = FalseyValueParser::new())]
    log_json: bool,
    /// What to log, as in `info,sqlx=warn`
    #[arg(
        long,
        env = "SAOCHONG_LOG",
        global = true,
        default_value = "info",
        value_name = "FILTER"
    )]
    log: String,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "parsed once")]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Bring the database's schema up to date
    Migrate,
    /// Print the API's description
    Openapi,
    /// The books
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Compare a platform's bill of a day with the ledger; every difference becomes a case
    Reconcile(reconcile::ReconcileArgs),
    /// Differences between bills and the ledger
    #[command(subcommand)]
    Cases(reconcile::CasesCommand),
    /// Companies that run sites
    #[command(subcommand)]
    Operator(people::OperatorCommand),
    /// People who work for an operator
    #[command(subcommand)]
    User(people::UserCommand),
    /// Places with stations
    #[command(subcommand)]
    Site(site::SiteCommand),
    /// Partners' parts: rules, the linter, what waits
    #[command(subcommand)]
    Split(split::SplitCommand),
    /// Stations
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Run simulated stations against a server
    Fleet(fleet::FleetArgs),
    /// Price charges: JSON in, JSON out, the same as the WASM package
    #[command(subcommand)]
    Tariff(tariff::TariffCommand),
}

impl Common {
    /// The settings, with what `above` says over all else.
    fn config(&self, above: Layer) -> Result<Config> {
        let mine = Layer {
            database_url: self.database_url.clone(),
            public_url: self.public_url.clone(),
            ..Layer::default()
        };
        above.over(mine).over(Layer::of_file(self.config.as_deref())?).finish()
    }

    /// The database of the settings, its schema up to date.
    async fn store(&self) -> Result<(Store, Config)> {
        let config = self.config(Layer::default())?;
        let store = open(&config.database_url).await?;
        Ok((store, config))
    }
}

/// Opens a database and brings it up to date. Its password stays out of the message.
async fn open(database_url: &str) -> Result<Store> {
    let store = Store::open(database_url).await.context("cannot open the database")?;
    store.migrate().await.context("cannot bring the database up to date")?;
    Ok(store)
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let logs = match logs::start(&cli.common.log, cli.common.log_json) {
        Ok(logs) => logs,
        Err(error) => return output::failed(&error),
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime");
    let done = runtime.and_then(|runtime| runtime.block_on(dispatch(cli)));
    let code = match done {
        Ok(code) => code,
        Err(error) => output::failed(&error),
    };
    logs.finish();
    code
}

async fn dispatch(Cli { common, command }: Cli) -> Result<ExitCode> {
    match command {
        Command::Serve(arguments) => arguments.run(&common).await?,
        Command::Migrate => {
            common.store().await?;
        }
        Command::Openapi => output::json(&server::http::api::openapi::document())?,
        Command::Ledger(command) => return command.run(&common).await,
        Command::Reconcile(arguments) => arguments.run(&common).await?,
        Command::Cases(command) => command.run(&common).await?,
        Command::Operator(command) => command.run(&common).await?,
        Command::User(command) => command.run(&common).await?,
        Command::Site(command) => command.run(&common).await?,
        Command::Split(command) => return command.run(&common).await,
        Command::Device(command) => command.run(&common).await?,
        Command::Fleet(arguments) => arguments.run().await?,
        Command::Tariff(command) => command.run()?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }
}
