//! Every fixture: the request that must come out, and what each reply must mean.

use hub_connectors::{Answer, CRMS, Operation};
use serde_json::{Value, json};

use crate::fixture::{Fixture, connector, reply, tell};

#[test]
fn every_fixture_names_its_source() {
    for crm in CRMS {
        for fixture in Fixture::all(crm) {
            assert!(
                fixture.json["source"]
                    .as_str()
                    .is_some_and(|source| !source.is_empty()),
                "{}",
                fixture.name
            );
        }
    }
}

#[test]
fn an_operation_becomes_its_request() {
    for crm in CRMS {
        let connector = connector(crm);
        for fixture in Fixture::all(crm) {
            let name = &fixture.name;
            let link = fixture.connection(crm);
            match connector.request(&fixture.operation(), &link) {
                Err(verdict) => {
                    assert_eq!(json!(tell(&verdict)), fixture.json["refused"], "{name}");
                }
                Ok(request) => {
                    let wanted = &fixture.json["request"];
                    let base = link.base_url.as_deref().unwrap();
                    let uri = request.uri().to_string();
                    assert_eq!(json!(request.method().as_str()), wanted["method"], "{name}");
                    assert_eq!(json!(uri.strip_prefix(base)), wanted["path"], "{name}");
                    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
                    assert_eq!(
                        body,
                        wanted.get("body").cloned().unwrap_or_default(),
                        "{name}: {body:#}"
                    );
                    assert!(
                        !request.headers().contains_key(http::header::AUTHORIZATION),
                        "{name}: the engine adds the token"
                    );
                }
            }
        }
    }
}

#[test]
fn a_reply_has_its_verdicts_and_its_answer() {
    for crm in CRMS {
        let connector = connector(crm);
        for fixture in Fixture::all(crm) {
            let operation = fixture.operation();
            for wanted in fixture.replies() {
                let name = format!("{}: {}", fixture.name, wanted["about"]);
                let body = wanted["text"]
                    .as_str()
                    .map_or_else(|| wanted["body"].to_string(), str::to_owned);
                let mut reply = reply(
                    u16::try_from(wanted["status"].as_u64().unwrap()).unwrap(),
                    body,
                );
                for (header, value) in wanted["headers"].as_object().into_iter().flatten() {
                    let header: http::HeaderName = header.parse().unwrap();
                    reply
                        .headers
                        .insert(header, value.as_str().unwrap().parse().unwrap());
                }
                let verdicts: Vec<String> = connector
                    .interpret(&operation, &reply)
                    .iter()
                    .map(tell)
                    .collect();
                assert_eq!(json!(verdicts), wanted["verdicts"], "{name}");
                if matches!(operation, Operation::Write { .. }) {
                    continue;
                }
                match connector.read(&operation, &reply) {
                    Ok(Answer::People(people)) => {
                        assert_eq!(json!(people), wanted["answer"], "{name}");
                    }
                    Ok(Answer::Fields(fields)) => {
                        assert_eq!(json!(fields), wanted["answer"], "{name}");
                    }
                    Ok(Answer::Records(records)) => {
                        assert_eq!(json!(records), wanted["answer"], "{name}");
                    }
                    Err(verdict) => {
                        assert_eq!(json!([tell(&verdict)]), wanted["verdicts"], "{name}");
                    }
                }
            }
        }
    }
}
