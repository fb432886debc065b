//! `$batch`: requests in one multipart body, and the answers in another. It knows no records.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::operation::Reply;

/// A boundary stands at the beginning of a line, and JSON on one line begins with none: nothing that anybody
/// says can end a part.
const BATCH: &str = "batch_liveprompt";
const CHANGE_SET: &str = "changeset_liveprompt";
pub(super) const KIND: HeaderValue =
    HeaderValue::from_static("multipart/mixed; boundary=batch_liveprompt");
/// Each part is answered, whatever became of those before it.
pub(super) const GO_ON: HeaderValue = HeaderValue::from_static("odata.continue-on-error");

/// A request inside a batch: a path below the version, headers, a body.
pub(super) struct Inner {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: &'static [&'static str],
    pub(super) body: Option<Value>,
}

/// A part of a batch.
pub(super) enum Part {
    /// Read by itself.
    Single(Inner),
    /// Written whole or not at all, in this order.
    ChangeSet(Vec<Inner>),
}

/// The body of a batch.
pub(super) fn written(base: &str, parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        let _ = write!(text, "--{BATCH}\r\n");
        match part {
            Part::Single(inner) => http(&mut text, base, inner, None),
            Part::ChangeSet(requests) => {
                let _ = write!(
                    text,
                    "Content-Type: multipart/mixed; boundary={CHANGE_SET}\r\n\r\n"
                );
                for (number, inner) in (1..).zip(requests) {
                    let _ = write!(text, "--{CHANGE_SET}\r\n");
                    http(&mut text, base, inner, Some(number));
                }
                let _ = write!(text, "--{CHANGE_SET}--\r\n");
            }
        }
    }
    let _ = write!(text, "--{BATCH}--\r\n");
    text
}

fn http(text: &mut String, base: &str, inner: &Inner, number: Option<u32>) {
    text.push_str("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
    if let Some(number) = number {
        let _ = write!(text, "Content-ID: {number}\r\n");
    }
    let _ = write!(
        text,
        "\r\n{} {base}/{} HTTP/1.1\r\nAccept: application/json\r\n",
        inner.method, inner.path
    );
    for header in inner.headers {
        let _ = write!(text, "{header}\r\n");
    }
    match &inner.body {
        Some(body) => {
            let _ = write!(text, "Content-Type: application/json\r\n\r\n{body}\r\n");
        }
        None => text.push_str("\r\n"),
    }
}

/// The answers, one per part: of a change set that was written the first, of one that was not its refusal.
/// `None` for what is no batch.
pub(super) fn answers(reply: &Reply) -> Option<Vec<Reply>> {
    let kind = reply.header("content-type")?;
    let text = std::str::from_utf8(&reply.body).ok()?;
    let parts = divided(kind, text)?;
    parts.iter().map(|part| answer(part, reply)).collect()
}

/// What stands between the boundaries.
fn divided<'a>(kind: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let (_, boundary) = kind.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    let line = format!("--{boundary}");
    if boundary.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    let (mut start, mut at) = (None, 0);
    for whole in text.split_inclusive('\n') {
        let (here, words) = (at, whole.trim_end());
        at += whole.len();
        if let Some(rest) = words
            .strip_prefix(line.as_str())
            .filter(|rest| matches!(*rest, "" | "--"))
        {
            if let Some(start) = start {
                parts.push(text.get(start..here)?);
            }
            if rest == "--" {
                return Some(parts);
            }
            start = Some(at);
        }
    }
    None
}

/// Headers up to the empty line, and the rest.
fn headers(text: &str) -> (HeaderMap, &str) {
    let mut headers = HeaderMap::new();
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        at += whole.len();
        let line = whole.trim_end();
        if line.is_empty() {
            break;
        }
        let pair = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim().parse().ok()?;
            Some((name, value.trim().parse::<HeaderValue>().ok()?))
        });
        if let Some((name, value)) = pair {
            headers.insert(name, value);
        }
    }
    (headers, text.get(at..).unwrap_or_default())
}

fn answer(part: &str, reply: &Reply) -> Option<Reply> {
    let (head, rest) = headers(part);
    let kind = head
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if kind.starts_with("multipart/mixed") {
        let inner = divided(kind, rest)?;
        return answer(inner.first()?, reply);
    }
    let (line, rest) = rest.split_once('\n')?;
    let status: u16 = line.split_whitespace().nth(1)?.parse().ok()?;
    let (headers, body) = headers(rest);
    Some(Reply {
        status: StatusCode::from_u16(status).ok()?,
        headers,
        body: bytes::Bytes::copy_from_slice(body.trim().as_bytes()),
        at: reply.at,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_that_anybody_says_ends_a_part() {
        let said = "\r\n--batch_liveprompt--\r\n--changeset_liveprompt\r\n";
        let inner = Inner {
            method: "PATCH",
            path: "tasks(1)".to_owned(),
            headers: &["If-None-Match: *"],
            body: Some(json!({ "subject": said })),
        };
        let text = written("/api/data/v9.2", &[Part::ChangeSet(vec![inner])]);
        let marks = text
            .split("\r\n")
            .filter(|line| line.starts_with("--"))
            .count();
        assert_eq!(marks, 4, "{text}");
    }

    #[test]
    fn answers_come_apart() {
        let part = |status: &str, body: &str| {
            format!(
                "Content-Type: application/http\r\n\r\nHTTP/1.1 {status}\r\nRetry-After: 7\r\n\r\n{body}\r\n"
            )
        };
        let set = format!(
            "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n{}--c\r\n{}--c--\r\n",
            part("204 No Content", ""),
            part("204 No Content", "")
        );
        let text = format!(
            "--b\r\n{}--b\r\n{set}--b\r\n{}--b--\r\n",
            part("200 OK", "{\"a\":1}"),
            part("412 X", "{}")
        );
        let mut reply = Reply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: text.clone().into(),
            at: hub_domain::Timestamp::UNIX_EPOCH,
        };
        assert!(answers(&reply).is_none());
        reply.headers.insert(
            "content-type",
            HeaderValue::from_static("multipart/mixed; boundary=\"b\""),
        );
        let found = answers(&reply).unwrap();
        let statuses: Vec<u16> = found.iter().map(|reply| reply.status.as_u16()).collect();
        assert_eq!(statuses, [200, 204, 412]);
        assert_eq!(found[0].json().unwrap(), json!({ "a": 1 }));
        assert_eq!(found[2].header("retry-after"), Some("7"));
        let cut = text.len() / 2;
        reply.body = text[..cut].to_owned().into();
        assert!(
            answers(&reply).is_none(),
            "a body that was cut off has no answers"
        );
    }
}
