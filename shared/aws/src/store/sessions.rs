//! Sessions: stored once, sealed, with the transcript apart from the rest.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use hub_domain::{OrganizationId, SessionId, SessionRecord, Timestamp, event::Segment};

use super::{
    EventItem, PutEvent, Store,
    attributes::{Item, bytes, bytes_of, must, number, number_of, text, text_of},
    first::First,
    keys::Key,
};
use crate::{
    error::{AwsError, classify},
    seal::{self, KeyRing},
    seams::Entropy,
};

/// Sessions are kept this long after their last change, unless a retention setting says otherwise.
const SESSION_DAYS: i64 = 365;
/// Keys in one `BatchGetItem`.
const KEYS_PER_READ: usize = 100;

/// A session as stored: its revision is readable, the rest needs the organization's key.
#[derive(Debug, Clone)]
pub struct SealedSession {
    organization: OrganizationId,
    id: SessionId,
    /// How often it has changed.
    pub revision: u64,
    sealed: Vec<u8>,
    first: Option<First>,
}

/// Where the pieces of a large value lie.
struct Pieces {
    /// The middle of their keys.
    name: String,
    count: usize,
}

fn pieces_of(head: &Item, name: &str, count: &str) -> Option<Pieces> {
    Some(Pieces {
        name: text_of(head, name)?.to_owned(),
        count: number_of(head, count)?,
    })
}

fn record_aad(organization: &OrganizationId, session: &SessionId, revision: u64) -> Vec<u8> {
    format!("session/{organization}/{session}/{revision}").into_bytes()
}

fn transcript_aad(organization: &OrganizationId, session: &SessionId, event: &str) -> Vec<u8> {
    format!("transcript/{organization}/{session}/{event}").into_bytes()
}

impl SealedSession {
    /// Opens it.
    pub fn open(&self, ring: &KeyRing) -> Result<SessionRecord, AwsError> {
        let aad = record_aad(&self.organization, &self.id, self.revision);
        let plain = seal::open_compressed(ring, &aad, &self.sealed)?;
        serde_json::from_slice(&plain).map_err(|_| AwsError::Corrupt {
            what: "a stored session",
        })
    }

    /// How an event stands to the one that the session began with; `None` if it is another one, which has
    /// an item of its own.
    pub fn began_with(&self, event: &EventItem) -> Option<PutEvent> {
        let first = self.first.as_ref()?;
        first.compare(&event.event, &event.fields)
    }
}

impl Store {
    /// One session, as it stands now.
    pub async fn session(
        &self,
        organization: &OrganizationId,
        id: &SessionId,
    ) -> Result<Option<SealedSession>, AwsError> {
        match self.get(&Key::session(organization, id), true).await? {
            Some(item) => self.sealed_session(organization, id, item).await.map(Some),
            None => Ok(None),
        }
    }

    /// Many sessions by `BatchGetItem`, eventually consistent, in the order asked; `None` for one
    /// that is not there.
    pub async fn sessions(
        &self,
        ids: &[(OrganizationId, SessionId)],
    ) -> Result<Vec<Option<SealedSession>>, AwsError> {
        let keys: Vec<Key> = ids
            .iter()
            .map(|(organization, id)| Key::session(organization, id))
            .collect();
        let items = self.batch_get(&keys).await?;
        let mut found = Vec::with_capacity(ids.len());
        for ((organization, id), key) in ids.iter().zip(&keys) {
            let item = items.get(&(key.pk.clone(), key.sk.clone())).cloned();
            found.push(match item {
                Some(item) => Some(self.sealed_session(organization, id, item).await?),
                None => None,
            });
        }
        Ok(found)
    }

