//! One function: its binary, running.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

use crate::runtime_api::{Answer, RuntimeApi};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_mins(1);

type Lines = Arc<Mutex<Vec<String>>>;

/// A function's process. It is killed when this is dropped.
pub struct Process {
    api: RuntimeApi,
    child: Child,
    printed: [Lines; 2],
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts a binary with nothing but this environment and what Lambda itself sets.
    pub async fn start(
        binary: &Path,
        function: &str,
        environment: &BTreeMap<&str, String>,
    ) -> Self {
        let api = RuntimeApi::start(function).await;
        let mut child = Command::new(binary)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", function)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "log-group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "log-stream")
            .env("_HANDLER", "bootstrap")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", binary.display()));
        let printed = [Lines::default(), Lines::default()];
        let readers = vec![
            kept(child.stdout.take().expect("stdout"), &printed[0]),
            kept(child.stderr.take().expect("stderr"), &printed[1]),
        ];
        Self {
            api,
            child,
            printed,
            readers,
        }
    }

    /// Hands it an event, as Lambda does, and waits for the answer.
    pub async fn invoke(&self, event: Value) -> Answer {
        let answer = timeout(PATIENCE, self.api.invoke(event)).await;
        answer.unwrap_or_else(|late| panic!("{late}: {:#?} {:#?}", self.log(), self.errors()))
    }

    /// How often it asked for an event.
    pub fn asked(&self) -> u64 {
        self.api.asked()
    }

    /// The lines it printed to stdout: its log.
    pub fn log(&self) -> Vec<String> {
        lines(&self.printed[0]).clone()
    }

    /// The lines it printed to stderr.
    pub fn errors(&self) -> Vec<String> {
        lines(&self.printed[1]).clone()
    }

    /// Tells it to end, as Lambda does before it takes the machine away.
    pub async fn terminate(&self) {
        let number = self.child.id().expect("a running process").to_string();
        let told = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &number])
            .status()
            .await;
        assert!(told.expect("a shell").success(), "no signal to {number}");
    }

    /// Waits until it has ended and all it printed is read.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let ended = ended.expect("an end in time").expect("a process");
        for reader in self.readers.drain(..) {
            timeout(PATIENCE, reader)
                .await
                .expect("an end of what is printed")
                .expect("a reader");
        }
        ended
    }
}

fn lines(lines: &Lines) -> std::sync::MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kept(from: impl AsyncRead + Send + Unpin + 'static, into: &Lines) -> JoinHandle<()> {
    let into = into.clone();
    tokio::spawn(async move {
        let mut from = BufReader::new(from).lines();
        while let Ok(Some(line)) = from.next_line().await {
            lines(&into).push(line);
        }
    })
}
