//! The environment, read in one place, with every fault reported at once.
//!
//! A deployment that has three variables wrong should fail once, not three times. So a getter
//! never stops: it notes the fault and returns a stand-in, which [`Env::finish`] never lets out.
//! No fault shows a value, because a value may be a secret.

mod common;

use std::{
    collections::BTreeMap,
    env::VarError,
    fmt::{self, Display},
    str::FromStr,
};

use lambda_runtime::Diagnostic;

/// Variables, and what has been found wrong with them so far. An empty variable counts as unset,
/// since a SAM parameter that is left out arrives as an empty string.
pub struct Env {
    source: Source,
    faults: Vec<EnvFault>,
}

enum Source {
    Process,
    Given(BTreeMap<String, String>),
}

impl Env {
    /// The environment of this process.
    pub fn process() -> Self {
        Self {
            source: Source::Process,
            faults: Vec::new(),
        }
    }

    /// These variables and no others: for tests, and for functions that run inside the local hub.
    pub fn of<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self {
            source: Source::Given(variables.collect()),
            faults: Vec::new(),
        }
    }

    /// A variable that must be there.
    pub fn required(&mut self, name: &str) -> String {
        self.present(name, "a value").unwrap_or_default()
    }

    /// A variable that may be absent.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        self.read(name).unwrap_or_else(|fault| {
            self.faults.push(fault);
            None
        })
    }

    /// A variable that must be there and be `expected`, such as "a whole number of seconds".
    pub fn required_parse<T: FromStr + Default>(&mut self, name: &str, expected: &str) -> T {
        self.required_parse_or(name, expected, T::default())
    }

    /// As [`Self::required_parse`], for types without a default. The stand-in only completes the
    /// value that [`Self::finish`] then refuses.
    pub fn required_parse_or<T: FromStr>(&mut self, name: &str, expected: &str, stand_in: T) -> T {
        let text = self.present(name, expected);
        text.and_then(|text| self.parse(name, expected, &text))
            .unwrap_or(stand_in)
    }

    /// A variable that may be absent, but if it is there must be `expected`.
    pub fn optional_parse<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let text = self.optional(name)?;
        self.parse(name, expected, &text)
    }

    /// A comma-separated list; unset is the empty list.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        self.list_of(name, "values separated by commas")
    }

    /// As [`Self::list`], with every entry `expected`, such as "host:port".
    pub fn list_of<T: FromStr>(&mut self, name: &str, expected: &str) -> Vec<T> {
        let text = self.optional(name).unwrap_or_default();
        let mut list = Vec::new();
        for (n, entry) in entries(&text) {
            if entry.is_empty() {
                self.fault(name, format!("has an empty entry {n}"), expected);
            } else if let Ok(value) = entry.parse() {
                list.push(value);
            } else {
                self.fault(
                    name,
                    format!("has an entry {n} that cannot be read"),
                    expected,
                );
            }
        }
        list
    }

    /// A comma-separated list of `key=value`; unset is the empty map.
    pub fn map(&mut self, name: &str) -> BTreeMap<String, String> {
        self.map_of(name, "key=value pairs separated by commas")
    }

    /// As [`Self::map`], with every pair `expected`, such as "crm=url".
    pub fn map_of<T: FromStr>(&mut self, name: &str, expected: &str) -> BTreeMap<String, T> {
        let text = self.optional(name).unwrap_or_default();
        let mut map = BTreeMap::new();
        for (n, entry) in entries(&text) {
            let pair = entry
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()));
            let problem = match pair {
                None => format!("has an entry {n} without `=`"),
                Some(("", _)) => format!("has an entry {n} without a key"),
                Some((_, "")) => format!("has an entry {n} without a value"),
                Some((key, _)) if map.contains_key(key) => {
                    format!("has an entry {n} that repeats an earlier key")
                }
                Some((key, value)) => match value.parse() {
                    Ok(value) => {
                        map.insert(key.to_owned(), value);
                        continue;
                    }
                    Err(_) => format!("has an entry {n} whose value cannot be read"),
                },
            };
            self.fault(name, problem, expected);
        }
        map
    }

    /// Notes a fault that only the caller can see, such as two variables that contradict.
    pub fn fault(&mut self, name: &str, problem: impl Into<String>, expected: &str) {
        self.faults.push(EnvFault::new(name, problem, expected));
    }

    /// The value, if nothing was wrong with what it was made of.
    pub fn finish<T>(self, value: T) -> Result<T, EnvError> {
        if self.faults.is_empty() {
            Ok(value)
        } else {
            Err(EnvError {
                faults: self.faults,
            })
        }
    }

    /// Ends the reading with a fault for which there is no stand-in.
    pub fn refuse(mut self, name: &str, problem: impl Into<String>, expected: &str) -> EnvError {
        self.fault(name, problem, expected);
        EnvError {
            faults: self.faults,
        }
    }

    fn present(&mut self, name: &str, expected: &str) -> Option<String> {
        match self.read(name) {
            Ok(Some(text)) => Some(text),
            Ok(None) => {
                self.fault(name, "is not set, or empty", expected);
                None
            }
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn parse<T: FromStr>(&mut self, name: &str, expected: &str, text: &str) -> Option<T> {
        let value = text.parse().ok();
        if value.is_none() {
            self.fault(name, "cannot be read", expected);
        }
        value
    }

    fn read(&self, name: &str) -> Result<Option<String>, EnvFault> {
        let text = match &self.source {
            Source::Process => process_variable(name),
            Source::Given(variables) => variables.get(name).cloned().ok_or(VarError::NotPresent),
        };
        match text {
            Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(EnvFault::new(name, "is not text", "UTF-8")),
        }
    }
}

/// Entries with their number, counted from 1. No text has no entries, not an empty one.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = Some(text).filter(|text| !text.is_empty());
    (1..).zip(
        text.into_iter()
            .flat_map(|text| text.split(','))
            .map(str::trim),
    )
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn process_variable(name: &str) -> Result<String, VarError> {
    std::env::var(name)
}

/// One variable that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFault {
    /// The variable.
    pub name: String,
    /// What is wrong with it, as the rest of a sentence that begins with its name.
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

impl EnvFault {
    fn new(name: &str, problem: impl Into<String>, expected: &str) -> Self {
        Self {
            name: name.to_owned(),
            problem: problem.into(),
            expected: expected.to_owned(),
        }
    }
}

impl Display for EnvFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} (expected: {})",
            self.name, self.problem, self.expected
        )
    }
}

