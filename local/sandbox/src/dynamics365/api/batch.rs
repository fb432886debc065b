//! `$batch`: requests in one multipart body. A change set in it is written whole or not at all, and answered
//! with one part where it fails.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Request;

use super::method;
use crate::dynamics365::environment::Environment;
use crate::dynamics365::refusal::{Outcome, Refusal};
use crate::oauth::{Answer, header};

/// The requests one batch takes.
const MOST: usize = 1_000;

/// One request inside, with the id a change set gives it.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) content_id: Option<String>,
    method: String,
    address: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// A part: a request, or a change set.
#[derive(Debug)]
pub(crate) enum Part {
    Single(Inner),
    ChangeSet(Vec<Inner>),
}

impl Part {
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::ChangeSet(requests) => requests.len(),
        }
    }
}

/// The parts of a batch.
pub(crate) fn parts(request: &Request<Bytes>) -> Outcome<Vec<Part>> {
    let kind = header(request, "content-type").unwrap_or_default();
    let body = String::from_utf8_lossy(request.body());
    let found = divided(kind, &body)?
        .into_iter()
        .map(|part| read(&part))
        .collect::<Outcome<Vec<Part>>>()?;
    let count: usize = found.iter().map(Part::count).sum();
    if count > MOST {
        let message = format!("The batch has {count} requests. The maximum is {MOST}.");
        return Err(Refusal::new(400, "0x80060888", message));
    }
    Ok(found)
}

fn wrong(detail: &str) -> Refusal {
    Refusal::new(
        400,
        "0x80048d19",
        format!("The batch request is not valid: {detail}"),
    )
}

/// What stands between the boundaries.
fn divided(kind: &str, body: &str) -> Outcome<Vec<String>> {
    let boundary = kind
        .split(';')
        .find_map(|part| part.trim().strip_prefix("boundary="))
        .map(|boundary| boundary.trim_matches('"'))
        .filter(|_| kind.starts_with("multipart/mixed"))
        .ok_or_else(|| wrong("the content type is not multipart/mixed with a boundary"))?;
    if !body.contains("\r\n") {
        return Err(wrong("lines have to end with CRLF"));
    }
    let line = format!("--{boundary}");
    let (mut parts, mut open): (Vec<String>, Option<String>) = (Vec::new(), None);
    for text in body.split("\r\n") {
        if let Some(rest) = text
            .strip_prefix(line.as_str())
            .filter(|rest| matches!(rest.trim(), "" | "--"))
        {
            parts.extend(open.take());
            if rest.trim() == "--" {
                return Ok(parts);
            }
            open = Some(String::new());
        } else if let Some(open) = &mut open {
            open.push_str(text);
            open.push_str("\r\n");
        }
    }
    Err(wrong("the last boundary is missing"))
}

/// Headers up to the empty line, and the rest.
fn headers(text: &str) -> (Vec<(String, String)>, &str) {
    let (head, rest) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let pairs = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let pairs =
        pairs.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    (pairs.collect(), rest)
}

fn named<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn read(part: &str) -> Outcome<Part> {
    let (head, rest) = headers(part);
    let kind = named(&head, "content-type").unwrap_or_default();
    if kind.starts_with("multipart/mixed") {
        let requests = divided(kind, rest)?
            .iter()
            .map(|part| match read(part)? {
                Part::Single(inner) if inner.method == "GET" => {
                    Err(wrong("a GET request is not allowed in a change set"))
                }
                Part::Single(inner) => Ok(inner),
                Part::ChangeSet(_) => Err(wrong("a change set within a change set")),
            })
            .collect::<Outcome<Vec<Inner>>>()?;
        return Ok(Part::ChangeSet(requests));
    }
    if !kind.starts_with("application/http") {
        return Err(wrong(
            "a part has to be application/http or multipart/mixed",
        ));
    }
    let (line, rest) = rest.split_once("\r\n").unwrap_or((rest, ""));
    let mut words = line.split(' ');
    let (Some(method), Some(address)) = (words.next(), words.next()) else {
        return Err(wrong("a part has no request line"));
    };
    // A request without headers has an empty line at once.
    let (headers, body) = match rest.strip_prefix("\r\n") {
        Some(body) => (Vec::new(), body),
        None => headers(rest),
    };
    Ok(Part::Single(Inner {
        content_id: named(&head, "content-id").map(str::to_owned),
        method: method.to_owned(),
        address: address.to_owned(),
        headers,
        body: body.trim_end_matches("\r\n").to_owned(),
    }))
}

