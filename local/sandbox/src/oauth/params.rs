//! Reading what a caller sends: forms in the encodings there are, and the `Authorization` header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, header};
use serde_json::Value;

pub(crate) type Form = Vec<(String, String)>;

/// A parameter; an empty one is as good as none.
pub(crate) fn get<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    let mut form = form.iter();
    let (_, value) = form.find(|(key, _)| key == name)?;
    (!value.is_empty()).then_some(value)
}

/// The words of a parameter, whatever separates them.
pub(crate) fn words(text: Option<&str>, separators: &[char]) -> Vec<String> {
    let words = text.unwrap_or_default().split(separators);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(crate) fn query(request: &Request<Bytes>) -> Form {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// The body as a form, whatever its type says.
pub(crate) fn urlencoded(request: &Request<Bytes>) -> Form {
    form_urlencoded::parse(request.body())
        .into_owned()
        .collect()
}

/// The body as a JSON object; `None` when it is none.
pub(crate) fn json_form(request: &Request<Bytes>) -> Option<Form> {
    let body: Value = serde_json::from_slice(request.body()).ok()?;
    let texts = body.as_object()?.iter().map(|(name, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    });
    Some(texts.collect())
}

/// The body as `multipart/form-data`.
pub(crate) fn multipart(request: &Request<Bytes>) -> Form {
    let kind = header(request, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let boundary = kind
        .split(';')
        .find_map(|part| part.trim().strip_prefix("boundary="));
    let Some(boundary) = boundary.map(|boundary| boundary.trim_matches('"')) else {
        return Form::new();
    };
    let body = String::from_utf8_lossy(request.body());
    let line = format!("--{boundary}");
    body.split(line.as_str())
        .filter_map(|part| {
            let (head, value) = part.split_once("\r\n\r\n")?;
            let name = head.split_once("name=\"")?.1.split('"').next()?;
            let value = value.strip_suffix("\r\n").unwrap_or(value);
            Some((name.to_owned(), value.to_owned()))
        })
        .collect()
}

/// A header as text.
pub(crate) fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// The type of the body in lower case, without its parameters.
pub(crate) fn content_type(request: &Request<Bytes>) -> String {
    let kind = header(request, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

/// What follows the scheme in `Authorization`.
pub(crate) fn credential<'a>(request: &'a Request<Bytes>, scheme: &str) -> Option<&'a str> {
    let value = header(request, header::AUTHORIZATION.as_str())?;
    let (found, rest) = value.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then_some(rest.trim())
}

/// User and password of `Authorization: Basic`.
pub(crate) fn basic(request: &Request<Bytes>) -> Option<(String, String)> {
    let pair = STANDARD.decode(credential(request, "Basic")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: &str, body: &'static str) -> Request<Bytes> {
        Request::post("http://a.example/?q=1")
            .header("content-type", kind)
            .header("authorization", "basic YTpiOmM=")
            .body(Bytes::from(body))
            .unwrap()
    }

    #[test]
    fn every_encoding_gives_the_same_form() {
        let form = request("application/x-www-form-urlencoded; charset=utf-8", "a=1+2");
        assert_eq!(get(&urlencoded(&form), "a"), Some("1 2"));
        assert_eq!(content_type(&form), "application/x-www-form-urlencoded");
        assert_eq!(get(&query(&form), "q"), Some("1"));
        let json = request("application/json", r#"{"a":"1 2","n":3}"#);
        let json = json_form(&json).unwrap();
        assert_eq!((get(&json, "a"), get(&json, "n")), (Some("1 2"), Some("3")));
        let parts = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1 2\r\n--x--\r\n";
        let parts = request("multipart/form-data; boundary=x", parts);
        assert_eq!(get(&multipart(&parts), "a"), Some("1 2"));
        assert_eq!(
            basic(&parts),
            Some(("a".to_owned(), "b:c".to_owned())),
            "a password may have colons"
        );
    }
}
