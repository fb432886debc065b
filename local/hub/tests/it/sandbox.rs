//! `hub sandbox`: fake CRMs alone, told where, ended by signals.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use serde_json::Value;

/// A running `hub sandbox`, ended with the test.
struct Running {
    child: Child,
    /// What it said first, with `--json`.
    told: Value,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn output(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        Self { child, told }
    }

    fn url(&self, crm: &str) -> &str {
        self.told[crm]["base_url"].as_str().unwrap()
    }

    fn get(&self, crm: &str, path: &str) -> (u16, Value) {
        request(self.url(crm), &format!("GET {path}"), "")
    }

    fn end(mut self, signal: &str) -> ExitStatus {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(url: &str, line: &str, body: &str) -> (u16, Value) {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let length = body.len();
    write!(stream, "{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn the_named_ones_are_served_and_steered_until_told_to_end() {
    let running = Running::start(&[
        "sandbox",
        "pipedrive",
        "hubspot",
        "--json",
        "--ports",
        "random",
    ]);
    let names: Vec<&String> = running.told.as_object().unwrap().keys().collect();
    assert_eq!(names, ["hubspot", "pipedrive"]);
    for crm in ["hubspot", "pipedrive"] {
        let (status, credentials) = running.get(crm, "/__sandbox/credentials");
        assert_eq!(
            (status, &credentials["base_url"]),
            (200, &running.told[crm]["base_url"])
        );
        assert!(credentials["access_token"].is_string(), "{credentials}");
    }
    let armed = request(
        running.url("hubspot"),
        "POST /__sandbox/faults",
        r#"{ "fault": "status", "status": 418 }"#,
    );
    assert_eq!(armed.0, 204);
    assert_eq!(running.get("hubspot", "/crm/v3/objects/contacts").0, 418);
    let (_, log) = running.get("hubspot", "/__sandbox/requests");
    assert_eq!(log[0]["status"], 418);
    assert_eq!(
        request(running.url("hubspot"), "POST /__sandbox/reset", "").0,
        204
    );
    assert_eq!(
        running.get("hubspot", "/__sandbox/requests").1,
        serde_json::json!([])
    );
    let url = running.url("hubspot").to_owned();
    assert_eq!(running.end("-TERM").code(), Some(0));
    assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).is_err());
}

#[test]
fn without_a_name_all_are_there_and_the_same_seed_gives_the_same_tokens() {
    let token = |seed: &str| {
        let running = Running::start(&["sandbox", "--json", "--ports", "random", "--seed", seed]);
        let all: Vec<&str> = running
            .told
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut expected = hub_sandbox::Sandbox::crms().to_vec();
        expected.sort_unstable();
        assert_eq!(all, expected);
        let (_, credentials) = running.get("salesforce", "/__sandbox/credentials");
        assert_eq!(running.end("-INT").code(), Some(0));
        credentials["client_secret"].clone()
    };
    let first = token("7");
    assert!(first.is_string());
    assert_eq!(first, token("7"));
    assert_ne!(first, token("8"));
}

#[test]
fn another_host_is_in_what_it_tells() {
    let running = Running::start(&[
        "--host",
        "127.0.0.2",
        "sandbox",
        "copper",
        "--json",
        "--ports",
        "random",
    ]);
    assert!(running.url("copper").starts_with("http://127.0.0.2:"));
    let (_, credentials) = running.get("copper", "/__sandbox/credentials");
    assert_eq!(credentials["base_url"], running.told["copper"]["base_url"]);
}

#[test]
fn a_person_reads_addresses_and_credentials() {
    let mut child = command(&["sandbox", "zoho", "--ports", "random"])
        .spawn()
        .unwrap();
    let mut text = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !text.contains("Ctrl-C") {
        text += &(lines.next().unwrap().unwrap() + "\n");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let line = text.lines().find(|line| line.contains("zoho")).unwrap();
    let url = line.split_whitespace().nth(1).unwrap();
    assert!(
        line.ends_with(&format!("(credentials: {url}/__sandbox/credentials)")),
        "{line}"
    );
    assert!(!text.contains("salesforce"), "{text}");
}

#[test]
fn an_unknown_name_and_a_taken_port_are_told() {
    let unknown = output(&["sandbox", "acme"]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert_eq!(unknown.status.code(), Some(2), "{said}");
    assert!(
        said.contains("acme") && said.contains("salesforce"),
        "{said}"
    );

    // A port that somebody has, as the documented one moved by as much.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let moved = format!("+{}", port - hub_sandbox::Sandbox::default_port("copper"));
    let refused = output(&["sandbox", "copper", "--ports", &moved]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("port {port} ")), "{said}");
}
