//! What a consumer does with a message it holds: delete it, or change when it becomes visible again.

use serde_json::{Value, json};

use super::Sqs;
use super::fault::{Code, Fault};
use super::message::{Place, Receipt};
use super::queue::Queue;
use super::requests::{Batch, OfMessage};
use super::settings::MAX_VISIBILITY_S;

impl Sqs {
    pub(crate) fn delete(&self, request: &OfMessage) -> Result<Value, Fault> {
        self.with_queue(&request.queue_url, |_, queue, _| {
            delete(queue, &request.receipt_handle)?;
            Ok(json!({}))
        })
    }

    pub(crate) fn delete_batch(&self, request: &Batch<OfMessage>) -> Result<Value, Fault> {
        self.each(request, |queue, entry, _| {
            delete(queue, &entry.receipt_handle)
        })
    }

    /// Deletes by handle, for the poller.
    pub(crate) fn delete_all(&self, url: &str, receipts: &[String]) -> Result<(), Fault> {
        self.with_queue(url, |_, queue, _| {
            receipts
                .iter()
                .try_for_each(|receipt| delete(queue, receipt))
        })
    }

    pub(crate) fn change_visibility(&self, request: &OfMessage) -> Result<Value, Fault> {
        self.with_queue(&request.queue_url, |_, queue, now_ms| {
            change(queue, request, now_ms)?;
            Ok(json!({}))
        })
    }

    pub(crate) fn change_visibility_batch(
        &self,
        request: &Batch<OfMessage>,
    ) -> Result<Value, Fault> {
        self.each(request, change)
    }

    fn each(
        &self,
        request: &Batch<OfMessage>,
        run: impl Fn(&mut Queue, &OfMessage, i64) -> Result<(), Fault>,
    ) -> Result<Value, Fault> {
        self.with_queue(&request.queue_url, |_, queue, now_ms| {
            request.check(|entry| &entry.id)?;
            let (mut successful, mut failed) = (Vec::new(), Vec::new());
            for entry in &request.entries {
                match run(queue, entry, now_ms) {
                    Ok(()) => successful.push(json!({ "Id": entry.id })),
                    Err(fault) => failed.push(fault.entry(&entry.id)),
                }
            }
            Ok(json!({ "Successful": successful, "Failed": failed }))
        })
    }
}

/// A handle of an earlier receive is accepted and deletes nothing, as AWS documents ("the message might not be deleted").
fn delete(queue: &mut Queue, handle: &str) -> Result<(), Fault> {
    let receipt = read(queue, handle)?;
    if queue
        .get(receipt.serial)
        .is_some_and(|message| message.receive_count == receipt.receive)
    {
        queue.remove(receipt.serial);
    }
    Ok(())
}

fn change(queue: &mut Queue, request: &OfMessage, now_ms: i64) -> Result<(), Fault> {
    let receipt = read(queue, &request.receipt_handle)?;
    let timeout_s = request.visibility_timeout.ok_or_else(|| {
        Fault::new(
            Code::MissingParameter,
            "The request must contain the parameter VisibilityTimeout.",
        )
    })?;
    if !(0..=MAX_VISIBILITY_S).contains(&timeout_s) {
        return Err(Fault::parameter(format!(
            "Value {timeout_s} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and {MAX_VISIBILITY_S}."
        )));
    }
    let handle = &request.receipt_handle;
    let gone = || {
        Fault::parameter(format!(
            "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
        ))
    };
    let message = queue
        .get(receipt.serial)
        .filter(|message| message.receive_count == receipt.receive)
        .ok_or_else(gone)?;
    let Place::InFlight { since_ms, .. } = message.place else {
        return Err(Fault::new(
            Code::MessageNotInflight,
            "The specified message isn't in flight.",
        ));
    };
    let until_ms = now_ms + timeout_s * 1000;
    if until_ms > since_ms + MAX_VISIBILITY_S * 1000 {
        return Err(Fault::parameter(format!(
            "Value {timeout_s} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY_S} seconds]."
        )));
    }
    queue.hide_until(receipt.serial, until_ms);
    Ok(())
}

fn read(queue: &Queue, handle: &str) -> Result<Receipt, Fault> {
    Receipt::read(handle, &queue.name).ok_or_else(|| {
        Fault::new(
            Code::ReceiptHandleIsInvalid,
            format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
        )
    })
}
