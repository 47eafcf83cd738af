//! The command line as scripts use it: real processes on throw-away databases.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A process that has not done it by then hangs.
const DONE_WITHIN: Duration = Duration::from_secs(20);

struct House {
    folder: TempDir,
}

impl House {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_saochong"));
        let database = format!("sqlite://{}", self.folder.path().join("t.db").display());
        command.args(arguments).env_clear().env("SAOCHONG_DATABASE_URL", database);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The JSON that a command prints.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn piped(&self, arguments: &[&str], input: &Value) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// An operator `op` with a site `park`.
    fn with_site() -> Self {
        let house = Self::new();
        let tariff = house.folder.path().join("tariff.json");
        std::fs::write(&tariff, tariff_json().to_string()).unwrap();
        house.json(&["operator", "add", "--id", "op", "--name", "清源", "--phone", "1", "--json"]);
        let tariff = tariff.display().to_string();
        house.json(&[
            "site",
            "add",
            "--operator",
            "op",
            "--id",
            "park",
            "--name",
            "云谷",
            "--address",
            "B1",
            "--tariff",
            &tariff,
            "--json",
        ]);
        house
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn tariff_json() -> Value {
    json!({
        "id": "t1",
        "electricity": [{"from_minute": 0, "price_mfen_per_kwh": 60000}],
        "service": {"by": "none"},
        "plans": [
            {"id": "full", "limit": {"by": "full"}, "price": {"by": "metered", "prepaid_fen": 300}}
        ],
        "longest_ms": 36_000_000,
    })
}

/// A running server.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
    printed: String,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        let address = loop {
            let mut line = String::new();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the server ended: {printed}");
            printed.push_str(&line);
            if let Some(rest) = line.strip_prefix("listening on ") {
                break rest.split(',').next().unwrap().to_owned();
            }
        };
        Self { child, stdout, address, printed }
    }

