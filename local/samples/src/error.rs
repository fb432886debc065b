//! Why a sample cannot be used.

use hub_engine::{EngineError, TransportError};

/// Why a sample cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// No such file.
    #[error("there is no sample {file}; there are:\n  {}", .there.join("\n  "))]
    Missing {
        /// What was asked for.
        file: String,
        /// What there is.
        there: Vec<String>,
    },
    /// A file or folder of `events/` cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not JSON.
    #[error("{path} is not JSON")]
    NotJson {
        /// Which.
        path: String,
        /// Where it stops being JSON.
        #[source]
        source: serde_json::Error,
    },
    /// Placeholders that have no value.
    #[error("{file}: nobody knows what {} stands for", shown(.names))]
    Unknown {
        /// Which file.
        file: String,
        /// The placeholders.
        names: Vec<String>,
    },
    /// The webhook secret cannot sign.
    #[error("{file} cannot be signed: the platform's webhook secret is no key")]
    Unsigned {
        /// Which file.
        file: String,
    },
    /// A use case failed.
    #[error("{doing} failed")]
    Engine {
        /// What was done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: EngineError,
    },
    /// Somebody outside the hub did not answer.
    #[error("{whom} did not answer")]
    NoAnswer {
        /// Who.
        whom: String,
        /// Why.
        #[source]
        source: TransportError,
    },
    /// Something is not as a sample needs it.
    #[error("{0}")]
    Unfit(String),
}

fn shown(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("{{{{{name}}}}}")).collect();
    names.join(", ")
}
