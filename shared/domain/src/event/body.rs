//! An event as webhooks get it: the envelope and what is known of its payload. The transcript never leaves,
//! nor does a quote from it: they are named, by session and segment. Fields that are not known stay here too.

use serde::Serialize;
use serde_json::{Value, json};

use super::{ActionItem, Envelope, Evidence, Insight, Payload, Session, Summary};

/// The most bytes of a body. One that is longer is told by its ids alone, so that it fits an item of the
/// store beside what else is known of the event, whatever it is compressed to.
const MOST: usize = 200 * 1024;

impl Envelope {
    /// What is sent: always the same of the same event. `None` for an event that goes to nobody.
    pub fn body(&self) -> Option<String> {
        let session = self.session()?;
        let whole = self.with(&payload(&self.payload)?);
        if whole.len() <= MOST {
            return Some(whole);
        }
        Some(self.with(&json!({ "sessionId": session, "shortened": true })))
    }

    fn with(&self, payload: &Value) -> String {
        json!({
            "id": self.id, "type": self.payload.kind(), "organizationId": self.organization,
            "timestamp": self.timestamp, "payload": payload,
        })
        .to_string()
    }
}

fn payload(payload: &Payload) -> Option<Value> {
    match payload {
        Payload::SessionCompleted {
            session,
            segments: _,
            summary,
            action_items,
            insights,
        } => {
            let mut whole = value(&Session {
                extra: serde_json::Map::new(),
                ..(**session).clone()
            });
            let parts = [
                ("summary", summary.as_ref().map(of_summary)),
                ("action_items", list(action_items, of_action_item)),
                ("insights", list(insights, of_insight)),
            ];
            if let Value::Object(whole) = &mut whole {
                let there = parts.into_iter();
                whole.extend(there.filter_map(|(name, part)| Some((name.to_owned(), part?))));
            }
            Some(json!({ "sessionId": session.id, "session": whole }))
        }
        Payload::SummaryGenerated { session, summary } => {
            Some(json!({ "sessionId": session, "summary": of_summary(summary) }))
        }
        Payload::ActionItemCreated {
            session,
            action_item,
        } => Some(json!({ "sessionId": session, "action_item": of_action_item(action_item) })),
        Payload::InsightDetected { session, insight } => {
            Some(json!({ "sessionId": session, "insight": of_insight(insight) }))
        }
        Payload::MeetingScheduled(_) | Payload::OrganizationChanged(_) => None,
    }
}

fn list<T>(of: &[T], shown: impl Fn(&T) -> Value) -> Option<Value> {
    (!of.is_empty()).then(|| of.iter().map(shown).collect())
}

fn of_summary(summary: &Summary) -> Value {
    value(&Summary {
        extra: serde_json::Map::new(),
        ..summary.clone()
    })
}

fn of_action_item(item: &ActionItem) -> Value {
    value(&ActionItem {
        evidence: named(item.evidence.as_ref()),
        extra: serde_json::Map::new(),
        ..item.clone()
    })
}

fn of_insight(insight: &Insight) -> Value {
    value(&Insight {
        evidence: named(insight.evidence.as_ref()),
        extra: serde_json::Map::new(),
        ..insight.clone()
    })
}

/// Evidence without its words.
fn named(evidence: Option<&Evidence>) -> Option<Evidence> {
    evidence.map(|evidence| Evidence {
        segment_ids: evidence.segment_ids.clone(),
        quote: None,
    })
}

fn value(of: &impl Serialize) -> Value {
    // Texts, numbers and lists of them are always JSON.
    serde_json::to_value(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, payload: &Value) -> Envelope {
        let value = json!({
            "id": "evt_1", "type": kind, "organizationId": "org_1",
            "timestamp": "2026-11-20T15:46:00Z", "payload": payload,
        });
        Envelope::parse(&value, "").unwrap()
    }

    #[test]
    fn a_body_has_what_is_known_and_no_word_of_the_transcript() {
        let evidence = json!({ "segment_ids": ["seg_1"], "quote": "said word for word" });
        let session = json!({
            "id": "ses_1", "title": "Call", "kind": "call", "created_at": "2026-11-20T15:00:00Z",
            "duration_seconds": 60, "host": { "name": "Hana", "email": "hana@seller.example" },
            "participants": [], "summary": "Short.", "unheard_of": "said word for word",
            "segments": [{ "id": "seg_1", "speaker": "Hana", "start_ms": 0, "end_ms": 1, "text": "said word for word" }],
            "action_items": [{ "id": "a", "title": "Send it", "status": "open", "evidence": evidence }],
            "insights": [{ "id": "i", "kind": "budget", "value": "1", "evidence": evidence }],
        });
        let completed = event(
            "session.completed",
            &json!({ "sessionId": "ses_1", "session": session }),
        );
        let body = completed.body().unwrap();
        assert_eq!(completed.body().unwrap(), body, "the same each time");
        assert!(!body.contains("word for word"), "{body}");
        let sent: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(sent["type"], "session.completed");
        assert_eq!(sent["id"], "evt_1");
        assert_eq!(sent["timestamp"], "2026-11-20T15:46:00Z");
        let session = &sent["payload"]["session"];
        assert_eq!(session["title"], "Call");
        assert_eq!(session["summary"]["text"], "Short.");
        for of in ["action_items", "insights"] {
            assert_eq!(
                session[of][0]["evidence"],
                json!({ "segment_ids": ["seg_1"] })
            );
        }
        let insight = json!({ "id": "i", "kind": "budget", "value": "1", "evidence": evidence });
        let insight = event(
            "insight.detected",
            &json!({ "sessionId": "ses_1", "insight": insight }),
        );
        assert!(!insight.body().unwrap().contains("word for word"));
    }

    #[test]
    fn a_long_one_is_told_by_its_ids() {
        let sections: Vec<Value> = (0..2)
            .map(|_| json!({ "title": "t", "text": "x".repeat(110_000) }))
            .collect();
        let summary = json!({ "text": "s", "format": "text", "sections": sections });
        let long = event(
            "summary.generated",
            &json!({ "sessionId": "ses_1", "summary": summary }),
        );
        let sent: Value = serde_json::from_str(&long.body().unwrap()).unwrap();
        assert_eq!(
            sent["payload"],
            json!({ "sessionId": "ses_1", "shortened": true })
        );
    }
}
