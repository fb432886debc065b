//! What holds for every CRM in the registry.

use hub_connectors::{CRMS, Fields, Operation, RuleVerdict};
use hub_domain::{
    Connection, Verdict,
    mapping::{RecordKind, Source},
};

use crate::fixture::{Fixture, connection, connector, reply, tell, verdicts};

/// The one operation of each kind that the fixtures have first.
fn operations(crm: &str) -> Vec<Operation> {
    let mut found: Vec<Operation> = Vec::new();
    for fixture in Fixture::all(crm)
        .iter()
        .filter(|fixture| fixture.json.get("request").is_some())
    {
        let operation = fixture.operation();
        if !found
            .iter()
            .any(|known| std::mem::discriminant(known) == std::mem::discriminant(&operation))
        {
            found.push(operation);
        }
    }
    assert_eq!(
        found.len(),
        4,
        "{crm}: a fixture with a request for each kind of operation"
    );
    found
}

#[test]
fn a_name_that_is_not_in_the_registry_has_no_connector() {
    assert!(hub_connectors::connector("acme").is_none());
}

#[test]
fn the_manifest_is_whole() {
    for crm in CRMS {
        let connector = connector(crm);
        let manifest = connector.manifest();
        assert_eq!(
            manifest.crm.as_ref().map(ToString::to_string).as_deref(),
            Some(*crm)
        );
        assert!(
            manifest.batch.plans > 0 && manifest.batch.writes > 0 && manifest.batch.lookup > 0,
            "{crm}"
        );
        assert!(
            !manifest.limits.is_empty()
                && manifest
                    .limits
                    .iter()
                    .all(|l| l.requests > 0 && l.window_s > 0),
            "{crm}"
        );
        let mapping = manifest.default_mapping();
        for kind in [RecordKind::Meeting, RecordKind::Call, RecordKind::Task] {
            let rule = mapping
                .record(kind)
                .unwrap_or_else(|| panic!("{crm}: nothing is written for {kind:?}"));
            assert!(
                rule.fields
                    .iter()
                    .all(|field| (field.from == Source::Constant) == field.value.is_some()),
                "{crm}: {kind:?}"
            );
        }
    }
}

#[test]
fn every_error_rule_is_reached_and_gives_its_verdict() {
    for crm in CRMS {
        let connector = connector(crm);
        let manifest = connector.manifest();
        for (index, rule) in manifest.errors.iter().enumerate() {
            let codes = if rule.codes.is_empty() {
                vec!["SOME_CODE".to_owned()]
            } else {
                rule.codes.clone()
            };
            for code in codes {
                let reply = reply(rule.status.unwrap_or(400), "");
                let message = rule
                    .message
                    .as_ref()
                    .map_or_else(String::new, |part| format!("before {part} after"));
                let error = Fields {
                    code: code.replace('*', "_ANY"),
                    message,
                    fields: vec!["Subject".to_owned()],
                };
                let verdict = manifest.verdict(&reply, &error);
                let right = match (&rule.verdict, &verdict) {
                    (RuleVerdict::Done, Verdict::Done { .. })
                    | (RuleVerdict::Refresh, Verdict::Refresh)
                    | (RuleVerdict::Reauthorize, Verdict::Reauthorize { .. }) => true,
                    (RuleVerdict::Retry, Verdict::Retry { after, .. }) => {
                        after.map(|a| a.as_secs()) == rule.after_s
                    }
                    (
                        RuleVerdict::Throttle { scope },
                        Verdict::Throttle {
                            scope: given,
                            until,
                        },
                    ) => {
                        let wait = until.duration_since(reply.at).as_secs();
                        scope == given
                            && rule
                                .after_s
                                .is_none_or(|after| i64::try_from(after) == Ok(wait))
                    }
                    (RuleVerdict::Reject, Verdict::Reject(faults)) => {
                        faults.len() == 1 && faults[0].field == "Subject"
                    }
                    (RuleVerdict::Misconfigured, Verdict::Misconfigured { reason }) => rule
                        .advice
                        .as_ref()
                        .is_some_and(|advice| reason.starts_with(advice.as_str())),
                    _ => false,
                };
                assert!(
                    right,
                    "{crm}: rule {index}, {code}, is shadowed or wrong: {}",
                    tell(&verdict)
                );
            }
        }
    }
}

#[test]
fn a_refusal_that_says_nothing_still_has_a_verdict_for_each_record() {
    let bodies = [
        "",
        "<html><body>Bad gateway</body></html>",
        "[{\"message\":\"cut o",
        "[]",
        "{}",
        "null",
        "\"text\"",
        "17",
        "[[]]",
        "[{\"errorCode\":5}]",
    ];
    for crm in CRMS {
        let connector = connector(crm);
        for operation in operations(crm) {
            for status in 400..600 {
                for body in bodies {
                    let found = connector.interpret(&operation, &reply(status, body));
                    assert_eq!(found.len(), verdicts(&operation), "{crm}: {status} {body}");
                    for verdict in found {
                        let right = match status {
                            401 => {
                                matches!(verdict, Verdict::Refresh | Verdict::Reauthorize { .. })
                            }
                            429 => matches!(verdict, Verdict::Throttle { .. }),
                            408 | 500.. => matches!(verdict, Verdict::Retry { .. }),
                            _ => !matches!(verdict, Verdict::Done { .. } | Verdict::Skip(_)),
                        };
                        assert!(
                            right,
                            "{crm}: {status} {body:?} of {operation:?}: {}",
                            tell(&verdict)
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_wait_the_crm_asks_for_is_kept() {
    for crm in CRMS {
        let connector = connector(crm);
        for operation in operations(crm) {
            for (text, wait) in [("7", 7), ("Fri, 20 Nov 2026 16:00:30 GMT", 30)] {
                let mut throttled = reply(429, "");
                throttled
                    .headers
                    .insert(http::header::RETRY_AFTER, text.parse().unwrap());
                for verdict in connector.interpret(&operation, &throttled) {
                    assert!(
                        tell(&verdict).ends_with(&format!(" {wait}s")),
                        "{crm}: {}",
                        tell(&verdict)
                    );
                }
            }
        }
    }
}

#[test]
fn nothing_can_be_asked_of_a_connection_without_an_address() {
    for crm in CRMS {
        let connector = connector(crm);
        for operation in operations(crm) {
            let link = Connection {
                base_url: None,
                ..connection(crm)
            };
            // Some CRMs have one address for all, which then is in the manifest.
            if let Err(verdict) = connector.request(&operation, &link) {
                assert!(
                    matches!(
                        verdict,
                        Verdict::Reauthorize { .. } | Verdict::Misconfigured { .. }
                    ),
                    "{crm}: {}",
                    tell(&verdict)
                );
            }
            let link = Connection {
                base_url: Some("not an address\n".to_owned()),
                ..connection(crm)
            };
            if let Err(verdict) = connector.request(&operation, &link) {
                assert!(
                    matches!(verdict, Verdict::Misconfigured { .. }),
                    "{crm}: {}",
                    tell(&verdict)
                );
            }
        }
    }
}
