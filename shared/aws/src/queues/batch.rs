//! How many messages become calls, and how the answers of calls become one result per message.

use aws_sdk_sqs::types::BatchResultErrorEntry;

use super::Outgoing;
use crate::error::{AwsError, by_code};

/// SQS's limit of entries in a call.
const MAX_ENTRIES: usize = 10;
/// SQS's limit of a message, and of all messages of a call together: bodies, attribute names, types
/// and values.
const MAX_BYTES: usize = 1024 * 1024;
/// SQS's limit of attributes on a message.
pub(super) const MAX_ATTRIBUTES: usize = 10;
/// SQS's limit of a delay, 15 minutes.
const MAX_DELAY_S: u16 = 900;
/// What each attribute's type adds to the size of a message.
const TYPE: &str = "String";

/// The entries of one call, and the place of each among all messages.
type Call<T> = (Vec<usize>, Vec<T>);

/// What a batch call says, by the entries' ids.
pub(super) struct Answer {
    pub(super) done: Vec<String>,
    pub(super) failed: Vec<BatchResultErrorEntry>,
}

/// One result per message, filled in as calls return. What no answer mentions counts as
/// unavailable.
pub(super) struct Results {
    operation: &'static str,
    by_place: Vec<Option<Result<(), AwsError>>>,
}

impl Results {
    pub(super) fn new(operation: &'static str, messages: usize) -> Self {
        Self {
            operation,
            by_place: vec![None; messages],
        }
    }

    /// Files the answer of the call whose entries have these places.
    pub(super) fn settle(&mut self, places: &[usize], answer: Result<Answer, AwsError>) {
        match answer {
            Ok(Answer { done, failed }) => {
                for id in done {
                    self.settle_id(places, &id, Ok(()));
                }
                for entry in failed {
                    let message = entry.message().unwrap_or_default();
                    let error =
                        by_code(self.operation, entry.code(), message, entry.sender_fault());
                    self.settle_id(places, entry.id(), Err(error));
                }
            }
            Err(error) => {
                for &place in places {
                    self.set(place, Err(error.clone()));
                }
            }
        }
    }

    pub(super) fn into_vec(self) -> Vec<Result<(), AwsError>> {
        let unmentioned = AwsError::Unavailable {
            operation: self.operation,
            source: None,
        };
        self.by_place
            .into_iter()
            .map(|result| result.unwrap_or_else(|| Err(unmentioned.clone())))
            .collect()
    }

    fn settle_id(&mut self, places: &[usize], id: &str, result: Result<(), AwsError>) {
        if let Some(&place) = id.parse::<usize>().ok().and_then(|id| places.get(id)) {
            self.set(place, result);
        }
    }

    fn set(&mut self, place: usize, result: Result<(), AwsError>) {
        if let Some(slot) = self.by_place.get_mut(place) {
            *slot = Some(result);
        }
    }
}

/// Calls of at most ten items.
pub(super) fn by_count<T>(items: Vec<T>) -> Vec<Call<T>> {
    pack(
        items
            .into_iter()
            .enumerate()
            .map(|(place, item)| (place, 0, item)),
    )
}

/// Calls of at most ten messages and 1 MiB. Messages that SQS would not take are settled as refused
/// and left out.
pub(super) fn by_size(messages: Vec<Outgoing>, results: &mut Results) -> Vec<Call<Outgoing>> {
    let mut sendable = Vec::with_capacity(messages.len());
    for (place, message) in messages.into_iter().enumerate() {
        match fault(&message) {
            Some((code, text)) => {
                results.set(place, Err(AwsError::refused(results.operation, code, text)));
            }
            None => sendable.push((place, size(&message), message)),
        }
    }
    pack(sendable)
}

