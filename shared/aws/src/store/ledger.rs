//! Claims and outcomes, as batches of conditional statements.
//!
//! `BatchExecuteStatement` takes 25 independent statements, one per key. A claim that is probably
//! the first is an `INSERT`; any other is an `UPDATE` whose condition is the ledger's rule, and
//! which answers the entry as it was (`RETURNING ALL OLD *`) or the entry that refused it
//! (`ALL_OLD` on a failed condition). PartiQL's `UPDATE` creates nothing: a failure without an item
//! means that there is none.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html>

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementErrorCodeEnum as Code, BatchStatementRequest,
    BatchStatementResponse, ReturnValuesOnConditionCheckFailure,
};
use hub_domain::ledger::{
    Attempt, Claim, ClaimOutcome, DeliveryStatus, LedgerEntry, Outcome, abandoned, refused,
};
use serde::Serialize;

use super::{
    Store,
    attributes::{Item, number, text},
    entry::{entry, status_text},
    held::marks,
    keys::Key,
};
use crate::error::{AwsError, by_code, classify};

/// Statements in one call.
const STATEMENTS: usize = 25;
/// How often a claim may change between `INSERT`, `UPDATE` and taking over before it counts as a race.
const ROUNDS: usize = 4;
/// The content's hash from a claim to its outcome: nobody knows meanwhile what the CRM holds, and
/// content that comes back must not pass for a repeat. Not a missing attribute: a condition on that
/// needs an `OR`, and no document says that an `UPDATE` with an `OR` still names a single key.
pub(super) const UNKNOWN: &str = "";

/// How a claim is made.
enum How {
    /// There is probably no entry.
    Insert,
    /// There is one, whose last attempt has an outcome.
    Update,
    /// Its worker died. What it may have written is carried over in this very write, so that it is known
    /// however many workers die in a row.
    TakeOver(Box<LedgerEntry>),
}

/// An attempt, as a claim notes it.
fn attempt_text(attempt: &Attempt) -> AttributeValue {
    text(format!("{}.{}", attempt.since, attempt.content))
}

fn json_text<T: Serialize>(value: &T) -> Result<AttributeValue, AwsError> {
    serde_json::to_string(value)
        .map(text)
        .map_err(|_| AwsError::Corrupt {
            what: "a ledger entry to store",
        })
}

impl Store {
    /// Makes claims, each independent of the others, and answers them in order. The caller folds
    /// messages of one delivery first: no two claims may be for the same one.
    pub async fn claim(&self, claims: &[Claim]) -> Vec<Result<ClaimOutcome, AwsError>> {
        let mut outcomes: Vec<Option<Result<ClaimOutcome, AwsError>>> = vec![None; claims.len()];
        let mut open = Vec::with_capacity(claims.len());
        for (index, claim) in claims.iter().enumerate() {
            let how = if claim.probably_new {
                How::Insert
            } else {
                How::Update
            };
            open.push((index, claim, how));
        }
        for _ in 0..ROUNDS {
            if open.is_empty() {
                break;
            }
            let statements = open
                .iter()
                .map(|(_, claim, how)| self.claim_statement(claim, how))
                .collect();
            let replies = self.execute(statements).await;
            let mut again = Vec::new();
            for ((index, claim, how), reply) in open.into_iter().zip(replies) {
                match answer(claim, how, reply) {
                    Ok(outcome) => {
                        if let Some(slot) = outcomes.get_mut(index) {
                            *slot = Some(outcome);
                        }
                    }
                    Err(other) => again.push((index, claim, other)),
                }
            }
            open = again;
        }
        outcomes
            .into_iter()
            .map(|outcome| {
                outcome.unwrap_or(Err(AwsError::Conflict {
                    operation: "dynamodb:BatchExecuteStatement",
                }))
            })
            .collect()
    }

    /// Records outcomes, each independent of the others, in order. [`AwsError::Conflict`]: the
    /// claim was lost, and whoever has it now decides.
    pub async fn settle(&self, outcomes: &[Outcome]) -> Vec<Result<(), AwsError>> {
        let statements = outcomes
            .iter()
            .map(|outcome| self.settle_statement(outcome))
            .collect();
        self.execute(statements)
            .await
            .into_iter()
            .map(|reply| reply.and_then(|reply| failure(&reply).map_or(Ok(()), Err)))
            .collect()
    }

