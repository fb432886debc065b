//! `/composite` and `/composite/graph`: several calls in one, later ones using what earlier ones
//! answered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::references::{Known, fill, fill_text, mentioned};
use super::{Api, Call};

const PARTS_MAX: usize = 25;
/// How many of them may be queries or collections.
const HEAVY_MAX: usize = 5;
const GRAPHS_MAX: usize = 75;
const NODES_MAX: usize = 500;
const DEPTH_MAX: usize = 15;
const KINDS_MAX: usize = 15;
const GRAPH_FAILURES_MAX: usize = 14;

/// One subrequest as it was sent.
struct Part {
    method: String,
    url: String,
    reference: String,
    body: Option<Value>,
    headers: Vec<(String, String)>,
}

impl Api {
    pub(super) fn composite(&mut self, call: &Call) -> Outcome<Answer> {
        let body = call.object()?;
        let parts = parts(body.get("compositeRequest"))?;
        if parts.len() > PARTS_MAX {
            return Err(over(&format!("Limit of {PARTS_MAX} subrequests exceeded")));
        }
        let heavy = parts.iter().filter(|part| part.is_heavy()).count();
        if heavy > HEAVY_MAX {
            return Err(over(&format!(
                "Limit of {HEAVY_MAX} query or collection subrequests exceeded"
            )));
        }
        let all = body
            .get("allOrNone")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let answers = self.run_parts(&parts, all, |part| {
            let nested = part.url.split('?').next().unwrap_or_default();
            !(nested.ends_with("/composite")
                || nested.contains("/composite/batch")
                || nested.contains("/composite/graph"))
        });
        Ok(Answer::json(200, json!({ "compositeResponse": answers.0 })))
    }

    pub(super) fn graph(&mut self, call: &Call) -> Outcome<Answer> {
        let graphs = call
            .object()?
            .get("graphs")
            .and_then(Value::as_array)
            .cloned();
        let graphs = graphs.ok_or_else(|| Refusal::json("graphs is missing"))?;
        if graphs.len() > GRAPHS_MAX {
            return Err(over(&format!("Limit of {GRAPHS_MAX} graphs exceeded")));
        }
        let mut named: Vec<(String, Vec<Part>)> = Vec::new();
        for graph in &graphs {
            let id = graph
                .get("graphId")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            if id.is_empty() || named.iter().any(|(other, _)| *other == id) {
                return Err(Refusal::json(format!(
                    "graphId '{id}' is empty or used twice"
                )));
            }
            named.push((id, parts(graph.get("compositeRequest"))?));
        }
        if named.iter().map(|(_, parts)| parts.len()).sum::<usize>() > NODES_MAX {
            return Err(over(&format!("Limit of {NODES_MAX} nodes exceeded")));
        }
        let mut failures = 0;
        let mut answers = Vec::new();
        for (id, parts) in named {
            let shape = if failures >= GRAPH_FAILURES_MAX {
                Err(Refusal::halted(
                    "Too many graphs failed; the remaining graphs were not processed",
                ))
            } else {
                check_shape(&parts)
            };
            let (responses, good) = match shape {
                Ok(()) => self.run_parts(&parts, true, |part| part.url.contains("/sobjects/")),
                Err(refusal) => (
                    parts
                        .iter()
                        .map(|part| part.response(&Answer::refused(&refusal, 0)))
                        .collect(),
                    false,
                ),
            };
            failures += usize::from(!good);
            answers.push(
                json!({ "graphId": id, "graphResponse": { "compositeResponse": responses },
                "isSuccessful": good }),
            );
        }
        Ok(Answer::json(200, json!({ "graphs": answers })))
    }

