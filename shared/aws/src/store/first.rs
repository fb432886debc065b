//! The event that a session began with, remembered in the session's own item.
//!
//! Most sessions come by one event, so an item of its own would cost a write more for nearly each of
//! them. It is packed as tightly as it comes, since a session is written often and pays by its size;
//! what does not fit gets an item of its own, as any later event of the session.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use hub_domain::EventId;

use super::{
    attributes::{Item, bytes, bytes_of, text, text_of},
    events::{EventItem, PutEvent, compared},
};

/// The most it may take. The sessions that it is meant for, with a summary of two pages, leave so much of
/// their second kilobyte.
const MOST_BYTES: usize = 512;
/// Bytes of a keyed hash.
const HASH: usize = 8;

/// The event that a session began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct First {
    event: String,
    packed: Vec<u8>,
}

impl First {
    /// Packs an event; `None` for one that has to have an item of its own.
    pub(super) fn of(event: &EventItem) -> Option<Self> {
        if event.sealed.is_some() {
            return None;
        }
        let packed = packed(&event.fields)?;
        (packed.len() <= MOST_BYTES).then(|| Self {
            event: event.event.to_string(),
            packed,
        })
    }

    /// As a session's item has it.
    pub(super) fn read(item: &Item) -> Option<Self> {
        Some(Self {
            event: text_of(item, "fe")?.to_owned(),
            packed: bytes_of(item, "ff")?.to_vec(),
        })
    }

    /// What an update sets of it.
    pub(super) const SETS: [&'static str; 2] = ["fe = :fe", "ff = :ff"];

    /// The values of [`Self::SETS`].
    pub(super) fn values(self) -> Item {
        Item::from([
            (":fe".to_owned(), text(self.event)),
            (":ff".to_owned(), bytes(self.packed)),
        ])
    }

    /// How an event stands to it; `None` for one of another id.
    pub(super) fn compare(
        &self,
        id: &EventId,
        fields: &BTreeMap<String, String>,
    ) -> Option<PutEvent> {
        (self.event == id.as_str()).then(|| compared(&unpacked(&self.packed), fields))
    }
}

/// Pointers of the contract: each is one byte here, by its place. Items hold places, so new ones go to the end.
const KNOWN: [&str; 26] = [
    "/id",
    "/type",
    "/organizationId",
    "/timestamp",
    "/payload/sessionId",
    "/payload/session/id",
    "/payload/session/title",
    "/payload/session/kind",
    "/payload/session/created_at",
    "/payload/session/duration_seconds",
    "/payload/session/language",
    "/payload/session/url",
    "/payload/session/host",
    "/payload/session/participants",
    "/payload/session/tags",
    "/payload/session/segments",
    "/payload/session/summary",
    "/payload/session/insights",
    "/payload/session/action_items",
    "/payload/summary/text",
    "/payload/summary/format",
    "/payload/summary/sections",
    "/payload/action_item/id",
    "/payload/action_item/title",
    "/payload/insight/id",
    "/payload/insight/value",
];
/// What stands in the place of a place where a pointer is spelled: its length and its bytes follow.
const SPELLED: u8 = u8::MAX;

/// Each pointer, then its hash.
fn packed(fields: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    for (pointer, hash) in fields {
        match KNOWN.iter().position(|known| known == pointer) {
            Some(place) => all.push(u8::try_from(place).ok()?),
            None => {
                all.extend([SPELLED, u8::try_from(pointer.len()).ok()?]);
                all.extend_from_slice(pointer.as_bytes());
            }
        }
        let hash = BASE64_STANDARD_NO_PAD.decode(hash).ok()?;
        if hash.len() != HASH {
            return None;
        }
        all.extend_from_slice(&hash);
    }
    Some(all)
}

/// The reverse; what cannot be read is left out, and shows as a field that differs.
fn unpacked(packed: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut left = packed;
    while let Some((pointer, hash, behind)) = next(left) {
        fields.insert(pointer, BASE64_STANDARD_NO_PAD.encode(hash));
        left = behind;
    }
    fields
}

fn next(packed: &[u8]) -> Option<(String, &[u8], &[u8])> {
    let (place, behind) = packed.split_first()?;
    let (pointer, behind) = if *place == SPELLED {
        let (length, behind) = behind.split_first()?;
        let (pointer, behind) = behind.split_at_checked((*length).into())?;
        (String::from_utf8_lossy(pointer).into_owned(), behind)
    } else {
        let known = KNOWN.get(usize::from(*place))?;
        ((*known).to_owned(), behind)
    };
    let (hash, behind) = behind.split_at_checked(HASH)?;
    Some((pointer, hash, behind))
}

#[cfg(test)]
mod tests {
    use hub_domain::Timestamp;

