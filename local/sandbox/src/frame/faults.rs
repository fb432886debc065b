//! Faults: what can be asked for, when it strikes, and how often. What a CRM's own answer looks
//! like stays with the CRM.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A fault or a setting that cannot be used, with the field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct FaultError {
    /// The JSON field, dotted.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

impl FaultError {
    pub(crate) fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            detail: detail.into(),
        }
    }
}

/// A fault that can be asked for, with its parameters.
#[derive(Debug)]
pub(crate) struct FaultKind {
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Param],
}

/// One parameter of a fault.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) kind: ParamKind,
    pub(crate) required: bool,
}

impl FaultKind {
    /// One that happens, and no more is to be said of it.
    pub(crate) const fn plain(name: &'static str) -> Self {
        Self::with(name, &[])
    }

    /// One with parameters.
    pub(crate) const fn with(name: &'static str, params: &'static [Param]) -> Self {
        Self { name, params }
    }
}

impl Param {
    pub(crate) const fn required(name: &'static str, kind: ParamKind) -> Self {
        Self {
            name,
            kind,
            required: true,
        }
    }

    pub(crate) const fn optional(name: &'static str, kind: ParamKind) -> Self {
        Self {
            name,
            kind,
            required: false,
        }
    }

    /// A text that may be left out.
    pub(crate) const fn text(name: &'static str) -> Self {
        Self::optional(name, ParamKind::Text)
    }

    /// How long it lasts.
    pub(crate) const fn seconds(required: bool) -> Self {
        Self {
            name: "seconds",
            kind: ParamKind::Integer {
                min: 1,
                max: 1_000_000,
            },
            required,
        }
    }
}

/// For so long searches find nothing that was written since.
pub(crate) const SEARCH_LAG: FaultKind = FaultKind::with("search_lag", &[Param::seconds(true)]);

/// What a parameter may hold.
#[derive(Debug)]
pub(crate) enum ParamKind {
    Integer { min: u64, max: u64 },
    Text,
    TextMap,
    Any,
}

const STATUS: &[Param] = &[
    Param::required("status", ParamKind::Integer { min: 200, max: 599 }),
    Param::optional("headers", ParamKind::TextMap),
    Param::optional("body", ParamKind::Any),
];
const MS: &[Param] = &[Param::required(
    "ms",
    ParamKind::Integer {
        min: 0,
        max: 600_000,
    },
)];

/// The faults every CRM has.
const COMMON: &[FaultKind] = &[
    FaultKind::with("status", STATUS),
    FaultKind::plain("server_error"),
    FaultKind::plain("rate_limit"),
    FaultKind::plain("daily_limit"),
    FaultKind::plain("concurrency_limit"),
    FaultKind::plain("expire_access_token"),
    FaultKind::plain("revoke_refresh_token"),
    FaultKind::plain("drop_before"),
    FaultKind::plain("drop_after"),
    FaultKind::with("delay", MS),
    FaultKind::with("slow_drip", MS),
    FaultKind::with("hang", &[Param::seconds(false)]),
    FaultKind::plain("reset"),
    FaultKind::with("outage", &[Param::seconds(true)]),
];

/// The faults that can be asked for, those of the CRM behind those of all, as JSON.
pub(crate) fn known(own: &'static [FaultKind]) -> Value {
    let shown = |kind: &FaultKind| json!({ "fault": kind.name, "parameters": kind.params.iter().map(Param::shown).collect::<Vec<_>>() });
    json!(COMMON.iter().chain(own).map(shown).collect::<Vec<_>>())
}

/// One fault waiting to strike.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) name: String,
    pub(crate) params: Map<String, Value>,
    times: u64,
    method: Option<String>,
    path_prefix: Option<String>,
    nth: u64,
    seen: u64,
    until: Option<Timestamp>,
}