    pub(super) async fn batch_get(
        &self,
        keys: &[Key],
    ) -> Result<HashMap<(String, String), Item>, AwsError> {
        let mut unique: Vec<&Key> = Vec::new();
        for key in keys {
            if !unique.contains(&key) {
                unique.push(key);
            }
        }
        let mut found = HashMap::new();
        for chunk in unique.chunks(KEYS_PER_READ) {
            let mut asked: Vec<Item> = chunk.iter().map(|key| key.attributes()).collect();
            // Unprocessed keys are asked for again at once, a few times; the caller's backoff
            // does the rest.
            for _ in 0..4 {
                let wanted = KeysAndAttributes::builder().set_keys(Some(asked)).build();
                let wanted = wanted.map_err(|_| AwsError::Corrupt {
                    what: "a batch of keys",
                })?;
                let reply = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, wanted)
                    .send()
                    .await;
                let reply = reply.map_err(|error| classify("dynamodb:BatchGetItem", error))?;
                for item in reply.responses.unwrap_or_default().into_values().flatten() {
                    if let (Some(pk), Some(sk)) = (text_of(&item, "pk"), text_of(&item, "sk")) {
                        found.insert((pk.to_owned(), sk.to_owned()), item);
                    }
                }
                asked = reply
                    .unprocessed_keys
                    .unwrap_or_default()
                    .into_values()
                    .flat_map(|left| left.keys)
                    .collect();
                if asked.is_empty() {
                    break;
                }
            }
            if !asked.is_empty() {
                return Err(AwsError::Throttled {
                    operation: "dynamodb:BatchGetItem",
                });
            }
        }
        Ok(found)
    }

    async fn sealed_session(
        &self,
        organization: &OrganizationId,
        id: &SessionId,
        item: Item,
    ) -> Result<SealedSession, AwsError> {
        let revision = must(number_of(&item, "rev"), "a stored session")?;
        let first = First::read(&item);
        let whole = bytes_of(&item, "b").map(<[u8]>::to_vec);
        let sealed = if let Some(sealed) = whole {
            sealed
        } else {
            let pieces = must(pieces_of(&item, "p", "n"), "a stored session")?;
            self.pieces(organization, id, &pieces).await?
        };
        Ok(SealedSession {
            organization: organization.clone(),
            id: id.clone(),
            revision,
            sealed,
            first,
        })
    }

    /// Writes a session that is not there yet, and remembers with it the event that it begins with.
    /// [`AwsError::Conflict`] means it is there: read it and merge. `None`: the event has to have an item
    /// of its own, and nothing was written.
    pub async fn begin_session(
        &self,
        ring: &KeyRing,
        entropy: &Entropy,
        record: &SessionRecord,
        transcript: Option<&[Segment]>,
        event: &EventItem,
    ) -> Option<Result<(), AwsError>> {
        let first = First::of(event)?;
        let now = event.accepted_at;
        let put = self.write_session(ring, entropy, record, transcript, Some(first), now);
        Some(put.await)
    }

    /// Writes a session that was read at the revision before, and its new transcript if it has
    /// one. [`AwsError::Conflict`] means somebody changed it since: read again and merge again.
    pub async fn put_session(
        &self,
        ring: &KeyRing,
        entropy: &Entropy,
        record: &SessionRecord,
        transcript: Option<&[Segment]>,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        self.write_session(ring, entropy, record, transcript, None, now)
            .await
    }

    async fn write_session(
        &self,
        ring: &KeyRing,
        entropy: &Entropy,
        record: &SessionRecord,
        transcript: Option<&[Segment]>,
        first: Option<First>,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        let (organization, id) = (&record.organization, &record.id);
        let ttl = now.as_second() + SESSION_DAYS * 86_400;
        // Pieces first: a head never points at what is not there. A death between leaves pieces
        // that nobody reads and that expire. Each write has names of its own: pieces of two
        // writers under one name would be a mix that nobody can open, and the writer who is
        // refused has put his already.
        let write = format!("{:016x}", entropy.u64());
        let mut transcript_pieces = None;
        if let (Some(segments), Some(event)) = (transcript, &record.transcript) {
            let plain = serde_json::to_vec(segments).map_err(|_| AwsError::Corrupt {
                what: "a transcript to store",
            })?;
            let sealed = seal::seal_compressed(
                ring,
                entropy,
                &transcript_aad(organization, id, event.as_str()),
                &plain,
            )?;
            transcript_pieces = Some(
                self.put_pieces(organization, id, format!("t{event}#{write}"), &sealed, ttl)
                    .await?,
            );
        }
        let plain = serde_json::to_vec(record).map_err(|_| AwsError::Corrupt {
            what: "a session to store",
        })?;
        let sealed = seal::seal_compressed(
            ring,
            entropy,
            &record_aad(organization, id, record.revision),
            &plain,
        )?;
        let mut names = vec!["rev = :rev", "#ttl = :ttl"];
        let mut values = Item::from([
            (":rev".to_owned(), number(record.revision)),
            (":ttl".to_owned(), number(ttl)),
        ]);
        let remove;
        if sealed.len() <= seal::CHUNK_BYTES {
            values.insert(":b".to_owned(), bytes(sealed));
            names.push("b = :b");
            remove = "p, n";
        } else {
            let pieces = self
                .put_pieces(
                    organization,
                    id,
                    format!("r{}#{write}", record.revision),
                    &sealed,
                    ttl,
                )
                .await?;
            values.insert(":p".to_owned(), text(pieces.name));
            values.insert(":n".to_owned(), number(pieces.count));
            names.extend(["p = :p", "n = :n"]);
            remove = "b";
        }
        if let Some(pieces) = transcript_pieces {
            values.insert(":tp".to_owned(), text(pieces.name));
            values.insert(":tn".to_owned(), number(pieces.count));
            names.extend(["tp = :tp", "tn = :tn"]);
        }
        let condition = if let Some(first) = first {
            names.extend(First::SETS);
            values.extend(first.values());
            "attribute_not_exists(pk)"
        } else {
            let before = record.revision.saturating_sub(1);
            values.insert(":before".to_owned(), number(before));
            if before == 0 {
                "attribute_not_exists(pk) OR rev = :before"
            } else {
                "rev = :before"
            }
        };
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::session(organization, id).attributes()))
            .update_expression(format!("SET {} REMOVE {remove}", names.join(", ")))
            .condition_expression(condition)
            .expression_attribute_names("#ttl", "ttl")
            .set_expression_attribute_values(Some(values))
            .send()
            .await
            .map_err(|error| classify("dynamodb:UpdateItem", error))?;
        Ok(())
    }

    /// The transcript of a session, if it has one. [`AwsError::Conflict`]: a newer one has replaced
    /// it since the session was read.
    pub async fn transcript(
        &self,
        ring: &KeyRing,
        record: &SessionRecord,
    ) -> Result<Vec<Segment>, AwsError> {
        let Some(event) = &record.transcript else {
            return Ok(Vec::new());
        };
        let (organization, id) = (&record.organization, &record.id);
        let Some(head) = self.get(&Key::session(organization, id), true).await? else {
            return Ok(Vec::new());
        };
        let pieces = must(pieces_of(&head, "tp", "tn"), "a stored transcript")?;
        if !pieces.name.starts_with(&format!("t{event}#")) {
            return Err(AwsError::Conflict {
                operation: "dynamodb:GetItem",
            });
        }
        let sealed = self.pieces(organization, id, &pieces).await?;
        let plain = seal::open_compressed(
            ring,
            &transcript_aad(organization, id, event.as_str()),
            &sealed,
        )?;
        serde_json::from_slice(&plain).map_err(|_| AwsError::Corrupt {
            what: "a stored transcript",
        })
    }

    async fn put_pieces(
        &self,
        organization: &OrganizationId,
        id: &SessionId,
        name: String,
        sealed: &[u8],
        ttl: i64,
    ) -> Result<Pieces, AwsError> {
        let mut count = 0;
        for piece in sealed.chunks(seal::CHUNK_BYTES) {
            let mut item = Key::session_piece(organization, id, &name, count).attributes();
            item.insert("b".to_owned(), bytes(piece.to_vec()));
            item.insert("ttl".to_owned(), number(ttl));
            self.put(item, None, Item::new()).await?;
            count += 1;
        }
        Ok(Pieces { name, count })
    }

    async fn pieces(
        &self,
        organization: &OrganizationId,
        id: &SessionId,
        pieces: &Pieces,
    ) -> Result<Vec<u8>, AwsError> {
        let mut sealed = Vec::new();
        for index in 0..pieces.count {
            let key = Key::session_piece(organization, id, &pieces.name, index);
            let item = self.get(&key, true).await?;
            let item = must(item, "a piece of a stored session")?;
            sealed.extend_from_slice(must(bytes_of(&item, "b"), "a piece of a stored session")?);
        }
        Ok(sealed)
    }
}
