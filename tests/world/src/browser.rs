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
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for input in page.split("type=\"hidden\" name=\"").skip(1) {
        let mut parts = input.split('"');
        let name = parts.next().unwrap_or_default();
        let value = parts.nth(1).unwrap_or_default();
        form.append_pair(name, &value.replace("&amp;", "&"));
    }
    form.finish()
}

/// A form as a browser posts it.
pub fn post_of(path: &str, fields: &str) -> Request<Bytes> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(fields.to_owned()))
        .expect("a request")
}
