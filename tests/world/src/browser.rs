//! What a browser makes of the pages of an authorization.

use bytes::Bytes;
use http::{Request, header};

use crate::Reply;

/// Where `connect` sends the browser.
pub fn address(begun: &Reply) -> String {
    let json = begun.json();
    json.get("authorize_url")
        .and_then(serde_json::Value::as_str)
        .expect("an address")
        .to_owned()
}

/// The cookie that an answer sets, as a browser sends it.
pub fn cookie(reply: &Reply) -> String {
    let set = reply.header("set-cookie").split(';').next();
    set.unwrap_or_default().to_owned()
}

/// The hidden fields of a page, as its form is sent.
pub fn fields(page: &str) -> String {
    let form = hub_samples::Form::of(page);
    form.map(|form| form.body()).unwrap_or_default()
}

/// A form as a browser posts it.
pub fn post_of(path: &str, fields: &str) -> Request<Bytes> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(fields.to_owned()))
        .expect("a request")
}
