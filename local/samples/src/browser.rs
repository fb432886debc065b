//! What a browser makes of the pages of an authorization.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, header};
use url::{Url, form_urlencoded};

/// The form of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Where it is posted.
    pub action: String,
    /// Its hidden fields, in their order.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The first form of a page; `None` for a page without one.
    #[must_use]
    pub fn of(page: &str) -> Option<Self> {
        let (_, form) = page.split_once("<form method=\"post\" action=\"")?;
        let (action, inputs) = form.split_once('"')?;
        let mut fields = Vec::new();
        for input in inputs.split("type=\"hidden\" name=\"").skip(1) {
            let (name, rest) = input.split_once('"')?;
            let (_, value) = rest.split_once("value=\"")?;
            let (value, _) = value.split_once('"')?;
            let value = value.replace("&quot;", "\"").replace("&amp;", "&");
            fields.push((name.to_owned(), value));
        }
        let action = action.to_owned();
        Some(Self { action, fields })
    }

    /// The body that a browser posts.
    #[must_use]
    pub fn body(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.fields)
            .finish()
    }
}

/// What a CRM's consent sends the browser back with, be it in an address or in a form that the browser
/// posts; nothing where it does not send it back.
#[must_use]
pub fn way_back(answer: &Response<Bytes>) -> BTreeMap<String, String> {
    let Some(location) = answer.headers().get(header::LOCATION) else {
        let form = Form::of(&String::from_utf8_lossy(answer.body()));
        return form.map(|form| form.fields).into_iter().flatten().collect();
    };
    let location = location.to_str().ok();
    let url = location.and_then(|location| Url::parse(location).ok());
    url.iter()
        .flat_map(Url::query_pairs)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<form method=\"post\" action=\"http://hub.example/back\">\n\
                        <input type=\"hidden\" name=\"code\" value=\"a&amp;b\">\n\
                        <input type=\"hidden\" name=\"state\" value=\"s 1\">\n</form>";

    #[test]
    fn a_form_is_posted_as_a_browser_does() {
        let form = Form::of(PAGE).unwrap();
        assert_eq!(form.action, "http://hub.example/back");
        assert_eq!(form.body(), "code=a%26b&state=s+1");
        assert!(Form::of("<p>Hello</p>").is_none());
    }

    #[test]
    fn a_browser_comes_back_by_an_address_or_a_form() {
        let address = Response::builder()
            .status(302)
            .header("location", "http://hub.example/back?code=a%26b&state=s+1")
            .body(Bytes::new());
        let form = Response::new(Bytes::from_static(PAGE.as_bytes()));
        let by_address = way_back(&address.unwrap());
        assert_eq!(by_address.get("code").map(String::as_str), Some("a&b"));
        assert_eq!(by_address, way_back(&form));
        assert!(way_back(&Response::new(Bytes::new())).is_empty());
    }
}
