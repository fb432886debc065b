//! What came out anywhere, and what must not be in it.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hub_e2e::Machine;
use hub_world::Reply;
use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{EnvFilter, fmt::fmt};
use url::form_urlencoded;

/// As fine as logs can be made, but for the libraries that telemetry keeps quiet.
const LEVELS: &str =
    "trace,aws_=info,h2=info,hyper=info,lambda_http=info,lambda_runtime=info,reqwest=info";
/// What is shorter is found everywhere.
const SHORTEST: usize = 8;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that anybody could see, and all that nobody may.
pub(super) struct Seen {
    log: Log,
    _guard: DefaultGuard,
    texts: Vec<String>,
    secrets: BTreeSet<String>,
}

impl Seen {
    pub(super) fn new() -> Self {
        let log = Log::default();
        let writer = log.clone();
        // As `telemetry` writes them.
        let logs = fmt()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .with_env_filter(EnvFilter::new(LEVELS))
            .with_writer(move || writer.clone());
        Self {
            log,
            _guard: tracing::subscriber::set_default(logs.finish()),
            texts: Vec::new(),
            secrets: BTreeSet::new(),
        }
    }

    pub(super) fn text(&mut self, text: String) {
        self.texts.push(text);
    }

    pub(super) fn reply(&mut self, reply: &Reply) {
        self.texts
            .push(format!("{:?} {}", reply.headers, reply.text));
    }

    pub(super) fn secret(&mut self, text: &str) {
        let text = text.trim_start_matches("Bearer ");
        // A key has lines.
        for line in text.lines().filter(|line| !line.starts_with("-----")) {
            if line.len() >= SHORTEST {
                self.secrets.insert(line.chars().take(200).collect());
            }
        }
    }

    /// The secrets of a document, by the names they have.
    pub(super) fn secrets_of(&mut self, document: &Value) {
        const PUBLIC: [&str; 7] = [
            "client_id",
            "id",
            "method",
            "crm",
            "name",
            "settings",
            "current_generation",
        ];
        match document {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if !PUBLIC.contains(&name.as_str()) {
                        self.secrets_of(value);
                    }
                }
            }
            Value::Array(all) => all.iter().for_each(|value| self.secrets_of(value)),
            Value::String(text) => self.secret(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// What passed between us and the CRM.
    fn passed(&mut self, machine: &Machine) {
        const SECRET: [&str; 8] = [
            "access_token",
            "refresh_token",
            "id_token",
            "client_secret",
            "code",
            "code_verifier",
            "assertion",
            "token",
        ];
        for sent in machine.wire.sent() {
            for text in [&sent.body, &sent.answer] {
                let fields: Vec<(String, String)> = match serde_json::from_str::<Value>(text) {
                    Ok(Value::Object(fields)) => fields
                        .into_iter()
                        .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
                        .collect(),
                    _ => form_urlencoded::parse(text.as_bytes())
                        .into_owned()
                        .collect(),
                };
                for (name, value) in fields {
                    let quotes = value.contains(' ');
                    if SECRET.contains(&name.as_str()) && !quotes {
                        self.secret(&value);
                    }
                }
            }
        }
    }

    /// Looks everywhere; how many secrets it looked for.
    pub(super) fn nothing_secret(mut self, machine: &Machine, what: &str) -> usize {
        self.passed(machine);
        let dump = machine.world.aws.dump().unwrap();
        let log = String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap();
        assert!(log.len() > 1_000, "{what}: nothing was logged");
        let mut places = vec![("a log".to_owned(), log)];
        for text in &self.texts {
            places.push(("an answer or a debug text".to_owned(), text.clone()));
        }
        for (queue, messages) in &dump.queues {
            for message in messages {
                places.push((format!("queue {queue}"), format!("{message:?}")));
            }
        }
        for items in dump.tables.values() {
            for item in items {
                let key = format!("item {} {}", item["pk"], item["sk"]);
                places.push((key, opened(item)));
            }
        }
        let needles = Needles::new(&self.secrets);
        for (place, text) in &places {
            if let Some(at) = needles.first_in(text.as_bytes()) {
                let from = text.floor_char_boundary(at.saturating_sub(300));
                let to = text.floor_char_boundary(at + 60);
                panic!("{what}: a secret is in {place}: {}", &text[from..to]);
            }
        }
        self.secrets.len()
    }
}

/// Every secret in every form, by its first bytes: all are looked for in one pass.
struct Needles {
    begin: Vec<bool>,
    by_prefix: HashMap<[u8; SHORTEST], Vec<String>>,
}

impl Needles {
    fn new(secrets: &BTreeSet<String>) -> Self {
        let mut needles = Self {
            begin: vec![false; 1 << 16],
            by_prefix: HashMap::new(),
        };
        for secret in secrets {
            let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            // The last characters depend on what follows.
            let mut in_base64 = BASE64_STANDARD.encode(secret);
            in_base64.truncate(in_base64.len() - 4);
            for form in [secret.clone(), encoded, in_base64] {
                if let Some(prefix) = form.as_bytes().first_chunk::<SHORTEST>() {
                    needles.begin[pair(*prefix)] = true;
                    needles.by_prefix.entry(*prefix).or_default().push(form);
                }
            }
        }
        needles
    }

    fn first_in(&self, text: &[u8]) -> Option<usize> {
        let mut windows = text.windows(SHORTEST).enumerate();
        windows.find_map(|(at, window)| {
            let window: &[u8; SHORTEST] = window.try_into().ok()?;
            let forms = self.begin[pair(*window)].then(|| self.by_prefix.get(window))??;
            let is_here = forms
                .iter()
                .any(|form| text[at..].starts_with(form.as_bytes()));
            is_here.then_some(at)
        })
    }
}

fn pair(bytes: [u8; SHORTEST]) -> usize {
    usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))
}

/// An item with its bytes as text.
fn opened(item: &Value) -> String {
    match item {
        Value::Object(fields) => fields.values().map(opened).collect::<Vec<_>>().join("\n"),
        Value::Array(all) => all.iter().map(opened).collect::<Vec<_>>().join("\n"),
        Value::String(text) => {
            let bytes = BASE64_STANDARD.decode(text).unwrap_or_default();
            format!("{text} {}", String::from_utf8_lossy(&bytes))
        }
        other => other.to_string(),
    }
}
