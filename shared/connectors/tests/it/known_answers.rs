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

/// A line of a body that is no JSON as a whole: as JSON where it is, so that the order of its members is nothing.
fn line(line: &str) -> Value {
    if line.starts_with('{') {
        serde_json::from_str(line).unwrap()
    } else {
        json!(line)
    }
}

/// The body of a reply: JSON, text, or lines, of which those that are JSON are written as such.
fn body_of(wanted: &Value) -> String {
    let lines = wanted["lines"].as_array().map(|lines| {
        let lines = lines.iter().map(|line| match line {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        });
        lines.collect::<Vec<String>>().join("\r\n")
    });
    lines
        .or_else(|| wanted["text"].as_str().map(str::to_owned))
        .unwrap_or_else(|| wanted["body"].to_string())
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
                    if let Some(lines) = wanted["lines"].as_array() {
                        let text = String::from_utf8(request.body().to_vec()).unwrap();
                        let found: Vec<Value> = text.split("\r\n").map(line).collect();
                        assert_eq!(found, *lines, "{name}: {text}");
                        continue;
                    }
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
                let mut reply = reply(
                    u16::try_from(wanted["status"].as_u64().unwrap()).unwrap(),
                    body_of(wanted),
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
