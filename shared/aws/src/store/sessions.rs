//! Sessions: stored once, sealed, with the transcript apart from the rest.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use hub_domain::{OrganizationId, SessionId, SessionRecord, Timestamp, event::Segment};

use super::{
    Store,
    attributes::{Item, bytes, bytes_of, must, number, number_of, text_of},
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
}

impl Store {
    /// One session, as it stands now.
    pub async fn session(
        &self,
        organization: &OrganizationId,
        id: &SessionId,
    ) -> Result<Option<SealedSession>, AwsError> {
        match self.get(&Key::session(organization, id), true).await? {
            Some(item) => self.sealed_session(organization, id, &item).await.map(Some),
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
            found.push(match items.get(&(key.pk.clone(), key.sk.clone())) {
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
        item: &Item,
    ) -> Result<SealedSession, AwsError> {
        let revision = must(number_of(item, "rev"), "a stored session")?;
        let sealed = match bytes_of(item, "b") {
            Some(sealed) => sealed.to_vec(),
            None => {
                let pieces: usize = must(number_of(item, "n"), "a stored session")?;
                self.pieces(organization, id, &format!("r{revision}"), pieces)
                    .await?
            }
        };
        Ok(SealedSession {
            organization: organization.clone(),
            id: id.clone(),
            revision,
            sealed,
        })
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
        let (organization, id) = (&record.organization, &record.id);
        let ttl = now.as_second() + SESSION_DAYS * 86_400;
        // Pieces first: a head never points at what is not there. A death between leaves pieces
        // that nobody reads and that expire.
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
                self.put_pieces(organization, id, &format!("t{event}"), &sealed, ttl)
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
            (
                ":before".to_owned(),
                number(record.revision.saturating_sub(1)),
            ),
        ]);
        let remove;
        if sealed.len() <= seal::CHUNK_BYTES {
            values.insert(":b".to_owned(), bytes(sealed));
            names.push("b = :b");
            remove = "n";
        } else {
            let pieces = self
                .put_pieces(
                    organization,
                    id,
                    &format!("r{}", record.revision),
                    &sealed,
                    ttl,
                )
                .await?;
            values.insert(":n".to_owned(), number(pieces));
            names.push("n = :n");
            remove = "b";
        }
        if let Some(pieces) = transcript_pieces {
            values.insert(":tn".to_owned(), number(pieces));
            names.push("tn = :tn");
        }
        let condition = if record.revision <= 1 {
            "attribute_not_exists(pk) OR rev = :before"
        } else {
            "rev = :before"
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

    /// The transcript of a session, if it has one.
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
        let pieces = must(number_of(&head, "tn"), "a stored transcript")?;
        let sealed = self
            .pieces(organization, id, &format!("t{event}"), pieces)
            .await?;
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
        what: &str,
        sealed: &[u8],
        ttl: i64,
    ) -> Result<usize, AwsError> {
        let mut count = 0;
        for piece in sealed.chunks(seal::CHUNK_BYTES) {
            let mut item = Key::session_piece(organization, id, what, count).attributes();
            item.insert("b".to_owned(), bytes(piece.to_vec()));
            item.insert("ttl".to_owned(), number(ttl));
            self.put(item, None, Item::new()).await?;
            count += 1;
        }
        Ok(count)
    }

    async fn pieces(
        &self,
        organization: &OrganizationId,
        id: &SessionId,
        what: &str,
        count: usize,
    ) -> Result<Vec<u8>, AwsError> {
        let mut sealed = Vec::new();
        for index in 0..count {
            let item = self
                .get(&Key::session_piece(organization, id, what, index), true)
                .await?;
            let item = must(item, "a piece of a stored session")?;
            sealed.extend_from_slice(must(bytes_of(&item, "b"), "a piece of a stored session")?);
        }
        Ok(sealed)
    }
}