    fn claim_statement(&self, claim: &Claim, how: &How) -> Result<BatchStatementRequest, AwsError> {
        let key = Key::delivery(&claim.organization, &claim.subject);
        let table = &self.table;
        let attempt = Attempt::at(claim.now, &claim.content);
        let claimed = || status_text(DeliveryStatus::Claimed);
        let (statement, parameters) = match how {
            How::Insert => (
                format!(
                    "INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': ?, 'ev': ?, 'st': ?, 'rev': ?, 'sd': ?, 'lu': ?, 'wk': ?, 'fl': ?, 'ct': ?, 'am': ?, 'ca': ?, 'ua': ?}}"
                ),
                vec![
                    text(key.pk),
                    text(key.sk),
                    text(claim.event.as_str()),
                    claimed(),
                    number(claim.revision),
                    number(0),
                    number(claim.lease_until),
                    text(&claim.worker),
                    number(0),
                    text(UNKNOWN),
                    attempt_text(&attempt),
                    number(claim.now),
                    number(claim.now),
                ],
            ),
            How::Update | How::TakeOver(_) => {
                let (attempt, last) = match how {
                    How::TakeOver(standing) => {
                        let before = standing.attempt.as_ref();
                        let joined = before.map_or(attempt.clone(), |before| before.and(&attempt));
                        (joined, [" AND wk = ?", " AND st = ?"])
                    }
                    How::Insert | How::Update => (attempt, ["", " AND st <> ?"]),
                };
                let statement = format!(
                    "UPDATE \"{table}\" SET ev = ? SET st = ? SET rev = ? SET lu = ? SET wk = ? SET ua = ? SET ct = ? SET am = ? \
                     WHERE pk = ? AND sk = ? AND sd < ? AND rev <= ? AND lu <= ? AND ct <> ?{} RETURNING ALL OLD *",
                    last.concat()
                );
                let mut parameters = vec![
                    text(claim.event.as_str()),
                    claimed(),
                    number(claim.revision),
                    number(claim.lease_until),
                    text(&claim.worker),
                    number(claim.now),
                    text(UNKNOWN),
                    attempt_text(&attempt),
                    text(key.pk),
                    text(key.sk),
                    number(claim.revision),
                    number(claim.revision),
                    number(claim.now),
                    text(&claim.content),
                ];
                if let How::TakeOver(standing) = how {
                    parameters.push(text(&standing.worker));
                }
                parameters.push(claimed());
                (statement, parameters)
            }
        };
        request(statement, parameters)
    }

    fn settle_statement(&self, outcome: &Outcome) -> Result<BatchStatementRequest, AwsError> {
        let claim = &outcome.claim;
        let key = Key::delivery(&claim.organization, &claim.subject);
        let mut sets = vec!["st = ?", "lu = ?", "fl = ?", "vd = ?", "ua = ?", "mv = ?"];
        let mut parameters = vec![
            status_text(outcome.status),
            number(outcome.not_before),
            number(outcome.failures),
            text(outcome.verdict),
            number(outcome.now),
            number(outcome.mapping_version),
        ];
        let mut set = |name: &'static str, value: AttributeValue| {
            sets.push(name);
            parameters.push(value);
        };
        if outcome.settled {
            set("sd = ?", number(claim.revision));
        }
        if outcome.status == DeliveryStatus::Delivered {
            set("ct = ?", text(&claim.content));
        }
        let mut remove = vec!["REMOVE am"];
        if !outcome.records.is_empty() {
            let short: BTreeMap<&str, &str> = outcome
                .records
                .iter()
                .map(|(key, id)| {
                    (
                        key.strip_prefix(claim.subject.matter()).unwrap_or(key),
                        id.as_str(),
                    )
                })
                .collect();
            set("rc = ?", json_text(&short)?);
        }
        if !outcome.matches.is_empty() {
            set("mt = ?", json_text(&outcome.matches)?);
        }
        match outcome.unfinished.stored(claim.subject.matter()) {
            Some(left) => set("uf = ?", text(left)),
            None => remove.push("REMOVE uf"),
        }
        if outcome.reason.is_empty() {
            remove.push("REMOVE rs");
        } else {
            set("rs = ?", text(hub_domain::text::cut(&outcome.reason, 300)));
        }
        if outcome.faults.is_empty() {
            remove.push("REMOVE ff");
        } else {
            set(
                "ff = ?",
                json_text(&outcome.faults.iter().take(20).collect::<Vec<_>>())?,
            );
        }
        // What is held goes with the outcome, at no further cost; a mark that stands there already is
        // not written over, because it may hold other events.
        let unmarked = match &outcome.hold {
            Some((crm, held)) => {
                let places = [
                    "hu = ?", "hr = ?", "hx = ?", "hk = ?", "hn = ?", "hp = ?", "hs = ?", "he = ?",
                ];
                for (place, (_, value)) in
                    places
                        .into_iter()
                        .zip(marks(held, crm, &claim.organization))
                {
                    set(place, value);
                }
                " AND he IS MISSING"
            }
            None => "",
        };
        let statement = format!(
            "UPDATE \"{}\" SET {} {} WHERE pk = ? AND sk = ? AND wk = ? AND rev = ?{unmarked}",
            self.table,
            sets.join(" SET "),
            remove.join(" ")
        );
        parameters.extend([
            text(key.pk),
            text(key.sk),
            text(&claim.worker),
            number(claim.revision),
        ]);
        request(statement, parameters)
    }

    /// Runs independent statements; a failed call fails its own 25, the answers keep the order.
    async fn execute(
        &self,
        statements: Vec<Result<BatchStatementRequest, AwsError>>,
    ) -> Vec<Result<BatchStatementResponse, AwsError>> {
        let mut replies = Vec::with_capacity(statements.len());
        for chunk in statements.chunks(STATEMENTS) {
            let sound: Vec<_> = chunk
                .iter()
                .filter_map(|statement| statement.as_ref().ok().cloned())
                .collect();
            let outcome = if sound.is_empty() {
                Ok(Vec::new())
            } else {
                self.client
                    .batch_execute_statement()
                    .set_statements(Some(sound))
                    .send()
                    .await
                    .map(|reply| reply.responses.unwrap_or_default())
                    .map_err(|error| classify("dynamodb:BatchExecuteStatement", error))
            };
            let mut answers = outcome.map(Vec::into_iter);
            for statement in chunk {
                replies.push(match (statement, &mut answers) {
                    (Err(error), _) => Err(error.clone()),
                    (Ok(_), Err(error)) => Err(error.clone()),
                    (Ok(_), Ok(answers)) => answers.next().ok_or(AwsError::Corrupt {
                        what: "the answer to a batch of statements",
                    }),
                });
            }
        }
        replies
    }
}

