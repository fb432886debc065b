//! The Web API's errors: where code, message and columns stand, and what is kept of a message.

use hub_domain::{Verdict, Write};

use crate::{
    connector::{Fields, text_at},
    manifest::Manifest,
    operation::Reply,
    refusal::{blameless, discreet},
};

/// The longest message that is kept.
const MOST_CHARS: usize = 300;

/// The error of a reply; empty where it has none.
pub(super) fn error(reply: &Reply) -> Fields {
    let body = reply.json().unwrap_or_default();
    Fields {
        code: text_at(&body, "/error/code"),
        message: tidied(&text_at(&body, "/error/message")),
        fields: Vec::new(),
    }
}

/// The verdict on a call that is about no record, so that none is to blame.
pub(super) fn whole(manifest: &Manifest, reply: &Reply) -> Verdict {
    blameless(manifest.verdict(reply, &error(reply)), reply)
}

/// A message without the library's preamble, addresses of people and whatever is too long.
fn tidied(message: &str) -> String {
    let told = message.rsplit("Microsoft.OData.ODataException: ").next();
    let words: Vec<&str> = told
        .unwrap_or(message)
        .split_whitespace()
        .map(|word| {
            if word.contains('@') && !word.contains("@odata") {
                "…"
            } else {
                word
            }
        })
        .collect();
    words.join(" ").chars().take(MOST_CHARS).collect()
}

/// The error as it is about one record: with the columns of the mapping that it names, and without a message that
/// quotes a value.
pub(super) fn about(error: &Fields, write: &Write) -> Fields {
    let names = |name: &&String| {
        let property = name.strip_suffix("@odata.bind").unwrap_or(name);
        error.message.contains(&format!("'{property}'"))
    };
    Fields {
        code: error.code.clone(),
        message: discreet(&error.message, write),
        fields: write.fields.keys().filter(names).cloned().collect(),
    }
}
