//! The query options and preferences of a request.

use bytes::Bytes;
use http::Request;

use super::Filter;
use crate::dynamics365::address::split;
use crate::dynamics365::refusal::{Outcome, Refusal};
use crate::oauth::header;

/// More rows than this are never on one page.
const LARGEST_PAGE: usize = 5_000;

#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) select: Option<Vec<String>>,
    pub(crate) filter: Option<Filter>,
    /// A property, and whether it descends.
    pub(crate) orderby: Vec<(String, bool)>,
    pub(crate) top: Option<usize>,
    pub(crate) count: bool,
    pub(crate) expand: Vec<(String, Options)>,
    /// How many rows were on the pages before.
    pub(crate) skip: usize,
}

impl Options {
    pub(crate) fn parse(given: &[(String, String)]) -> Outcome<Self> {
        let mut options = Self::default();
        let list = |text: &str| -> Vec<String> {
            split(text, ',')
                .iter()
                .map(|part| part.trim().to_owned())
                .filter(|part| !part.is_empty())
                .collect()
        };
        let number = |name: &str, text: &str| {
            let number = text.parse::<usize>().ok();
            number.ok_or_else(|| {
                Refusal::query(format!(
                    "Invalid value '{text}' for {name} query option found."
                ))
            })
        };
        for (name, value) in given {
            match name.as_str() {
                "$select" => options.select = Some(list(value)),
                "$filter" => options.filter = Some(Filter::parse(value, given)?),
                "$orderby" => {
                    for part in list(value) {
                        let (path, order) = part.split_once(' ').unwrap_or((&part, "asc"));
                        options
                            .orderby
                            .push((path.to_owned(), order.trim() == "desc"));
                    }
                }
                "$top" => options.top = Some(number("$top", value)?),
                "$count" => options.count = value == "true",
                "$expand" => {
                    for part in list(value) {
                        let (name, inner) = match part.split_once('(') {
                            Some((name, rest)) => (name, rest.strip_suffix(')').unwrap_or(rest)),
                            None => (part.as_str(), ""),
                        };
                        let inner: Vec<(String, String)> = split(inner, ';')
                            .iter()
                            .filter_map(|option| option.split_once('='))
                            .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
                            .collect();
                        options.expand.push((name.to_owned(), Self::parse(&inner)?));
                    }
                }
                "$skiptoken" => options.skip = number("$skiptoken", value)?,
                // The vendor's own words for what it does not do.
                "$skip" => return Err(Refusal::query("Skip Clause is not supported in CRM")),
                "fetchXml" | "$apply" | "savedQuery" | "userQuery" | "$deltatoken" => {
                    let message = format!("The sandbox does not answer {name}.");
                    return Err(Refusal::new(501, "0x80040800", message));
                }
                other if other.starts_with('$') => {
                    return Err(Refusal::query(format!(
                        "The query parameter {other} is not supported"
                    )));
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

/// What `Prefer` asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prefer {
    pub(crate) representation: bool,
    pub(crate) annotations: Vec<String>,
    pub(crate) page: Option<usize>,
    pub(crate) continue_on_error: bool,
}

impl Prefer {
    pub(crate) fn of(request: &Request<Bytes>) -> Self {
        let text = header(request, "prefer").unwrap_or_default();
        let mut prefer = Self::default();
        let mut wanted = String::new();
        let mut quoted = false;
        // Commas separate, except within the quotes of a list of annotations.
        for c in text.chars().chain([',']) {
            match c {
                '"' => quoted = !quoted,
                ',' | ';' if !quoted => {
                    prefer.take(wanted.trim());
                    wanted.clear();
                    continue;
                }
                _ => {}
            }
            wanted.push(c);
        }
        prefer
    }

    fn take(&mut self, wanted: &str) {
        let (name, value) = wanted.split_once('=').unwrap_or((wanted, ""));
        let value = value.trim_matches('"');
        match name {
            "return" => self.representation = value == "representation",
            "odata.include-annotations" => {
                self.annotations = value
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect();
            }
            "odata.maxpagesize" | "maxpagesize" => {
                let size: Option<usize> = value.parse().ok();
                self.page = size
                    .filter(|size| *size > 0)
                    .map(|size| size.min(LARGEST_PAGE));
            }
            "odata.continue-on-error" => self.continue_on_error = value != "false",
            _ => {}
        }
    }

    /// Whether an annotation was asked for.
    pub(crate) fn annotates(&self, name: &str) -> bool {
        self.annotations
            .iter()
            .any(|wanted| match wanted.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => wanted == name,
            })
    }

    /// Rows on a page.
    pub(crate) fn page_size(&self) -> usize {
        self.page.unwrap_or(LARGEST_PAGE)
    }
}