impl Inner {
    /// The request as it would come alone. `made` has the records of earlier parts, by the ids given to them.
    fn request(&self, base_url: &str, made: &[(String, String)]) -> Outcome<Request<Bytes>> {
        let mut address = self.address.clone();
        if let Some(rest) = self.address.strip_prefix('$') {
            let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let known = made.iter().find(|(known, _)| known == id);
            if let Some((_, link)) = known {
                address = if rest.is_empty() {
                    link.clone()
                } else {
                    format!("{link}/{rest}")
                };
            } else if id.chars().all(|c| c.is_ascii_digit()) {
                return Err(unknown(id));
            }
        }
        let mut body = self.body.clone();
        // Referring to records of earlier parts: `"$1"`, `"/$1"`.
        for (place, _) in self
            .body
            .match_indices("\"$")
            .chain(self.body.match_indices("\"/$"))
        {
            let text: String = self
                .body
                .get(place..)
                .unwrap_or_default()
                .chars()
                .take(20)
                .collect();
            let id: String = text
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            let whole = [format!("\"${id}\""), format!("\"/${id}\"")];
            if id.is_empty() || !whole.iter().any(|whole| text.starts_with(whole.as_str())) {
                continue;
            }
            let known = made.iter().find(|(known, _)| *known == id);
            let (_, link) = known.ok_or_else(|| unknown(&id))?;
            for whole in whole {
                body = body.replace(&whole, &format!("\"{link}\""));
            }
        }
        // An address may be whole, begin with a slash, or stand below the version.
        let address = match address.split_once("://") {
            Some((_, rest)) => rest
                .split_once('/')
                .map_or_else(|| "/".to_owned(), |(_, path)| format!("/{path}")),
            None if address.starts_with('/') => address,
            None => format!("/api/data/v9.2/{address}"),
        };
        let mut request = Request::builder()
            .method(method(&self.method).ok_or_else(|| wrong("an unknown method"))?)
            .uri(format!("{base_url}{}", address.replace(' ', "%20")));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
            .body(Bytes::from(body))
            .map_err(|_| wrong("a request cannot be read"))
    }
}

fn unknown(id: &str) -> Refusal {
    let message = format!("Content-ID Reference: '${id}' does not exist in the batch context.");
    Refusal::new(400, "0x80048d19", message)
}

/// Answers the parts with `one`, which answers a single request.
pub(crate) fn respond(
    env: &mut Environment,
    parts: Vec<Part>,
    continue_on_error: bool,
    mut one: impl FnMut(&mut Environment, &Request<Bytes>) -> Answer,
) -> Answer {
    let boundary = format!("batchresponse_{}", env.fresh());
    let mut body = String::new();
    let mut failed = false;
    for part in parts {
        let (text, failure) = match part {
            Part::Single(inner) => {
                let answer = match inner.request(&env.base_url, &[]) {
                    Ok(request) => one(env, &request),
                    Err(refusal) => refusal.answer(),
                };
                let failure = answer.status >= 400;
                (http(&answer, None), failure)
            }
            Part::ChangeSet(requests) => change_set(env, &requests, &mut one),
        };
        let _ = write!(body, "--{boundary}\r\n{text}");
        failed |= failure;
        if failure && !continue_on_error {
            break;
        }
    }
    let _ = write!(body, "--{boundary}--\r\n");
    let status = if failed && !continue_on_error {
        400
    } else {
        200
    };
    Answer::new(status, "", body)
        .with(
            "content-type",
            format!("multipart/mixed; boundary={boundary}"),
        )
        .with("odata-version", "4.0")
}

fn change_set(
    env: &mut Environment,
    requests: &[Inner],
    one: &mut impl FnMut(&mut Environment, &Request<Bytes>) -> Answer,
) -> (String, bool) {
    let boundary = format!("changesetresponse_{}", env.fresh());
    let mut text = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n");
    let mut made: Vec<(String, String)> = Vec::new();
    env.begin();
    for inner in requests {
        let answer = match inner.request(&env.base_url, &made) {
            Ok(request) => one(env, &request),
            Err(refusal) => refusal.answer(),
        };
        if answer.status >= 400 {
            env.take_back();
            return (http(&answer, inner.content_id.as_deref()), true);
        }
        let link = answer
            .headers
            .iter()
            .find(|(name, _)| *name == "odata-entityid");
        if let (Some(id), Some((_, link))) = (&inner.content_id, link) {
            made.push((id.clone(), link.clone()));
        }
        let _ = write!(
            text,
            "--{boundary}\r\n{}",
            http(&answer, inner.content_id.as_deref())
        );
    }
    env.keep();
    let _ = write!(text, "--{boundary}--\r\n");
    (text, false)
}

/// An answer as a part.
fn http(answer: &Answer, content_id: Option<&str>) -> String {
    let mut text =
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n".to_owned();
    if let Some(id) = content_id {
        let _ = write!(text, "Content-ID: {id}\r\n");
    }
    let reason = http::StatusCode::from_u16(answer.status).ok();
    let reason = reason
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let _ = write!(text, "\r\nHTTP/1.1 {} {reason}\r\n", answer.status);
    if !answer.kind.is_empty() {
        let _ = write!(text, "Content-Type: {}\r\n", answer.kind);
    }
    for (name, value) in &answer.headers {
        let name = match *name {
            "odata-version" => "OData-Version",
            "odata-entityid" => "OData-EntityId",
            "etag" => "ETag",
            "retry-after" => "Retry-After",
            "preference-applied" => "Preference-Applied",
            other => other,
        };
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "\r\n{}\r\n", answer.body);
    text
}
