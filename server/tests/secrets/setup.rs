//! How the server under test is set up and started.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use server::demo::fleet::{self, SimulatedStation};
use server::random;
use server::store::Store;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::stage::{
    ADMIN_PASSWORD, ALIPAY_OPEN_ID, MISTYPED, PHONE, SESSION_KEY, V3_KEY, WECHAT_CODE,
    WECHAT_OPEN_ID,
};

pub const V2_KEY: &str = "wechatApiV2KeyIsThirtyTwoLong123";
pub const APP_SECRET: &str = "wechatAppSecretOfThePublicApp1";
pub const MINI_SECRET: &str = "wechatMiniSecretOfTheProgram1";
pub const STATION_PASSWORD: &str = "stationPassword1";
pub const DATABASE_PASSWORD: &str = "databasePassword1";
pub const STATION: &str = "BOX1";
pub const TARIFF: &str = include_str!("../../src/demo/tariffs/village.json");

/// What to find again of a key: line breaks may part it anywhere.
pub fn pieces(name: &str, key: &str) -> Vec<(String, String)> {
    let symbols: Vec<char> = key.chars().collect();
    // The beginning is the same in all keys.
    let pieces = symbols[40..].chunks(40).filter(|piece| piece.len() > 20);
    pieces.map(|piece| (name.to_owned(), piece.iter().collect())).collect()
}

pub fn texts() -> Vec<(String, String)> {
    [
        ("the admin's password", ADMIN_PASSWORD),
        ("an openid", ALIPAY_OPEN_ID),
        ("an openid", WECHAT_OPEN_ID),
        ("a login code", WECHAT_CODE),
        ("a session key", SESSION_KEY),
        ("what was mistyped", MISTYPED),
        ("a phone number", PHONE),
        ("the APIv3 key", V3_KEY),
        ("the APIv2 key", V2_KEY),
        ("the app's secret", APP_SECRET),
        ("the mini-program's secret", MINI_SECRET),
        ("the station's password", STATION_PASSWORD),
        ("the database's password", DATABASE_PASSWORD),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .to_vec()
}

/// A database of its own; PostgreSQL's address holds a password, which it need not ask for.
pub async fn address(postgres: Option<String>, folder: &TempDir) -> String {
    let Some(url) = postgres else {
        return format!("sqlite://{}", folder.path().join("t.db").display());
    };
    let schema = format!("s{}", random::base32::<12>().to_lowercase());
    Store::open(&url).await.unwrap().create_schema(&schema).await.unwrap();
    let mut url = url::Url::parse(&url).unwrap();
    url.set_password(Some(DATABASE_PASSWORD)).unwrap();
    let joint = if url.query().is_some() { '&' } else { '?' };
    format!("{url}{joint}options=-c%20search_path%3D{schema}")
}

fn command(folder: &TempDir, database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saochong"));
    command.args(arguments).env_clear().env("SAOCHONG_DATABASE_URL", database);
    command.current_dir(folder.path()).stdin(Stdio::null());
    command
}

/// An operator with a site, a station and one who works there; what the commands said.
pub fn seed(folder: &TempDir, database: &str) -> (Vec<String>, Vec<(String, String)>) {
    fs::write(folder.path().join("tariff.json"), TARIFF).unwrap();
    let mut said = Vec::new();
    let mut run = |line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = command(folder, database, &arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {errors}");
        said.push((arguments[..2].join(" "), errors));
        let printed = String::from_utf8(output.stdout).unwrap();
        // The card of a station has its password: whoever installs it types it in.
        if !line.starts_with("device") {
            said.push((arguments[..2].join(" "), printed.clone()));
        }
        printed
    };
    run("--log trace operator add --id op --name 清源 --phone 400 --json");
    run(
        "--log trace site add --operator op --id park --name 云谷 --address B1 --tariff tariff.json --json",
    );
    run(&format!("user add --operator op --login mei --password {ADMIN_PASSWORD} --log trace"));
    let added = run(&format!(
        "device add --site park --identity {STATION} --password {STATION_PASSWORD} --sockets 3 --log trace"
    ));
    let added: Value = serde_json::from_str(&added).unwrap();
    let sockets = added["sockets"].as_array().unwrap();
    (sockets.iter().map(|socket| socket["code"].as_str().unwrap().to_owned()).collect(), said)
}

pub fn start(
    folder: &TempDir,
    database: &str,
    flags: &[(&str, String)],
    said: &mut Vec<(String, String)>,
) -> (Child, BufReader<ChildStdout>, String) {
    let arguments = flags.iter().flat_map(|(flag, value)| [*flag, value.as_str()]);
    let arguments: Vec<&str> = ["serve", "--log", "trace"].into_iter().chain(arguments).collect();
    let mut command = command(folder, database, &arguments);
    let log = File::create(folder.path().join("log")).unwrap();
    let mut server = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    let url = listens(&mut stdout, said);
    (server, stdout, url)
}

fn listens(stdout: &mut impl BufRead, said: &mut Vec<(String, String)>) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the server ended");
        said.push(("standard output".to_owned(), line.clone()));
        if let Some(rest) = line.strip_prefix("listening on ") {
            return format!("http://{}", rest.split(',').next().unwrap());
        }
    }
}

pub fn run_fleet(url: String, sockets: usize) -> DropGuard {
    let stop = CancellationToken::new();
    let station = SimulatedStation {
        identity: STATION.to_owned(),
        password: STATION_PASSWORD.to_owned(),
        sockets,
    };
    let running = stop.clone();
    tokio::spawn(async move { fleet::run(&url, vec![station], 1, 8, running).await });
    stop.drop_guard()
}
