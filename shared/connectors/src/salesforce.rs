//! Salesforce: a session is one graph of upserts, and a call carries up to 75 of them.
//!
//! What it decides, beyond the manifest:
//! - A graph is written whole or not at all. Where one record is refused, the others are `Retry`, so
//!   that the engine sends them again without it.
//! - Only [`Overwrite::Always`](hub_domain::mapping::Overwrite::Always) is carried out. The other policies need the field's present value,
//!   which an upsert does not read: a mapping that asks for one is `Misconfigured`, and nothing is sent.
//! - `WhoId` and `WhatId` are set on `Event` and `Task` alone; other objects have no such fields.
//! - Nothing is ever cleared: a null would, so it is left out.
//! - A look-up reads the 200 contacts and 200 leads changed last, and no further page.

mod body;
mod read;
mod reply;

use bytes::Bytes;
use hub_domain::{Connection, Plan, Verdict, Write};
use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use crate::{
    connector::{Connector, UNRESERVED, json_request},
    grouped::within,
    manifest::Manifest,
    operation::{Answer, Operation, Reply},
    refusal::misnamed,
};

/// Queries in one composite call.
const MOST_QUERIES: usize = 5;
/// Keys in one query, if that many queries suffice.
const KEYS_IN_A_QUERY: usize = 50;

pub(crate) fn connector(manifest: Manifest) -> Salesforce {
    Salesforce { manifest }
}

/// The connector.
pub(crate) struct Salesforce {
    manifest: Manifest,
}

impl Connector for Salesforce {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn request(
        &self,
        operation: &Operation,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let key_field = identifier(self.manifest.setting(&link.settings, "key_field"))?;
        match operation {
            Operation::FindPeople { emails } => {
                let list = quoted(emails.iter().map(String::as_str));
                let newest = "ORDER BY LastModifiedDate DESC LIMIT 200";
                self.queries(
                    link,
                    &[
                        format!("SELECT Id,Email,AccountId,LastModifiedDate FROM Contact WHERE Email IN ({list}) {newest}"),
                        format!("SELECT Id,Email,LastModifiedDate FROM Lead WHERE IsConverted=false AND Email IN ({list}) {newest}"),
                    ],
                )
            }
            Operation::Write { plans } => {
                let graphs = self.graphs(plans, link, key_field)?;
                json_request(
                    link,
                    http::Method::POST,
                    &self.path("composite/graph"),
                    Some(&json!({ "graphs": graphs })),
                )
            }
            Operation::Describe { object } => {
                let object = identifier(object)?;
                json_request(
                    link,
                    http::Method::GET,
                    &self.path(&format!("sobjects/{object}/describe")),
                    None,
                )
            }
            Operation::ReadBack { object, keys, .. } => {
                let object = identifier(object)?;
                let keys: Vec<String> = keys.iter().map(|key| stored_key(key)).collect();
                let queries: Vec<String> = keys
                    .chunks(keys.len().div_ceil(MOST_QUERIES).max(KEYS_IN_A_QUERY))
                    .map(|keys| quoted(keys.iter().map(String::as_str)))
                    .map(|list| {
                        format!("SELECT Id,{key_field} FROM {object} WHERE {key_field} IN ({list})")
                    })
                    .collect();
                self.queries(link, &queries)
            }
        }
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        reply::written(&self.manifest, plans, reply)
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        read::answer(&self.manifest, operation, reply)
    }
}

impl Salesforce {
    fn path(&self, rest: &str) -> String {
        format!("/services/data/{}/{rest}", self.manifest.api.version)
    }

    /// Queries in one composite call, which counts once against the day's limit; each part of a
    /// `composite/batch` would count.
    fn queries(
        &self,
        link: &Connection,
        queries: &[String],
    ) -> Result<http::Request<Bytes>, Verdict> {
        let parts: Vec<Value> = queries
            .iter()
            .enumerate()
            .map(|(index, query)| {
                let url = self.path(&format!(
                    "query?q={}",
                    utf8_percent_encode(query, UNRESERVED)
                ));
                json!({ "method": "GET", "url": url, "referenceId": query_id(index) })
            })
            .collect();
        json_request(
            link,
            http::Method::POST,
            &self.path("composite"),
            Some(&json!({ "compositeRequest": parts })),
        )
    }

    fn graphs(
        &self,
        plans: &[Plan],
        link: &Connection,
        key_field: &str,
    ) -> Result<Vec<Value>, Verdict> {
        within(plans, self.manifest.batch)?;
        let shared = self.manifest.setting(&link.settings, "shared_activities") == "on";
        let node = |(index, write): (usize, &Write)| {
            let object = identifier(&write.object)?;
            let key = stored_key(&write.key);
            Ok(json!({
                "method": "PATCH",
                "url": self.path(&format!("sobjects/{object}/{key_field}/{}", utf8_percent_encode(&key, UNRESERVED))),
                "referenceId": node_id(index),
                "body": body::body(write, key_field, shared)?,
            }))
        };
        let graph = |(index, plan): (usize, &Plan)| {
            let nodes = plan
                .writes
                .iter()
                .enumerate()
                .map(node)
                .collect::<Result<Vec<_>, Verdict>>()?;
            Ok(json!({ "graphId": graph_id(index), "compositeRequest": nodes }))
        };
        plans
            .iter()
            .enumerate()
            .filter(|(_, plan)| !plan.writes.is_empty())
            .map(graph)
            .collect()
    }
}

/// A plan's name within a call.
fn graph_id(index: usize) -> String {
    format!("p{index}")
}

/// A write's name within its graph.
fn node_id(index: usize) -> String {
    format!("w{index}")
}

/// A query's name within a call.
fn query_id(index: usize) -> String {
    format!("q{index}")
}

/// Our key as the org holds it. A value that ends like a file name (`x.inc`) is answered with 404, so
/// dots become tildes, which our keys do not have.
fn stored_key(key: &str) -> String {
    key.replace('.', "~")
}

/// An object's or field's name, which goes into paths and queries as it is.
fn identifier(name: &str) -> Result<&str, Verdict> {
    let right = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    right
        .then_some(name)
        .ok_or_else(|| misnamed(name, "the API name of an object or a field"))
}

/// Texts as a list of SOQL literals.
fn quoted<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(literal).collect::<Vec<_>>().join(",")
}

fn literal(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '\u{8}' => literal.push_str("\\b"),
            '\u{c}' => literal.push_str("\\f"),
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_leave_its_literal() {
        for (text, wanted) in [
            ("ada@acme.example", r"'ada@acme.example'"),
            ("o'neil", r"'o\'neil'"),
            (r"a\' OR Name LIKE '%", r"'a\\\' OR Name LIKE \'%'"),
            ("\"a\n\r\t\u{8}\u{c}", r#"'\"a\n\r\t\b\f'"#),
        ] {
            assert_eq!(literal(text), wanted);
        }
    }

    #[test]
    fn a_name_is_not_a_piece_of_a_path_or_a_query() {
        for (name, right) in [
            ("Event", true),
            ("acme__Key__c", true),
            ("", false),
            ("_x", false),
            ("A/B", false),
            ("A B", false),
            ("Ä", false),
        ] {
            assert_eq!(identifier(name).is_ok(), right, "{name}");
        }
    }
}