/// Every variable that is wrong. Its message is one line, because CloudWatch splits others.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct EnvError {
    /// In the order in which the variables were asked for; never empty.
    pub faults: Vec<EnvFault>,
}

impl EnvError {
    /// The variables, in that order.
    pub fn names(&self) -> Vec<&str> {
        self.faults
            .iter()
            .map(|fault| fault.name.as_str())
            .collect()
    }
}

impl Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.faults.len() == 1 { "" } else { "s" };
        write!(f, "{} fault{plural} in the environment", self.faults.len())?;
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { ":" } else { ";" };
            write!(f, "{separator} {fault}")?;
        }
        Ok(())
    }
}

/// The same as [`Display`], because this is what a `main` that returns the error prints.
impl fmt::Debug for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl From<EnvError> for Diagnostic {
    fn from(error: EnvError) -> Self {
        Self {
            error_type: "ConfigError".to_owned(),
            error_message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(env: Env) -> Vec<String> {
        let error = env.finish(()).expect_err("faults");
        error.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_faults_are_listed_at_once() {
        let mut env = Env::of([
            ("HUB_EMPTY", ""),
            ("HUB_LEASE_S", "s3cret"),
            ("HUB_PORT", "70000"),
            ("HUB_EGRESS_ALLOW", "127.0.0.1:4101,,127.0.0.1:4102"),
            (
                "HUB_BASE_URLS",
                "acme=http://a,zeta,=http://b,nova=,acme=http://c",
            ),
        ]);
        assert_eq!(env.required("HUB_TABLE"), "");
        assert_eq!(env.required("HUB_EMPTY"), "");
        assert_eq!(
            env.required_parse::<u64>("HUB_LEASE_S", "a whole number of seconds"),
            0
        );
        assert_eq!(env.optional_parse::<u16>("HUB_PORT", "a port"), None);
        env.list("HUB_EGRESS_ALLOW");
        env.map_of::<String>("HUB_BASE_URLS", "crm=url");

        let error = env.finish(()).expect_err("faults");
        assert_eq!(
            error.to_string(),
            "9 faults in the environment: \
             HUB_TABLE is not set, or empty (expected: a value); \
             HUB_EMPTY is not set, or empty (expected: a value); \
             HUB_LEASE_S cannot be read (expected: a whole number of seconds); \
             HUB_PORT cannot be read (expected: a port); \
             HUB_EGRESS_ALLOW has an empty entry 2 (expected: values separated by commas); \
             HUB_BASE_URLS has an entry 2 without `=` (expected: crm=url); \
             HUB_BASE_URLS has an entry 3 without a key (expected: crm=url); \
             HUB_BASE_URLS has an entry 4 without a value (expected: crm=url); \
             HUB_BASE_URLS has an entry 5 that repeats an earlier key (expected: crm=url)"
        );
        assert!(!error.to_string().contains("s3cret"), "no value is shown");
        assert_eq!(Diagnostic::from(error).error_type, "ConfigError");
    }

    #[test]
    fn what_is_right_comes_out() {
        let mut env = Env::of([
            ("HUB_TABLE", "hub"),
            ("HUB_LEASE_S", "90"),
            ("HUB_EGRESS_ALLOW", "127.0.0.1:4101, localhost:4102"),
            ("HUB_BASE_URLS", "acme=http://a:1/?x=y, zeta=http://b"),
        ]);
        let table = env.required("HUB_TABLE");
        let lease_s = env.required_parse_or("HUB_LEASE_S", "a whole number of seconds", 0_u64);
        let absent = (
            env.optional("HUB_ABSENT"),
            env.optional_parse::<u8>("HUB_ABSENT", "a byte"),
        );
        let empty = (env.list("HUB_ABSENT"), env.map("HUB_ABSENT"));
        let allowed = env.list("HUB_EGRESS_ALLOW");
        let urls = env.map("HUB_BASE_URLS");

        assert_eq!((table.as_str(), lease_s), ("hub", 90));
        assert_eq!(absent, (None, None));
        assert_eq!(empty, (Vec::new(), BTreeMap::new()));
        assert_eq!(allowed, ["127.0.0.1:4101", "localhost:4102"]);
        assert_eq!(
            urls,
            BTreeMap::from([
                ("zeta".to_owned(), "http://b".to_owned()),
                ("acme".to_owned(), "http://a:1/?x=y".to_owned()),
            ])
        );
        assert_eq!(env.finish("config"), Ok("config"));
    }

    #[test]
    fn an_entry_of_the_wrong_type_is_named() {
        let mut env = Env::of([("PORTS", "1,x,3"), ("WEIGHTS", "a=1,b=y")]);
        assert_eq!(env.list_of::<u16>("PORTS", "ports"), [1, 3]);
        assert_eq!(
            env.map_of::<u16>("WEIGHTS", "crm=weight"),
            BTreeMap::from([("a".to_owned(), 1)])
        );
        assert_eq!(
            faults(env),
            [
                "PORTS has an entry 2 that cannot be read (expected: ports)",
                "WEIGHTS has an entry 2 whose value cannot be read (expected: crm=weight)",
            ]
        );
    }

    #[test]
    fn a_fault_of_the_callers_own_counts() {
        let mut env = Env::of([("A", "1")]);
        env.fault("A", "contradicts B", "one of the two");
        assert_eq!(faults(env), ["A contradicts B (expected: one of the two)"]);
    }

    #[test]
    fn the_process_environment_is_read() {
        let mut env = Env::process();
        // Cargo sets the first for every test; nobody sets the second.
        assert_eq!(env.required("CARGO_PKG_NAME"), "hub-lambda");
        assert_eq!(env.optional("HUB_LAMBDA_TEST_NEVER_SET"), None);
    }
}