    /// Status line and the rest of an answer.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(DONE_WITHIN)).unwrap();
        let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends SIGTERM and waits for the end.
    fn stop(mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let mut rest = String::new();
        // The pipe closes when the process has ended.
        self.stdout.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_split_rule_is_linted_confirmed_and_stored() {
    let house = House::with_site();
    let file = house.folder.path().join("rule.json");
    let write = |percent: i64, accounts: Value| {
        let rule = json!({
            "parties": [
                {
                    "id": "own", "name": "清源", "role": "operator",
                    "basis": {"by": "percent", "basis_points": 0},
                },
                {
                    "id": "wuye", "name": "物业", "role": "property",
                    "basis": {"by": "percent", "basis_points": percent * 100},
                    "accounts": accounts,
                },
            ],
            "electricity": "inside",
            "rest_to": "own",
            "valid_from_ms": 0,
        });
        std::fs::write(&file, rule.to_string()).unwrap();
    };
    let file = file.display().to_string();
    let lint = ["split", "lint", "--site", "park", "--file", &file, "--json"];
    let set = ["split", "rule", "set", "--site", "park", "--file", &file, "--json"];
    let code = |output: &Output| {
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        said["findings"][0]["code"].clone()
    };

    write(40, json!([{"channel": "alipay", "kind": "merchant", "account": "2088"}]));
    let refused = house.run(&lint);
    assert_eq!((refused.status.code(), code(&refused)), (Some(1), json!("over_channel_cap")));
    assert_eq!(house.run(&set).status.code(), Some(1), "refused");
    write(20, json!([]));
    let warned = house.run(&set);
    assert_eq!((warned.status.code(), code(&warned)), (Some(1), json!("paid_by_hand")));
    assert!(said(&warned).contains("--yes"), "{}", said(&warned));
    assert_eq!(house.json(&["split", "list", "--json"])["rules"], json!([]));
    write(20, json!([{"channel": "alipay", "kind": "merchant", "account": "2088"}]));
    let stored = house.json(&set);
    let listed = house.json(&["split", "list", "--json"]);
    assert_eq!(listed["rules"][0]["rule_id"], stored["rule_id"]);
    assert_eq!(listed["rules"][0]["site_id"], "park");
    assert_eq!((&listed["partners"], &listed["waiting"]), (&json!([]), &json!([])));
    let missing = house.run(&["split", "lint", "--site", "nowhere", "--file", &file]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn a_device_is_added_with_a_scan_link_for_each_socket() {
    let house = House::with_site();
    let added = house.json(&[
        "--public-url",
        "https://charge.example",
        "device",
        "add",
        "--site",
        "park",
        "--identity",
        "CP-1",
        "--password",
        "0123456789abcdef",
        "--sockets",
        "2",
    ]);
    assert_eq!(added["ocpp_url"], "wss://charge.example/ocpp/CP-1");
    assert_eq!(added["sockets"].as_array().unwrap().len(), 2);
    let code = added["sockets"][0]["code"].as_str().unwrap();
    assert_eq!(added["sockets"][0]["url"], format!("https://charge.example/s/{code}"));
    let sites = house.json(&["site", "list", "--json"]);
    assert_eq!((&sites[0]["stations"], &sites[0]["sockets"]), (&json!(1), &json!(2)));
    let again = ["device", "add", "--site", "park", "--identity", "CP-1", "--sockets", "1"];
    let again = house.run(&again);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(said(&again), "saochong: the identity CP-1 is in use\n");
}

#[test]
fn what_cannot_be_done_is_said_in_one_sentence() {
    let house = House::with_site();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["site", "add"], 2, "required"),
        (
            &["device", "add", "--site", "none", "--identity", "a", "--sockets", "1"],
            1,
            "saochong: there is no site none\n",
        ),
        (
            &["device", "add", "--site", "park", "--identity", "a b", "--sockets", "1"],
            1,
            "saochong: an identity is 1 to 48",
        ),
        (&["user", "add", "--operator", "x", "--login", "a"], 1, "there is no operator x\n"),
        (&["user", "password", "--login", "nobody"], 1, "there is no user nobody\n"),
        (&["--config", "none.toml", "site", "list"], 1, "cannot read the configuration file"),
        (&["serve", "--listen", "nowhere"], 1, "listen: not an address with a port"),
    ];
    for (arguments, code, words) in cases {
        let output = house.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_user_gets_another_password() {
    let house = House::with_site();
    let made = house.json(&["user", "add", "--operator", "op", "--login", "mei", "--json"]);
    let new = house.json(&["user", "password", "--login", "mei", "--json"]);
    assert_eq!(new["login"], "mei");
    assert!(new["password"].is_string(), "made here, so printed");
    assert_ne!(new["password"], made["password"]);
    let short = house.run(&["user", "password", "--login", "mei", "--password", "short"]);
    assert_eq!(short.status.code(), Some(1));
    assert!(said(&short).contains("a password has at least"), "{}", said(&short));
}

#[test]
fn flags_stand_over_the_environment_and_that_over_the_file() {
    let house = House::with_site();
    let file = house.folder.path().join("c.toml");
    std::fs::write(&file, "public_url = 'https://file.example'").unwrap();
    let url = |identity: &str, flags: &[&str], env: Option<&str>| {
        let mut arguments = flags.to_vec();
        arguments.extend(["device", "add", "--site", "park", "--sockets", "1", "--identity"]);
        arguments.push(identity);
        let mut command = house.command(&arguments);
        command.env("SAOCHONG_CONFIG", &file);
        env.map(|url| command.env("SAOCHONG_PUBLIC_URL", url));
        let output = command.output().unwrap();
        let added: Value = serde_json::from_slice(&output.stdout).unwrap();
        added["ocpp_url"].as_str().unwrap().to_owned()
    };
    let env = Some("https://env.example");
    assert_eq!(url("a", &[], None), "wss://file.example/ocpp/a");
    assert_eq!(url("b", &[], env), "wss://env.example/ocpp/b");
    assert_eq!(
        url("c", &["--public-url", "https://flag.example"], env),
        "wss://flag.example/ocpp/c"
    );
}

#[test]
fn prices_come_out_as_json() {
    let house = House::new();
    let quote = json!({
        "tariff": tariff_json(),
        "plan_id": "full",
        "expectation": {"start_ms": 0, "power_w": 500, "energy_wh": 1000},
    });
    let output = house.piped(&["tariff", "quote"], &quote);
    let quoted: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(quoted["prepaid_fen"], 300);
    assert_eq!(quoted["expected"]["electricity_fen"], 60);
    assert_eq!(quoted["expected"]["refund_fen"], 240);
    let unknown = json!({"tariff": tariff_json(), "plan_id": "none", "expectation": {
        "start_ms": 0, "power_w": 500, "energy_wh": null}});
    let output = house.piped(&["tariff", "quote"], &unknown);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no_such_plan"), "{}", said(&output));
    assert!(house.piped(&["tariff", "validate"], &tariff_json()).status.success());
}

#[test]
fn the_description_and_the_books_are_printed() {
    let house = House::new();
    assert_eq!(house.json(&["openapi"])["openapi"], "3.1.0");
    assert!(house.run(&["migrate"]).status.success());
    let report = house.json(&["ledger", "check", "--json"]);
    assert_eq!(report["findings"], json!([]));
}

#[test]
fn the_demo_serves_and_stops_when_told() {
    let house = House::new();
    let server = Server::start(house.command(&["serve", "--demo", "--listen", "127.0.0.1:0"]));
    let link = server.printed.lines().find(|line| line.contains("/s/")).unwrap();
    let path = &link[link.find("/s/").unwrap()..];
    let path = path.split(' ').next().unwrap().to_owned();
    assert!(server.printed.contains("login qingyuan"), "{}", server.printed);
    let page = server.get(&path);
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("锦绣家园"), "{page}");
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
    let api = server.get(&path.replace("/s/", "/api/v1/sockets/"));
    assert!(api.contains("jinxiu-2026-1"), "{api}");
    assert!(server.stop().success());
}

#[test]
fn f62_out_of_file_handles_the_server_lives_on() {
    let house = House::new();
    let mut limited = Command::new("sh");
    let inner = house.command(&[]);
    limited
        .arg("-c")
        .arg(format!(
            "ulimit -n 64; exec {} serve --listen 127.0.0.1:0",
            env!("CARGO_BIN_EXE_saochong")
        ))
        .current_dir(house.folder.path());
    for (name, value) in inner.get_envs() {
        value.map(|value| limited.env(name, value));
    }
    let server = Server::start(limited);
    let mut old = TcpStream::connect(&server.address).unwrap();
    old.set_read_timeout(Some(DONE_WITHIN)).unwrap();
    let crowd: Vec<_> = (0..100).filter_map(|_| TcpStream::connect(&server.address).ok()).collect();
    assert!(crowd.len() > 64, "more than it has handles for");
    old.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    old.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "who was there before is served: {answer}");
    drop(crowd);
    let deadline = Instant::now() + DONE_WITHIN;
    while !server.get("/healthz").starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < deadline);
    }
    assert!(server.stop().success());
}