impl Fault {
    /// Reads a fault as posted. `own` are the CRM's own kinds.
    pub(crate) fn parse(
        fault: &Value,
        own: &'static [FaultKind],
        now: Timestamp,
    ) -> Result<Self, FaultError> {
        let body = fault
            .as_object()
            .ok_or_else(|| FaultError::new("", "a JSON object is needed"))?;
        let name = body
            .get("fault")
            .and_then(Value::as_str)
            .ok_or_else(|| FaultError::new("fault", "needed"))?;
        let kind = COMMON.iter().chain(own).find(|kind| kind.name == name);
        let kind =
            kind.ok_or_else(|| FaultError::new("fault", format!("no fault is called `{name}`")))?;
        let mut params = body.clone();
        params.remove("fault");
        let times = match params.remove("times") {
            None => 1,
            Some(times) => times
                .as_u64()
                .filter(|n| *n > 0)
                .ok_or_else(|| FaultError::new("times", "a positive whole number is needed"))?,
        };
        let (method, path_prefix, nth) = filter(params.remove("where"))?;
        for param in kind.params {
            match params.get(param.name) {
                Some(value) => param.check(value)?,
                None if param.required => return Err(FaultError::new(param.name, "needed")),
                None => {}
            }
        }
        if let Some(unknown) = params
            .keys()
            .find(|key| !kind.params.iter().any(|param| param.name == *key))
        {
            return Err(FaultError::new(
                unknown.clone(),
                format!("`{name}` has no such parameter"),
            ));
        }
        let seconds = if name == "outage" {
            params.get("seconds").and_then(Value::as_i64)
        } else {
            None
        };
        let until = seconds.and_then(|s| now.checked_add(jiff::SignedDuration::from_secs(s)).ok());
        Ok(Self {
            name: name.to_owned(),
            params,
            times,
            method,
            path_prefix,
            nth,
            seen: 0,
            until,
        })
    }

    /// Whether this fault strikes this request; counts it if so.
    pub(crate) fn strikes(&mut self, request: &Request<Bytes>, now: Timestamp) -> bool {
        let method = self
            .method
            .as_deref()
            .is_none_or(|m| m.eq_ignore_ascii_case(request.method().as_str()));
        let path = self
            .path_prefix
            .as_deref()
            .is_none_or(|p| request.uri().path().starts_with(p));
        if !(method && path) {
            return false;
        }
        if let Some(until) = self.until {
            return now < until;
        }
        self.seen += 1;
        if self.seen < self.nth || self.times == 0 {
            return false;
        }
        self.times -= 1;
        true
    }

    /// Whether it only slows the answer down, so that other faults may strike the same request.
    pub(crate) fn slows(&self) -> bool {
        matches!(self.name.as_str(), "delay" | "slow_drip")
    }

    /// Whether it can never strike again.
    pub(crate) fn is_spent(&self, now: Timestamp) -> bool {
        self.until.map_or(self.times == 0, |until| now >= until)
    }

    /// A whole-number parameter.
    pub(crate) fn integer(&self, name: &str) -> Option<u64> {
        self.params.get(name).and_then(Value::as_u64)
    }

    /// A text parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }
}

impl Param {
    fn shown(&self) -> Value {
        let takes = match self.kind {
            ParamKind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            ParamKind::Text => "text".to_owned(),
            ParamKind::TextMap => "an object of texts".to_owned(),
            ParamKind::Any => "text or JSON".to_owned(),
        };
        json!({ "name": self.name, "takes": takes, "required": self.required })
    }

    fn check(&self, value: &Value) -> Result<(), FaultError> {
        let wrong = |what: &str| Err(FaultError::new(self.name, what));
        match self.kind {
            ParamKind::Integer { min, max } => match value.as_u64() {
                Some(n) if (min..=max).contains(&n) => Ok(()),
                _ => wrong(&format!("a whole number from {min} to {max} is needed")),
            },
            ParamKind::Text if !value.is_string() => wrong("text is needed"),
            ParamKind::TextMap
                if !value
                    .as_object()
                    .is_some_and(|map| map.values().all(Value::is_string)) =>
            {
                wrong("an object of texts is needed")
            }
            ParamKind::Text | ParamKind::TextMap | ParamKind::Any => Ok(()),
        }
    }
}

type Filter = (Option<String>, Option<String>, u64);

fn filter(value: Option<Value>) -> Result<Filter, FaultError> {
    let body = match value {
        None | Some(Value::Null) => return Ok((None, None, 1)),
        Some(Value::Object(body)) => body,
        Some(_) => return Err(FaultError::new("where", "an object is needed")),
    };
    let (mut method, mut path_prefix, mut nth) = (None, None, 1);
    for (key, value) in body {
        match (key.as_str(), &value) {
            ("method", Value::String(text)) => method = Some(text.clone()),
            ("path_prefix", Value::String(text)) => path_prefix = Some(text.clone()),
            ("method" | "path_prefix", _) => {
                return Err(FaultError::new(format!("where.{key}"), "text is needed"));
            }
            ("nth", _) => {
                nth = value.as_u64().filter(|n| *n > 0).ok_or_else(|| {
                    FaultError::new("where.nth", "a positive whole number is needed")
                })?;
            }
            _ => return Err(FaultError::new(format!("where.{key}"), "no such filter")),
        }
    }
    Ok((method, path_prefix, nth))
}
