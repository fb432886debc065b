//! The MD5 sums by which SQS clients check what arrived. Not a protection of anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::Attributes;

/// `MD5OfMessageBody`.
pub(crate) fn of_body(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

/// `MD5OfMessageAttributes`: by name, each part behind its length, then 1 for text or 2 for bytes. `None` for none.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>
pub(crate) fn of_attributes(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut sum = md5::Context::new();
    for (name, attribute) in attributes {
        part(&mut sum, name.as_bytes());
        part(&mut sum, attribute.data_type.as_bytes());
        if let Some(binary) = &attribute.binary_value {
            sum.consume([2]);
            part(&mut sum, &STANDARD.decode(binary).unwrap_or_default());
        } else {
            sum.consume([1]);
            part(
                &mut sum,
                attribute
                    .string_value
                    .as_deref()
                    .unwrap_or_default()
                    .as_bytes(),
            );
        }
    }
    Some(format!("{:x}", sum.compute()))
}

fn part(sum: &mut md5::Context, bytes: &[u8]) {
    sum.consume(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    sum.consume(bytes);
}
