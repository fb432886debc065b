//! From a request to the text of its name.
//!
//! Told from the request alone. What one operation is used for stands in the class of the key it touches
//! (`docs/ARCHITECTURE.md`, Table), and where that is not enough in its statement or expression.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use bytes::Bytes;
use serde_json::Value;

use crate::marked::Purpose;

/// Whose calls are named. What people do (`api`, `oauth`) is answered to a person, who tries again; what
/// sets a world up is no function.
pub(crate) const FUNCTIONS: [&str; 4] = ["ingest", "dispatch", "deliver", "batch"];

/// The text of a call to AWS.
pub(crate) fn aws(function: &str, request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or((target, ""));
    let body = request.body().bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let (service, purpose) = match service {
        "DynamoDB_20120810" => ("dynamodb", table(operation, &body)),
        "AmazonSQS" => ("sqs", queue(&body)),
        "secretsmanager" => ("secrets", secret(&body)),
        other => (other, String::new()),
    };
    format!("{function}.{service}.{operation}.{purpose}")
}

/// The text of a call to a CRM or a receiver.
pub(crate) fn out(function: &str, request: &http::Request<Bytes>) -> String {
    if request.headers().contains_key("webhook-id") {
        return format!("{function}.webhook.post");
    }
    let purpose = request.extensions().get::<Purpose>().copied();
    let is_token = || String::from_utf8_lossy(request.body()).contains("grant_type");
    let purpose = match purpose {
        Some(purpose) => purpose.name(),
        None if is_token() => "token",
        None => "unknown",
    };
    format!("{function}.crm.{purpose}")
}

fn table(operation: &str, body: &Value) -> String {
    match operation {
        "BatchExecuteStatement" => statements(body).to_owned(),
        "TransactWriteItems" => {
            let mut classes: Vec<&str> = Vec::new();
            for class in body["TransactItems"].as_array().into_iter().flatten() {
                let class = class_in(class);
                if !classes.contains(&class) {
                    classes.push(class);
                }
            }
            classes.first().copied().unwrap_or_default().to_owned()
        }
        "UpdateItem" => {
            let class = class_in(body);
            match updated(class, body["UpdateExpression"].as_str().unwrap_or_default()) {
                "" => class.to_owned(),
                what => format!("{class}.{what}"),
            }
        }
        _ => class_in(body).to_owned(),
    }
}

fn statements(body: &Value) -> &'static str {
    let first = body["Statements"][0]["Statement"]
        .as_str()
        .unwrap_or_default();
    if first.starts_with("INSERT") {
        "claim.first"
    } else if first.contains("RETURNING ALL OLD") {
        "claim.again"
    } else {
        "settle"
    }
}

/// What an update of a class is for, where there are several.
fn updated(class: &str, expression: &str) -> &'static str {
    match class {
        "token" if expression.starts_with("SET w = ") => "begin",
        "token" if expression.starts_with("SET b = ") => "finish",
        "token" => "pause",
        "dlv" if expression.contains("REMOVE") => "unhold",
        "dlv" => "hold",
        _ => "",
    }
}

/// The class of the first key in a request: `{organization}#{class}#{shard}`.
fn class_in(value: &Value) -> &str {
    match value {
        Value::String(text) => {
            let mut parts = text.split('#');
            let organization = parts.next().unwrap_or_default();
            let is_key = organization == "-" || organization.starts_with("org_");
            let class = parts.next().unwrap_or_default();
            if is_key && parts.next().is_some() {
                class
            } else {
                ""
            }
        }
        Value::Array(items) => first_class(items.iter()),
        // The key comes before anything that a condition or an expression may name.
        Value::Object(fields) => {
            let of = |name: &str| fields.get(name).map_or("", class_in);
            let mut known = ["pk", "Key", "Keys", "Item", "S"].into_iter().map(of);
            let known = known.find(|class| !class.is_empty());
            known.unwrap_or_else(|| first_class(fields.values()))
        }
        _ => "",
    }
}

fn first_class<'a>(mut values: impl Iterator<Item = &'a Value>) -> &'a str {
    values
        .find_map(|value| Some(class_in(value)).filter(|class| !class.is_empty()))
        .unwrap_or_default()
}

fn queue(body: &Value) -> String {
    let url = body["QueueUrl"].as_str().unwrap_or_default();
    let name = url.rsplit("/hub-").next().unwrap_or_default();
    let kinds = ["live", "bulk", "dlq"];
    let kind = name.rsplit('-').next().filter(|kind| kinds.contains(kind));
    kind.unwrap_or(name).to_owned()
}

fn secret(body: &Value) -> String {
    let id = body["SecretId"].as_str().or(body["Name"].as_str());
    let id = id.unwrap_or_default();
    id.rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_class_is_read_from_the_key_wherever_it_stands() {
        let cases = [
            (
                json!({ "Key": { "pk": { "S": "org_1#conn#0" }, "sk": { "S": "conn_1" } } }),
                "conn",
            ),
            (
                json!({ "ExpressionAttributeValues": { ":p": { "S": "-#held#acme#3" } } }),
                "held",
            ),
            (
                json!({ "RequestItems": { "hub": { "Keys": [{ "pk": { "S": "org_1#session#3" } }] } } }),
                "session",
            ),
            (
                json!({ "Item": { "a": { "S": "org_1#no#0" }, "pk": { "S": "org_1#event#0" } } }),
                "event",
            ),
            (json!({ "Item": { "a": { "S": "x#no#0" } } }), ""),
        ];
        for (body, class) in cases {
            assert_eq!(class_in(&body), class, "{body}");
        }
    }

    #[test]
    fn queues_are_told_by_what_they_are_for() {
        let of = |name: &str| queue(&json!({ "QueueUrl": format!("http://x/0/hub-{name}") }));
        assert_eq!(of("events"), "events");
        assert_eq!(of("acme-live"), "live");
        assert_eq!(of("acme-dlq"), "dlq");
        assert_eq!(of("events-dlq"), "dlq");
    }
}
