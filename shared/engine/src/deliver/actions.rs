//! What the queue is told of a batch, when all of it has its action.

use hub_domain::{CrmId, QueueAction, QueueMessage, retry::backoff};

use crate::hub::Hub;

/// What the queue is told, all at once: one call hides what waits.
pub(super) struct Actions<'a> {
    pub(super) crm: &'a CrmId,
    pub(super) queue: &'a str,
    pub(super) list: Vec<(QueueMessage, QueueAction)>,
}

impl Actions<'_> {
    pub(super) fn add(&mut self, messages: Vec<QueueMessage>, action: &QueueAction) {
        self.list.extend(
            messages
                .into_iter()
                .map(|message| (message, action.clone())),
        );
    }

    pub(super) async fn carry_out(self, hub: &Hub) -> Vec<String> {
        let mut failed = Vec::new();
        let mut hidden = Vec::new();
        for (message, action) in self.list {
            match action {
                // What is held is marked by now.
                QueueAction::Delete | QueueAction::Hold { .. } => {}
                QueueAction::Again(wait) => {
                    hidden.push((message.receipt, wait));
                    failed.push(message.id);
                }
                QueueAction::DeadLetter(reason) => {
                    match hub
                        .queues()
                        .dead_letter(self.queue, &format!("{}-dlq", self.crm), &message, &reason)
                        .await
                    {
                        Ok(()) => tracing::error!(
                            message.id = message.id,
                            reason,
                            "a message lies in the dead-letter queue"
                        ),
                        Err(error) => {
                            tracing::warn!(message.id = message.id, error = %error, "a message could not go to the dead-letter queue; it comes again");
                            hidden.push((
                                message.receipt,
                                backoff(message.receives, hub.entropy().unit()),
                            ));
                            failed.push(message.id);
                        }
                    }
                }
            }
        }
        for error in hub
            .queues()
            .hide_batch(self.queue, hidden)
            .await
            .into_iter()
            .filter_map(Result::err)
        {
            // It then comes again when the queue's own visibility timeout ends.
            tracing::warn!(error = %error, "a message could not be hidden");
        }
        failed
    }
}