fn request(
    statement: String,
    parameters: Vec<AttributeValue>,
) -> Result<BatchStatementRequest, AwsError> {
    BatchStatementRequest::builder()
        .statement(statement)
        .set_parameters(Some(parameters))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|_| AwsError::Corrupt {
            what: "a statement to run",
        })
}

fn failure(reply: &BatchStatementResponse) -> Option<AwsError> {
    const OPERATION: &str = "dynamodb:BatchExecuteStatement";
    let error = reply.error()?;
    Some(match error.code() {
        Some(Code::ConditionalCheckFailed | Code::DuplicateItem | Code::TransactionConflict) => {
            AwsError::Conflict {
                operation: OPERATION,
            }
        }
        Some(Code::InternalServerError) => AwsError::Unavailable {
            operation: OPERATION,
            source: None,
        },
        Some(
            Code::RequestLimitExceeded
            | Code::ThrottlingError
            | Code::ProvisionedThroughputExceeded,
        ) => AwsError::Throttled {
            operation: OPERATION,
        },
        other => by_code(
            OPERATION,
            other.map_or("", Code::as_str),
            error.message().unwrap_or_default(),
            true,
        ),
    })
}

/// What a reply means for a claim; `Err` asks for the other kind of statement.
fn answer(
    claim: &Claim,
    how: How,
    reply: Result<BatchStatementResponse, AwsError>,
) -> Result<Result<ClaimOutcome, AwsError>, How> {
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return Ok(Err(error)),
    };
    let read = |item: &Item| entry(item).map(Box::new);
    match (reply.error().and_then(|error| error.code()), how) {
        (None, How::Insert) => Ok(Ok(ClaimOutcome::Granted { before: None })),
        (None, How::Update | How::TakeOver(_)) => Ok(match reply.item() {
            Some(item) => read(item).map(|before| ClaimOutcome::Granted {
                before: Some(before),
            }),
            None => Err(AwsError::Corrupt {
                what: "the entry before a claim",
            }),
        }),
        (Some(Code::DuplicateItem), How::Insert) => Err(How::Update),
        (Some(Code::ConditionalCheckFailed), How::Update | How::TakeOver(_)) => {
            match reply
                .error()
                .and_then(|error| error.item())
                .filter(|item| !item.is_empty())
            {
                Some(item) => match read(item) {
                    Ok(standing) if abandoned(claim, &standing) => Err(How::TakeOver(standing)),
                    standing => Ok(standing.map(|standing| refused(claim, &standing))),
                },
                None => Err(How::Insert),
            }
        }
        (Some(_), _) => Ok(Err(failure(&reply).unwrap_or(AwsError::Corrupt {
            what: "the answer to a claim",
        }))),
    }
}
