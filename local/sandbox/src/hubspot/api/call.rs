//! A request as the API sees it: which version, which part of it, what is asked.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::hubspot::errors::{Outcome, Refusal};

/// The versions that are served. They behave alike but for a few statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hubspot) enum Version {
    V3,
    V4,
    March2026,
    September2026,
}

impl Version {
    pub(in crate::hubspot) fn parse(text: &str) -> Option<Self> {
        match text {
            "v3" => Some(Self::V3),
            "v4" => Some(Self::V4),
            "2026-03" => Some(Self::March2026),
            "2026-09" => Some(Self::September2026),
            _ => None,
        }
    }

    /// Whether it is one of those that replace v3 and v4.
    pub(super) fn dated(self) -> bool {
        matches!(self, Self::March2026 | Self::September2026)
    }
}

#[derive(Debug)]
pub(in crate::hubspot) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) version: Version,
    /// `objects`, `associations`, `properties` and so on.
    pub(super) part: String,
    /// The decoded path segments behind part and version.
    pub(super) rest: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(in crate::hubspot) body: Option<Value>,
}

impl Call {
    /// Reads a path: `/crm/v3/objects/…` and `/crm/objects/2026-09/…` mean the same. `None` when it
    /// is none of this API's.
    pub(in crate::hubspot) fn from_url(method: &str, path: &str, query: &str) -> Option<Self> {
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let mut segments: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
        let first = segments.first()?.clone();
        segments.remove(0);
        let (place, part) = match first.as_str() {
            "crm" => {
                let place = segments
                    .iter()
                    .take(2)
                    .position(|s| Version::parse(s).is_some())?;
                (place, segments.get(1 - place)?.clone())
            }
            "account-info" | "appinstalls" => (0, first),
            _ => return None,
        };
        let version = Version::parse(segments.get(place)?)?;
        let skip = if place == 0 && segments.get(1) != Some(&part) {
            1
        } else {
            2
        };
        let rest = segments.into_iter().skip(skip).collect();
        Some(Self {
            method: method.to_owned(),
            path: path.to_owned(),
            version,
            part,
            rest,
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            body: None,
        })
    }

    /// Whether it counts as a search, which has a limit of its own.
    pub(in crate::hubspot) fn is_search(&self) -> bool {
        self.part == "objects"
            && self.rest.len() == 2
            && self.rest.last().is_some_and(|s| s == "search")
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut query = self.query.iter();
        let (_, value) = query.find(|(key, _)| key == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// The values of a parameter that is given several times or with commas.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let given = self.query.iter().filter(|(key, _)| key == name);
        let given = given.flat_map(|(_, value)| value.split(','));
        let given = given.map(str::trim).filter(|one| !one.is_empty());
        given.map(str::to_owned).collect()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.parameter(name)
            .is_some_and(|given| given.eq_ignore_ascii_case("true"))
    }

    /// The page size that is asked for.
    pub(super) fn limit(&self, default: usize, most: usize) -> Outcome<usize> {
        let Some(text) = self.parameter("limit") else {
            return Ok(default);
        };
        match text.parse() {
            Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
            _ => Err(Refusal::validation(format!(
                "The value {text} for limit is not between 1 and {most}"
            ))),
        }
    }

    /// The body; a call that needs one and has none is refused.
    pub(super) fn body(&self) -> Outcome<&Value> {
        let body = self.body.as_ref();
        let why = "No content to map due to end-of-input";
        let body = body.ok_or_else(|| Refusal::json(1, 0, why))?;
        if body.is_object() {
            Ok(body)
        } else {
            Err(Refusal::shape("body"))
        }
    }

    /// The `inputs` of a batch, at most so many.
    pub(super) fn inputs(&self, most: usize) -> Outcome<&Vec<Value>> {
        let inputs = match self.body()?.get("inputs") {
            Some(Value::Array(inputs)) => inputs,
            None | Some(Value::Null) => return Err(Refusal::fields_missing(&["inputs"])),
            Some(_) => return Err(Refusal::shape("inputs")),
        };
        if inputs.is_empty() || inputs.len() > most {
            return Err(Refusal::validation(format!(
                "The number of inputs has to be between 1 and {most}, there are {}",
                inputs.len()
            )));
        }
        Ok(inputs)
    }
}

/// A list of texts in a body; absent means empty.
pub(super) fn texts(body: &Value, name: &str) -> Outcome<Vec<String>> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            let list: Option<Vec<String>> =
                list.iter().map(|v| v.as_str().map(str::to_owned)).collect();
            list.ok_or_else(|| Refusal::shape(name))
        }
        Some(_) => Err(Refusal::shape(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, Version};

    #[test]
    fn every_version_says_the_same() {
        for (path, version) in [
            ("/crm/v3/objects/contacts/a%2Bb%40x.com", Version::V3),
            ("/crm/v4/objects/contacts/a%2Bb%40x.com", Version::V4),
            (
                "/crm/objects/2026-03/contacts/a%2Bb%40x.com",
                Version::March2026,
            ),
            (
                "/crm/objects/2026-09/contacts/a%2Bb%40x.com",
                Version::September2026,
            ),
        ] {
            let call = Call::from_url("GET", path, "").map(|c| (c.version, c.part, c.rest));
            let rest = vec!["contacts".to_owned(), "a+b@x.com".to_owned()];
            assert_eq!(call, Some((version, "objects".to_owned(), rest)), "{path}");
        }
        assert!(Call::from_url("GET", "/crm/objects/2027-03/contacts", "").is_none());
        let info = Call::from_url("GET", "/account-info/v3/details", "");
        assert_eq!(info.map(|c| c.rest), Some(vec!["details".to_owned()]));
    }
}