    use super::*;

    fn event(fields: &[(&str, &str)]) -> EventItem {
        let text = |(pointer, hash): &(&str, &str)| ((*pointer).to_owned(), (*hash).to_owned());
        EventItem {
            organization: "org_1".parse().unwrap(),
            event: "evt_1".parse().unwrap(),
            session: None,
            fields: fields.iter().map(text).collect(),
            accepted_at: Timestamp::UNIX_EPOCH,
            sealed: None,
        }
    }

    const FIELDS: [(&str, &str); 4] = [
        ("", "AAAAAAAAAAA"),
        ("/id", "AQIDBAUGBwg"),
        ("/payload/session/grüße", "CAcGBQQDAgE"),
        ("/payload/session/größe", "//////////8"),
    ];

    #[test]
    fn what_is_packed_is_read_as_it_was() {
        let first = First::of(&event(&FIELDS)).unwrap();
        let spelled: usize = FIELDS[2..]
            .iter()
            .map(|(pointer, _)| 2 + pointer.len())
            .sum();
        assert_eq!(first.packed.len(), 2 + 1 + spelled + 4 * HASH);
        let values = first.clone().values().into_iter();
        let item = values.map(|(name, value)| (name.trim_start_matches(':').to_owned(), value));
        let item: Item = item.collect();
        assert_eq!(First::read(&item), Some(first.clone()));
        let same = event(&FIELDS);
        assert_eq!(
            first.compare(&same.event, &same.fields),
            Some(PutEvent::Same)
        );
        let other: EventId = "evt_2".parse().unwrap();
        assert_eq!(first.compare(&other, &same.fields), None);
    }

    #[test]
    fn another_event_of_the_same_id_names_what_differs() {
        let first = First::of(&event(&FIELDS)).unwrap();
        let other = event(&[
            FIELDS[0],
            ("/id", "AQIDBAUGBwk"),
            FIELDS[2],
            ("/new", "AAAAAAAAAAA"),
        ]);
        let differs = ["/id", "/new", "/payload/session/größe"].map(str::to_owned);
        let found = first.compare(&other.event, &other.fields);
        assert_eq!(found, Some(PutEvent::Different(differs.into())));
    }

    #[test]
    fn what_does_not_fit_has_an_item_of_its_own() {
        let long = "x".repeat(256);
        let many: Vec<_> = (0..60).map(|number| format!("/{number}")).collect();
        let many: Vec<_> = many
            .iter()
            .map(|pointer| (pointer.as_str(), "AAAAAAAAAAA"))
            .collect();
        for fields in [
            vec![(long.as_str(), "AAAAAAAAAAA")],
            vec![("/id", "AAAA")],
            many,
        ] {
            assert_eq!(First::of(&event(&fields)), None, "{fields:?}");
        }
        let sealed = EventItem {
            sealed: Some(Vec::new()),
            ..event(&FIELDS)
        };
        assert_eq!(First::of(&sealed), None);
    }

    #[test]
    fn what_is_cut_off_differs() {
        let mut first = First::of(&event(&FIELDS)).unwrap();
        first.packed.pop();
        let same = event(&FIELDS);
        let found = first.compare(&same.event, &same.fields);
        assert!(matches!(found, Some(PutEvent::Different(_))), "{found:?}");
    }
}
