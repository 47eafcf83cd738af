//! A throw-away PostgreSQL for the tests: a new cluster in a temporary folder, gone afterwards.

use std::env;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::system::{self, Need, ensure_needs, run, timed, wait_until};

/// The environment variable that names a PostgreSQL to the tests.
pub const URL_VARIABLE: &str = "SAOCHONG_TEST_POSTGRES";

/// Who runs the cluster when we are root, whom PostgreSQL refuses; Debian's package makes this user.
const USER: &str = "postgres";

/// What our folders in the temporary folder are called, before the number of the process.
const FOLDER_PREFIX: &str = "saochong-postgres-";

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running cluster; dropping it stops it and removes its files.
pub struct Postgres {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// Installs PostgreSQL if need be, makes a cluster and waits until it answers.
    pub fn start() -> Result<Self> {
        ensure_needs(&[Need {
            what: "PostgreSQL for the database tests",
            met: || programs().is_some(),
            packages: &["postgresql"],
        }])?;
        let programs = programs().context("PostgreSQL's programs")?;
        timed("Start a throw-away PostgreSQL", || start(&programs))
    }

    /// How the tests reach it.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        system::stop(&mut self.server, "INT", STOP_LIMIT);
        // A leftover in the temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes what runs left that were killed: their server ended with them.
fn sweep() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(process) = name.strip_prefix(FOLDER_PREFIX) else { continue };
        if !Path::new("/proc").join(process).exists() {
            // Somebody else's may not be ours to remove.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn start(programs: &Path) -> Result<Postgres> {
    sweep();
    let folder = env::temp_dir().join(format!("{FOLDER_PREFIX}{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let owner = Owner::find()?;
    owner.give(&folder)?;
    let data = folder.join("data");
    run(owner
        .command(&programs.join("initdb"), &folder)
        .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username", USER])
        .arg("--pgdata")
        .arg(&data)
        .stdout(Stdio::null()))?;
    let port = system::free_port()?;
    let log = fs::File::create(folder.join("log"))?;
    // Nothing in it outlives the run, so nothing needs to reach the disk.
    let server = owner
        .bound_command(&programs.join("postgres"), &folder)
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-k"])
        .arg(&folder)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300"])
        .args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"])
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .context("cannot start postgres")?;
    let mut postgres = Postgres { server, folder, port };
    let ready = programs.join("pg_isready");
    let mut ended = false;
    let answered = wait_until(START_LIMIT, || {
        ended = postgres.server.try_wait()?.is_some();
        let asked = ["-q", "-h", "127.0.0.1", "-p", &port.to_string()];
        Ok(ended || system::succeeds(Command::new(&ready).args(asked)))
    })?;
    let log = fs::read_to_string(postgres.folder.join("log")).unwrap_or_default();
    ensure!(answered && !ended, "PostgreSQL did not start:\n{log}");
    Ok(postgres)
}

/// The folder with `initdb` and `postgres`: Debian keeps them out of PATH, one folder a version.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort_by_key(|folder| version_of(folder));
    folders.reverse();
    folders.extend(env::split_paths(&env::var_os("PATH")?));
    folders.into_iter().find(|folder| {
        ["initdb", "postgres", "pg_isready"].iter().all(|program| folder.join(program).is_file())
    })
}

fn version_of(programs: &Path) -> u32 {
    let version = programs.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

/// Who owns and runs the cluster.
enum Owner {
    Ourselves,
    Other { user: u32, group: u32 },
}

impl Owner {
    fn find() -> Result<Self> {
        if !system::is_root() {
            return Ok(Self::Ourselves);
        }
        let missing = "the user postgres, whom Debian's package makes, is missing";
        Ok(Self::Other {
            user: system::user_id(Some(USER)).context(missing)?,
            group: system::group_id(USER).context(missing)?,
        })
    }

    fn give(&self, folder: &Path) -> Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { user, group } => Ok(chown(folder, Some(*user), Some(*group))?),
        }
    }

    /// A command as this user, in a folder this user can enter.
    fn command(&self, program: &Path, folder: &Path) -> Command {
        self.dressed(Command::new(program), folder)
    }

    /// The same, and it ends when we do.
    fn bound_command(&self, program: &Path, folder: &Path) -> Command {
        self.dressed(system::bound_to_us(program), folder)
    }

    fn dressed(&self, mut command: Command, folder: &Path) -> Command {
        command.current_dir(folder).env("TZ", "UTC");
        if let Self::Other { user, group } = self {
            command.uid(*user).gid(*group);
        }
        command
    }
}