    /// Runs the parts in order. With `all`, the first failure stops them and undoes everything.
    fn run_parts(
        &mut self,
        parts: &[Part],
        all: bool,
        may: impl Fn(&Part) -> bool,
    ) -> (Vec<Value>, bool) {
        let mark = self.org.store.mark();
        let mut known = Known::new();
        let mut answers: Vec<Answer> = Vec::new();
        let mut failed = None;
        for (place, part) in parts.iter().enumerate() {
            let answer = if may(part) {
                self.run_part(part, &known)
            } else {
                let message = format!("The URL is not supported in this request: {}", part.url);
                Answer::refused(&Refusal::new(400, "INVALID_OPERATION", message), 0)
            };
            let good = answer.is_success();
            known.insert(part.reference.clone(), good.then(|| answer.value()));
            answers.push(answer);
            if !good {
                failed.get_or_insert(place);
                if all {
                    break;
                }
            }
        }
        if let (true, Some(failed)) = (all, failed) {
            self.org.store.roll_back(&self.org.schema, mark);
            let undone = Answer::refused(&Refusal::rolled_back(), 0);
            for (place, answer) in answers.iter_mut().enumerate() {
                if place != failed {
                    *answer = undone.clone();
                }
            }
            answers.resize(parts.len(), undone);
        }
        let responses = parts
            .iter()
            .zip(&answers)
            .map(|(part, answer)| part.response(answer))
            .collect();
        (responses, failed.is_none())
    }

    fn run_part(&mut self, part: &Part, known: &Known) -> Answer {
        let filled = fill_text(&part.url, known).and_then(|url| {
            let body = part
                .body
                .as_ref()
                .map(|body| fill(body, known))
                .transpose()?;
            Ok((url, body))
        });
        let (url, body) = match filled {
            Ok(filled) => filled,
            Err(refusal) => return Answer::refused(&refusal, 0),
        };
        match Call::from_url(&part.method, url.as_str().unwrap_or_default()) {
            Some(call) => self.answer(&Call {
                body,
                headers: part.headers.clone(),
                ..call
            }),
            None => Answer::refused(&Refusal::not_found(), 0),
        }
    }
}

impl Part {
    fn is_heavy(&self) -> bool {
        self.url.contains("/query") || self.url.contains("/composite/sobjects")
    }

    /// The object a part of a graph is about.
    fn kind(&self) -> String {
        let path = self
            .url
            .split_once("/sobjects/")
            .map_or("", |(_, rest)| rest);
        format!(
            "{} {}",
            self.method,
            path.split(['/', '?']).next().unwrap_or_default()
        )
    }

    fn response(&self, answer: &Answer) -> Value {
        let headers: Map<String, Value> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        json!({ "body": answer.value(), "httpHeaders": headers, "httpStatusCode": answer.status,
            "referenceId": self.reference })
    }
}

fn over(message: &str) -> Refusal {
    Refusal::new(400, "LIMIT_EXCEEDED", message)
}

fn parts(list: Option<&Value>) -> Outcome<Vec<Part>> {
    let list = list
        .and_then(Value::as_array)
        .ok_or_else(|| Refusal::json("compositeRequest is missing"))?;
    let mut seen = BTreeSet::new();
    let mut parts = Vec::new();
    for item in list {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let needed =
            |name: &str| text(name).ok_or_else(|| Refusal::json(format!("{name} is missing")));
        let reference = needed("referenceId")?;
        if !seen.insert(reference.clone()) {
            return Err(Refusal::json(format!(
                "The referenceId '{reference}' is used more than once"
            )));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !reference.chars().all(plain)
            || !reference.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            return Err(Refusal::json(format!(
                "The referenceId '{reference}' is not valid"
            )));
        }
        let headers = item
            .get("httpHeaders")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let headers = headers
            .filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned())));
        parts.push(Part {
            method: needed("method")?.to_uppercase(),
            url: needed("url")?,
            reference,
            body: item.get("body").filter(|body| !body.is_null()).cloned(),
            headers: headers.collect(),
        });
    }
    Ok(parts)
}

/// The limits on one graph's form.
fn check_shape(parts: &[Part]) -> Outcome<()> {
    let kinds: BTreeSet<String> = parts.iter().map(Part::kind).collect();
    if kinds.len() > KINDS_MAX {
        return Err(over(&format!(
            "Limit of {KINDS_MAX} different nodes exceeded"
        )));
    }
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    for part in parts {
        let body = part.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut names = mentioned(&part.url);
        names.extend(mentioned(&body));
        let deepest = names
            .iter()
            .filter_map(|name| depths.get(name.as_str()))
            .max()
            .copied()
            .unwrap_or_default();
        depths.insert(&part.reference, deepest + 1);
    }
    if depths.values().any(|depth| *depth > DEPTH_MAX) {
        return Err(over(&format!("Limit of {DEPTH_MAX} levels exceeded")));
    }
    Ok(())
}
