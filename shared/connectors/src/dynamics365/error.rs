//! The Web API's errors: where code, message and columns stand, and what is kept of a message.

use hub_domain::{Verdict, Write};

use crate::{
    connector::{Fields, text_at},
    manifest::Manifest,
    operation::Reply,
};

/// The longest message that is kept.
const MOST_CHARS: usize = 300;

pub(super) fn unreadable(what: &str) -> Verdict {
    Verdict::Bug {
        reason: format!("an answer that cannot be read: {what}"),
    }
}

/// The error of a reply; empty where it has none.
pub(super) fn error(reply: &Reply) -> Fields {
    let body = reply.json().unwrap_or_default();
    Fields {
        code: text_at(&body, "/error/code"),
        message: tidied(&text_at(&body, "/error/message")),
        fields: Vec::new(),
    }
}

/// The verdict on a reply that is refused as a whole.
pub(super) fn whole(manifest: &Manifest, reply: &Reply) -> Verdict {
    manifest.verdict(reply, &error(reply))
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
    let quotes = write
        .fields
        .values()
        .filter_map(|field| field.value.as_str())
        .any(|value| value.chars().count() > 2 && error.message.contains(value.trim()));
    Fields {
        code: error.code.clone(),
        message: if quotes {
            "the record was refused because of a value".to_owned()
        } else {
            error.message.clone()
        },
        fields: write.fields.keys().filter(names).cloned().collect(),
    }
}
