//! What a manifest says of limits, as the limiter takes it.

use hub_domain::{
    Connection, Scope,
    limiter::{Margin, Micros, Rule, SECOND, Seen, Terms},
};

use serde::Deserialize;

use super::{HeaderReads, Limit, Manifest};
use crate::operation::{Operation, Reply};

/// The setting by which a customer leaves more or less to other applications.
const RESERVE: &str = "limit_reserve_percent";

/// What each operation costs of a limit; 0 where it does not count for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cost {
    /// [`crate::Operation::FindPeople`]
    pub find_people: u32,
    /// [`crate::Operation::Write`]
    pub write: u32,
    /// The same with several records, for a CRM that limits bulk calls apart; as one without it.
    pub write_many: Option<u32>,
    /// [`crate::Operation::Describe`]
    pub describe: u32,
    /// [`crate::Operation::ReadBack`]
    pub read_back: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            find_people: 1,
            write: 1,
            write_many: None,
            describe: 1,
            read_back: 1,
        }
    }
}

impl Limit {
    /// Whether an operation costs more than the limiter can spread.
    pub(super) fn is_overcharged(&self) -> bool {
        let Cost {
            find_people,
            write,
            write_many,
            describe,
            read_back,
        } = self.cost;
        let write = write.max(write_many.unwrap_or_default());
        let most = find_people.max(write).max(describe).max(read_back);
        most > 1 && !self.rule(0).is_budget()
    }

    fn rule(&self, reserve_percent: u32) -> Rule {
        Rule {
            name: self.name.clone(),
            requests: u32::try_from(self.requests).unwrap_or(u32::MAX),
            window: Micros::try_from(self.window_s).unwrap_or(86_400) * SECOND,
            reserve_percent,
        }
    }

    fn cost_of(&self, operation: &Operation) -> u32 {
        match operation {
            Operation::FindPeople { .. } => self.cost.find_people,
            Operation::Write { plans } => {
                let writes: usize = plans.iter().map(|plan| plan.writes.len()).sum();
                let many = self.cost.write_many.filter(|_| writes > 1);
                many.unwrap_or(self.cost.write)
            }
            Operation::Describe { .. } => self.cost.describe,
            Operation::ReadBack { .. } => self.cost.read_back,
        }
    }

    /// What a reply says of it.
    fn seen(&self, reply: &Reply, at: Micros) -> Option<Seen> {
        let text = reply.header(self.header.as_deref()?)?;
        let (_, rest) = text.split_once(self.header_after.as_str())?;
        let (number, behind) = number(rest)?;
        Some(match self.header_reads {
            HeaderReads::Left => {
                let limit = self.limit_header.as_deref();
                let limit = limit.and_then(|name| {
                    let text = reply.header(name)?;
                    let (_, rest) = text.split_once(self.limit_header_after.as_str())?;
                    Some(self::number(rest)?.0)
                });
                // Points, for example, as the calls that they pay for.
                let calls = |number: u32| number / self.units.max(1);
                Seen {
                    left: calls(number),
                    limit: limit.map(calls),
                    at,
                }
            }
            HeaderReads::UsedOfLimit => {
                let (limit, _) = self::number(behind.strip_prefix('/')?)?;
                Seen {
                    left: limit.saturating_sub(number),
                    limit: Some(limit),
                    at,
                }
            }
        })
    }
}

/// The number a text begins with, and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

impl Manifest {
    /// The limits of one account: those of our application as a whole are the operator's business.
    fn account_limits(&self) -> impl Iterator<Item = &Limit> {
        self.limits
            .iter()
            .filter(|limit| limit.scope == Scope::Connection)
    }

    /// Everything the CRM allows the account of a connection.
    pub fn terms(&self, connection: &Connection) -> Terms {
        let reserve: Option<u32> = self
            .settings
            .contains_key(RESERVE)
            .then(|| self.setting(&connection.settings, RESERVE))
            .and_then(|percent| percent.parse().ok());
        let rule = |limit: &Limit| limit.rule(reserve.unwrap_or(limit.reserve_percent));
        Terms {
            rules: self.account_limits().map(rule).collect(),
            at_once: self.api.at_once,
            margin: Margin::default(),
        }
    }

    /// What an operation costs of each rule of [`Manifest::terms`].
    pub fn costs(&self, operation: &Operation) -> Vec<u32> {
        let limits = self.account_limits();
        limits.map(|limit| limit.cost_of(operation)).collect()
    }

