//! `/composite/batch`: up to 25 independent calls.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::{Api, Call};

const PARTS_MAX: usize = 25;

impl Api {
    pub(super) fn batch(&mut self, call: &Call) -> Outcome<Answer> {
        let body = call.object()?;
        let parts = body.get("batchRequests").and_then(Value::as_array).cloned();
        let parts = parts.ok_or_else(|| Refusal::json("batchRequests is missing"))?;
        if parts.len() > PARTS_MAX {
            let message = format!("Limit of {PARTS_MAX} subrequests exceeded");
            return Err(Refusal::new(400, "LIMIT_EXCEEDED", message));
        }
        let halting = body
            .get("haltOnError")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let mut failed = false;
        let mut results = Vec::new();
        for part in &parts {
            let answer = if failed && halting {
                let message = "Batch processing halted per request";
                Answer::refused(&Refusal::new(412, "BATCH_PROCESSING_HALTED", message), 0)
            } else {
                self.one_of_batch(part)
            };
            failed |= !answer.is_success();
            results.push(json!({ "statusCode": answer.status, "result": answer.value() }));
        }
        Ok(Answer::json(
            200,
            json!({ "hasErrors": failed, "results": results }),
        ))
    }

    fn one_of_batch(&mut self, part: &Value) -> Answer {
        let text = |name: &str| part.get(name).and_then(Value::as_str).unwrap_or_default();
        // The URL begins with the version, `v67.0/…`, with or without what comes before it.
        let url = text("url").trim_start_matches('/');
        let url = format!(
            "/services/data/{}",
            url.strip_prefix("services/data/").unwrap_or(url)
        );
        let nested = url.contains("/composite/batch")
            || url.contains("/composite/graph")
            || url.ends_with("/composite");
        match Call::from_url(text("method"), &url) {
            Some(call) if !nested => self.answer(&Call {
                body: part
                    .get("richInput")
                    .filter(|input| !input.is_null())
                    .cloned(),
                ..call
            }),
            _ => Answer::refused(&Refusal::not_found(), 0),
        }
    }
}