/// Whether SQS takes this character: the characters of XML 1.0.
pub(super) fn may_be_sent(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

fn pack<T>(items: impl IntoIterator<Item = (usize, usize, T)>) -> Vec<Call<T>> {
    let mut calls: Vec<Call<T>> = Vec::new();
    let mut bytes = 0;
    for (place, size, item) in items {
        match calls.last_mut() {
            Some((places, call)) if call.len() < MAX_ENTRIES && bytes + size <= MAX_BYTES => {
                bytes += size;
                places.push(place);
                call.push(item);
            }
            _ => {
                bytes = size;
                calls.push((vec![place], vec![item]));
            }
        }
    }
    calls
}

fn size(message: &Outgoing) -> usize {
    let attributes = message
        .attributes
        .iter()
        .map(|(name, value)| name.len() + TYPE.len() + value.len());
    message.body.len() + attributes.sum::<usize>()
}

/// Why SQS would not take a message, in its own codes.
fn fault(message: &Outgoing) -> Option<(&'static str, &'static str)> {
    let texts = || message.attributes.values().chain([&message.body]);
    if texts().any(String::is_empty) || message.attributes.keys().any(String::is_empty) {
        Some((
            "MissingParameter",
            "a body, attribute name or attribute value is empty",
        ))
    } else if !texts().all(|text| text.chars().all(may_be_sent)) {
        Some((
            "InvalidMessageContents",
            "a character is not allowed in XML 1.0",
        ))
    } else if message.attributes.len() > MAX_ATTRIBUTES {
        Some(("InvalidParameterValue", "more than 10 attributes"))
    } else if message.delay_s > MAX_DELAY_S {
        Some(("InvalidParameterValue", "a delay of more than 900 s"))
    } else if size(message) > MAX_BYTES {
        Some(("InvalidParameterValue", "longer than 1 MiB"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Outgoing {
        Outgoing {
            body: "x".repeat(bytes),
            ..Outgoing::default()
        }
    }

    fn call_sizes(messages: Vec<Outgoing>) -> Vec<Vec<usize>> {
        let mut results = Results::new("send", messages.len());
        by_size(messages, &mut results)
            .into_iter()
            .map(|(places, _)| places)
            .collect()
    }

    #[test]
    fn calls_hold_ten_entries_and_one_mebibyte() {
        assert_eq!(call_sizes(vec![]), Vec::<Vec<usize>>::new());
        assert_eq!(
            call_sizes(vec![message(1); 21])
                .iter()
                .map(Vec::len)
                .collect::<Vec<_>>(),
            [10, 10, 1]
        );
        let half = MAX_BYTES / 2;
        assert_eq!(call_sizes(vec![message(half); 4]), [[0, 1], [2, 3]]);
        assert_eq!(
            call_sizes(vec![message(half), message(half + 1), message(1)]),
            [vec![0], vec![1, 2]]
        );
        assert_eq!(
            call_sizes(vec![message(1), message(MAX_BYTES), message(1)]),
            [[0], [1], [2]]
        );
    }

    #[test]
    fn attributes_count() {
        let mut large = message(MAX_BYTES - 9);
        large.attributes.insert("a".into(), "bc".into());
        assert_eq!(size(&large), MAX_BYTES);
        large.attributes.insert("a".into(), "bcd".into());
        assert!(fault(&large).is_some());
    }

    #[test]
    fn what_sqs_never_takes_is_refused_alone() {
        let with = |name: &str, value: &str| Outgoing {
            body: "x".into(),
            attributes: [(name.to_owned(), value.to_owned())].into(),
            ..Outgoing::default()
        };
        let bad = vec![
            message(0),
            message(MAX_BYTES + 1),
            Outgoing {
                body: "\u{0}".into(),
                ..Outgoing::default()
            },
            Outgoing {
                body: "\u{FFFE}".into(),
                ..Outgoing::default()
            },
            Outgoing {
                delay_s: 901,
                ..message(1)
            },
            with("", "x"),
            with("x", ""),
            with("x", "\u{7}"),
            Outgoing {
                attributes: (0..11).map(|n| (n.to_string(), "x".into())).collect(),
                ..message(1)
            },
        ];
        let count = bad.len();
        let mut messages = bad;
        messages.push(Outgoing {
            body: "\t\r\n\u{7F}é\u{1F600}".into(),
            delay_s: 900,
            ..Outgoing::default()
        });
        let mut results = Results::new("send", messages.len());
        let calls = by_size(messages, &mut results);
        assert_eq!(calls.len(), 1);
        results.settle(
            &calls[0].0,
            Ok(Answer {
                done: vec!["0".into()],
                failed: vec![],
            }),
        );
        let results = results.into_vec();
        assert!(results[count].is_ok());
        for (place, result) in results[..count].iter().enumerate() {
            assert!(
                matches!(result, Err(AwsError::Refused { .. })),
                "{place}: {result:?}"
            );
        }
    }

    #[test]
    fn each_message_has_its_own_result() {
        let failed = |id: &str, code: &str, sender_fault| {
            BatchResultErrorEntry::builder()
                .id(id)
                .code(code)
                .sender_fault(sender_fault)
                .build()
                .unwrap()
        };
        let mut results = Results::new("send", 7);
        results.settle(
            &[0, 2, 4, 5],
            Ok(Answer {
                done: vec!["2".into(), "99".into(), "no number".into()],
                failed: vec![
                    failed("1", "InternalError", false),
                    failed("0", "AccessDenied", true),
                ],
            }),
        );
        results.settle(&[1, 3], Err(AwsError::Throttled { operation: "send" }));
        let shown: Vec<_> = results
            .into_vec()
            .iter()
            .map(|result| format!("{result:?}"))
            .collect();
        let expected = [
            "Err(Refused",
            "Err(Throttled",
            "Err(Unavailable",
            "Err(Throttled",
            "Ok",
            "Err(Unavail",
            "Err(Unavail",
        ];
        for (shown, expected) in shown.iter().zip(expected) {
            assert!(shown.starts_with(expected), "{shown} is not {expected}");
        }
    }
}