#[test]
fn f61_a_log_that_takes_nothing_stops_nothing() {
    let house = House::new();
    let serve = format!("exec {} serve --listen 127.0.0.1:0", env!("CARGO_BIN_EXE_saochong"));
    // A full disk, and a reader that never reads: a pipe takes 64 KiB, then writes wait.
    let unread = format!("mkfifo log; exec 3<>log; {serve} --log trace 2>&3");
    for script in [format!("{serve} --log trace 2>/dev/full"), unread] {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).current_dir(house.folder.path());
        for (name, value) in house.command(&[]).get_envs() {
            value.map(|value| shell.env(name, value));
        }
        let server = Server::start(shell);
        for _ in 0..500 {
            assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
        }
        assert!(server.stop().success());
    }
}

#[test]
fn a_bill_is_reconciled_and_a_case_decided_on_the_command_line() {
    let house = House::with_site();
    let bill = house.folder.path().join("bill.csv");
    let head = "kind,payment,our_no,trade_no,amount_yuan,fee_yuan,at_ms";
    let line = "payment,NOBODYS,,T1,7.00,0.04,1600000000000";
    std::fs::write(&bill, format!("{head}\n{line}\n")).unwrap();
    let bill = bill.display().to_string();
    let reconcile = ["reconcile", "--channel", "alipay", "--day", "2020-09-13", "--file", &bill];
    let run = house.json(&[&reconcile[..], &["--json"]].concat());
    assert_eq!((&run["bill_lines"], &run["differences"]), (&json!(1), &json!(1)));
    let cases = house.json(&["cases", "list", "--status", "open", "--json"]);
    assert_eq!(cases[0]["evidence"]["bill"]["line"], line);
    let id = cases[0]["id"].as_str().unwrap();
    assert!(!house.run(&["cases", "accept", id, "--who", "me"]).status.success(), "no reason");
    let accept = ["cases", "accept", id, "--who", "me", "--reason", "asked"];
    assert!(house.run(&accept).status.success());
    assert!(!house.run(&accept).status.success(), "twice");

    let correct = [
        "ledger",
        "correct",
        "--reference",
        "V1",
        "--who",
        "me",
        "--reason",
        "found",
        "--debit",
        "suspense:alipay=7",
        "--credit",
        "service:op:park=7.00",
    ];
    for _ in 0..2 {
        let done = house.run(&correct);
        assert!(done.status.success(), "{}", said(&done));
    }
    let one_sided = [
        "ledger",
        "correct",
        "--reference",
        "V2",
        "--who",
        "me",
        "--reason",
        "x",
        "--debit",
        "loss:x=1",
        "--credit",
        "loss:y=2",
    ];
    assert!(!house.run(&one_sided).status.success());
    assert_eq!(house.json(&["ledger", "close", "--json"]), json!([]), "today is not over");
    let report = house.json(&["ledger", "check", "--json"]);
    assert_eq!((&report["findings"], &report["transactions"]), (&json!([]), &json!(3)));
    let book = house.run(&["ledger", "export", "--from", "2020-01-01", "--to", "2100-01-01"]);
    let book = String::from_utf8(book.stdout).unwrap();
    assert_eq!(book.lines().count(), 1 + 6, "{book}");
    assert!(book.contains("suspense:alipay,7.00,,me,found"), "{book}");
    assert!(!house.run(&["ledger", "check", "--noted", "00"]).status.success());
    assert!(!house.run(&["ledger", "balances", "--day", "2020-09-13"]).status.success());
}
