//! Logs: JSON lines on stdout in Lambda, compact lines on stderr on a terminal.
//!
//! Field names are the same everywhere: `crm`, `connection.id`, `event.id`, `delivery.id`,
//! `attempt`, `verdict`, `duration_ms`. It refuses to be a way out for customers' data: libraries
//! that print what they send and receive are kept at `info`, and the text of a panic is dropped
//! unless it is a literal.

use std::{
    io,
    panic::{self, PanicHookInfo},
};

use tracing::{Subscriber, error};
use tracing_subscriber::{
    EnvFilter,
    filter::{Directive, LevelFilter},
    fmt::{MakeWriter, fmt},
    util::SubscriberInitExt as _,
};

use crate::env::Env;

/// Prefixes of the libraries whose finer levels print events, requests or answers. Only a
/// directive that names a module beneath one of them gets past this.
const QUIET: [&str; 6] = [
    "aws_=info",
    "h2=info",
    "hyper=info",
    "lambda_http=info",
    "lambda_runtime=info",
    "reqwest=info",
];

/// Logs for a Lambda function, as fine as `RUST_LOG` says, `info` by default. Panics are logged
/// the same way. A second call changes nothing.
pub fn init() {
    panic::set_hook(Box::new(log_panic));
    // It fails only where a subscriber is already at work, as in tests; that one stays.
    let _ = json(wanted("info"), io::stdout).try_init();
}

/// Logs for a person at a terminal, on stderr, so that stdout stays free for results. `unless_told`
/// is the level where `RUST_LOG` says nothing.
pub fn init_terminal(unless_told: &str) {
    let logs = fmt()
        .compact()
        .with_target(false)
        .with_writer(io::stderr)
        .with_env_filter(wanted(unless_told));
    let _ = logs.finish().try_init();
}

/// What writes the log of a Lambda function at level `info` to another place than stdout, for whoever
/// counts what is logged.
pub fn subscriber<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    json(filter("info"), writer)
}

fn json<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // The list of spans holds the ids of the batch and the record; the current one is its last.
    let logs = fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true);
    logs.with_target(false)
        .with_writer(writer)
        .with_env_filter(filter)
        .finish()
}

fn wanted(unless_told: &str) -> EnvFilter {
    filter(
        &Env::process()
            .optional("RUST_LOG")
            .unwrap_or_else(|| unless_told.to_owned()),
    )
}

fn filter(directives: &str) -> EnvFilter {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(directives);
    if filter.max_level_hint() <= Some(LevelFilter::INFO) {
        return filter; // nothing to keep quiet, and "info" would be more than was asked for
    }
    let quiet = QUIET
        .iter()
        .filter_map(|directive| directive.parse::<Directive>().ok());
    quiet.fold(filter, EnvFilter::add_directive)
}

/// A literal says what was wrong in our own words; a formatted text may quote a customer's.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    let reason = panic.payload().downcast_ref::<&str>();
    error!(location, reason, "the code panicked");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::{debug, info, info_span, subscriber::with_default, trace};

    use super::*;

    /// The lines that this work logs with `RUST_LOG` set to the directives.
    fn lines(directives: &str, work: impl FnOnce()) -> Vec<Value> {
        let log = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&log);
        let make = move || Lines(Arc::clone(&writer));
        with_default(json(filter(directives), make), work);
        let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        log.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn an_event_is_one_json_line_with_the_ids_of_its_spans() {
        let lines = lines("", || {
            let _batch = info_span!("batch", messages = 2).entered();
            let _record = info_span!("record", connection.id = "conn_1").entered();
            info!(verdict = "Done", "written");
            debug!("not by default");
        });
        let [line] = lines.as_slice() else {
            panic!("one line: {lines:?}")
        };
        assert_eq!(
            (&line["level"], &line["message"]),
            (&"INFO".into(), &"written".into())
        );
        assert_eq!(line["verdict"], "Done");
        assert_eq!(line["spans"][0]["messages"], 2);
        assert_eq!(line["spans"][1]["connection.id"], "conn_1");
        assert!(line["timestamp"].is_string());
        assert!(line.get("target").is_none());
    }

    #[test]
    fn no_level_prints_raw_events() {
        let work = || {
            trace!(target: "hub_engine::delivery", "ours");
            trace!(target: "lambda_runtime::layers::api_response", "raw JSON event received");
            debug!(target: "aws_smithy_runtime::client", "a request");
            trace!(target: "hyper_util::client", "a connection");
            info!(target: "lambda_runtime", "started");
        };
        let messages = |directives| {
            let lines = lines(directives, work);
            lines
                .iter()
                .map(|line| line["message"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(messages("trace"), ["ours", "started"]);
        assert_eq!(messages("warn,hub_engine=trace"), ["ours", "started"]);
        assert_eq!(messages("info"), ["started"]);
        assert!(
            messages("warn").is_empty(),
            "less is asked for than the quiet ones would give"
        );
    }

    #[test]
    fn a_panic_is_logged_without_the_data_in_its_text() {
        let before = panic::take_hook();
        panic::set_hook(Box::new(log_panic));
        let lines = lines("", || {
            let _ = panic::catch_unwind(|| panic!("the ledger is empty"));
            let email = String::from("joe@example.com");
            let _ = panic::catch_unwind(|| panic!("cannot read {email}"));
        });
        panic::set_hook(before);
        let [literal, formatted] = lines.as_slice() else {
            panic!("two lines: {lines:?}")
        };
        assert_eq!(literal["reason"], "the ledger is empty");
        assert!(
            literal["location"]
                .as_str()
                .unwrap()
                .contains("telemetry.rs:")
        );
        assert_eq!(formatted["level"], "ERROR");
        assert!(!formatted.to_string().contains("joe"), "{formatted}");
    }

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
