//! What is kept of a refusal, whichever CRM it comes from.

use hub_domain::{FieldFault, Verdict, Write};

use crate::operation::Reply;

/// The longest message that is kept.
const MOST_CHARS: usize = 300;

/// The verdict on an answer that is not what the CRM says it gives.
pub(crate) fn unreadable(what: &str) -> Verdict {
    Verdict::Bug {
        reason: format!("an answer that cannot be read: {what}"),
    }
}

/// The verdict on a write that is read like an answer.
pub(crate) fn answers_nothing() -> Verdict {
    Verdict::Bug {
        reason: "a write has verdicts, it answers nothing".to_owned(),
    }
}

/// The verdict on a name of the customer's that could not stand in a path or a query as it is.
pub(crate) fn misnamed(name: &str, what: &str) -> Verdict {
    Verdict::Misconfigured {
        reason: format!("'{name}' is not {what}"),
    }
}

/// The faults of a record that was refused, or the verdict that is none of that.
pub(crate) fn rejected(verdict: Verdict) -> Result<Vec<FieldFault>, Verdict> {
    match verdict {
        Verdict::Reject(faults) => Ok(faults),
        verdict @ (Verdict::Done { .. }
        | Verdict::Skip(_)
        | Verdict::Retry { .. }
        | Verdict::Throttle { .. }
        | Verdict::Refresh
        | Verdict::Reauthorize { .. }
        | Verdict::Misconfigured { .. }
        | Verdict::Bug { .. }) => Err(verdict),
    }
}

/// The verdict on a record that may be refused for a link to somebody who was deleted since the look-up: with
/// the next attempt everybody is looked up again.
pub(crate) fn or_look_again(verdict: Verdict, is_about_link: bool, reason: String) -> Verdict {
    match rejected(verdict) {
        Ok(_) if is_about_link => Verdict::Retry {
            after: None,
            reason,
        },
        Ok(faults) => Verdict::Reject(faults),
        Err(verdict) => verdict,
    }
}

/// The verdict on a call that is about no record: none is parked for it.
pub(crate) fn blameless(verdict: Verdict, reply: &Reply) -> Verdict {
    let faults = match rejected(verdict) {
        Ok(faults) => faults,
        Err(verdict) => return verdict,
    };
    let mut reason = format!(
        "a call that was refused as a whole: {}",
        reply.status.as_u16()
    );
    for fault in faults.iter().take(1) {
        for part in [&fault.code, &fault.message] {
            if !part.is_empty() {
                reason.push(' ');
                reason.push_str(part);
            }
        }
    }
    Verdict::Bug { reason }
}

/// A message that is not too long, without e-mail addresses.
pub(crate) fn short(message: &str) -> String {
    let words: Vec<&str> = message
        .split_whitespace()
        .map(|word| if word.contains('@') { "…" } else { word })
        .collect();
    words.join(" ").chars().take(MOST_CHARS).collect()
}

/// The message, unless it quotes a value of the record.
pub(crate) fn discreet(message: &str, write: &Write) -> String {
    discreet_but(message, write, "")
}

/// The same, where one field is too long for a message to quote it.
pub(crate) fn discreet_but(message: &str, write: &Write, but: &str) -> String {
    let fields = write.fields.iter();
    let quotes = fields
        .filter(|(name, _)| *name != but)
        .filter_map(|(_, field)| field.value.as_str())
        .any(|value| value.chars().count() > 2 && message.contains(value.trim()));
    if quotes {
        "the record was refused because of a value".to_owned()
    } else {
        message.to_owned()
    }
}