    /// What a reply says of each rule of [`Manifest::terms`].
    pub fn seen(&self, reply: &Reply) -> Vec<Option<Seen>> {
        let at = reply.at.as_microsecond();
        let limits = self.account_limits();
        limits.map(|limit| limit.seen(reply, at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hub_domain::{Plan, Timestamp, Write, mapping::RecordKind};

    use super::*;

    fn reply(headers: &[(&'static str, &str)]) -> Reply {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Reply {
            status: http::StatusCode::OK,
            headers: headers.collect(),
            body: Bytes::new(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn left(limit: &str, headers: &[(&'static str, &str)]) -> Option<(u32, Option<u32>)> {
        let text = format!(
            "title = 'T'\nidempotency = 'upsert'\napi = {{ version = 'v1', host_patterns = [] }}\n\
             batch = {{ plans = 1, writes = 1, lookup = 1 }}\n[[limit]]\nname = 'n'\nrequests = 1\n\
             window_s = 1\nscope = 'connection'\n{limit}"
        );
        let manifest = Manifest::parse("acme", &text).unwrap();
        let seen = manifest.seen(&reply(headers)).into_iter().next().flatten();
        seen.map(|seen| (seen.left, seen.limit))
    }

    #[test]
    fn what_is_left_is_read_as_the_manifest_says() {
        let used =
            "header = 'usage-info'\nheader_after = 'api-usage='\nheader_reads = 'used_of_limit'";
        let usage = |value| left(used, &[("Usage-Info", value)]);
        assert_eq!(usage("api-usage=18/5000"), Some((4_982, Some(5_000))));
        let both = "api-usage=18/5000; per-app-api-usage=17/250(appName=sample)";
        assert_eq!(usage(both), Some((4_982, Some(5_000))));
        for unreadable in ["", "api-usage=", "api-usage=18", "api-usage=x/5000"] {
            assert_eq!(usage(unreadable), None, "{unreadable}");
        }
        let rate = "header = 'x-remaining'\nlimit_header = 'x-max'";
        let headers = [("X-Remaining", "93"), ("X-Max", "110")];
        assert_eq!(left(rate, &headers), Some((93, Some(110))));
        assert_eq!(left(rate, &headers[..1]), Some((93, None)));
        let points = "header = 'r'\nheader_after = '\"points\";r='\nlimit_header = 'p'\nlimit_header_after = '\"points\";q='\nunits = 10";
        let headers = [
            ("r", r#""calls";r=7, "points";r=49"#),
            ("p", r#""calls";q=9, "points";q=100;w=60"#),
        ];
        assert_eq!(left(points, &headers), Some((4, Some(10))));
        assert_eq!(left(points, &headers[..1]), Some((4, None)));
        assert_eq!(left(rate, &[]), None);
        assert_eq!(left("", &headers), None);
    }

    #[test]
    fn operations_cost_what_the_manifest_says_and_the_customer_sets_the_reserve() {
        let text = r#"
            title = "T"
            idempotency = "upsert"
            api = { version = "v1", host_patterns = [], at_once = 5 }
            batch = { plans = 1, writes = 1, lookup = 1 }
            settings.limit_reserve_percent = { default = "10", description = "d" }
            [[limit]]
            name = "tokens"
            requests = 30_000
            window_s = 86_400
            scope = "connection"
            cost = { find_people = 20, describe = 0 }
            [[limit]]
            name = "everybody"
            requests = 1
            window_s = 1
            scope = "app"
        "#;
        let manifest = Manifest::parse("acme", text).unwrap();
        let short = text.replace("86_400", "60");
        let refused = Manifest::parse("acme", &short).unwrap_err();
        let why = std::error::Error::source(&refused).unwrap().to_string();
        assert!(why.contains("limit tokens: a cost above 1"), "{why}");
        let emails = Vec::new();
        assert_eq!(manifest.costs(&Operation::FindPeople { emails }), [20]);
        assert_eq!(manifest.costs(&Operation::Write { plans: Vec::new() }), [1]);
        let bulk = text.replace("describe = 0", "write = 0, write_many = 3");
        let bulk = Manifest::parse("acme", &bulk).unwrap();
        for (writes, cost) in [(0, 0), (1, 0), (2, 3)] {
            let plans = vec![plan(writes)];
            assert_eq!(bulk.costs(&Operation::Write { plans }), [cost]);
        }
        let short = text
            .replace("find_people = 20", "write_many = 2")
            .replace("86_400", "60");
        assert!(Manifest::parse("acme", &short).is_err());
        let object = String::new();
        assert_eq!(manifest.costs(&Operation::Describe { object }), [0]);
        let mut connection = Connection::new(
            "conn_1".parse().unwrap(),
            "org_1".parse().unwrap(),
            "acme".parse().unwrap(),
            "A".to_owned(),
            Timestamp::UNIX_EPOCH,
            "a".to_owned(),
        );
        let terms = manifest.terms(&connection);
        assert_eq!(terms.at_once, Some(5));
        assert_eq!(terms.rules[0].reserve_percent, 10);
        let half = ("limit_reserve_percent".to_owned(), "50".to_owned());
        connection.settings.extend([half]);
        assert_eq!(manifest.terms(&connection).rules[0].reserve_percent, 50);
    }

    fn plan(writes: usize) -> Plan {
        let write = Write {
            key: "ses_1".to_owned(),
            id: None,
            kind: RecordKind::Meeting,
            object: "meetings".to_owned(),
            fields: std::collections::BTreeMap::new(),
            people: Vec::new(),
            company: None,
            step: None,
            after: std::collections::BTreeMap::new(),
            optional: false,
            token: String::new(),
        };
        Plan {
            delivery: "dlv_1.1".parse().unwrap(),
            connection: "conn_1".parse().unwrap(),
            session: "ses_1".parse().unwrap(),
            revision: 1,
            mapping_version: 0,
            writes: vec![write; writes],
        }
    }
}
