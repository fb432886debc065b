//! Making queues, for emulators; in AWS `template.yaml` makes them.

use aws_sdk_sqs::types::QueueAttributeName;

use super::Queues;
use crate::error::{AwsError, classify};

const CREATE: &str = "sqs:CreateQueue";

impl Queues {
    /// Makes a queue and its dead-letter queue. `visibility_s` is how long a message is hidden once it was received, in seconds.
    pub async fn create(
        &self,
        queue: &str,
        dead_letters: &str,
        visibility_s: u32,
    ) -> Result<(), AwsError> {
        let common = self.url_prefix.rsplit('/').next().unwrap_or_default();
        let dead = self
            .client
            .create_queue()
            .queue_name(format!("{common}{dead_letters}"));
        let dead = dead.send().await.map_err(|error| classify(CREATE, error))?;
        let arn = self
            .client
            .get_queue_attributes()
            .set_queue_url(dead.queue_url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await
            .map_err(|error| classify(CREATE, error))?
            .attributes
            .and_then(|mut attributes| attributes.remove(&QueueAttributeName::QueueArn))
            .unwrap_or_default();
        // The engine counts failures itself; this is only the net below it.
        let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"1000"}}"#);
        self.client
            .create_queue()
            .queue_name(format!("{common}{queue}"))
            .attributes(
                QueueAttributeName::VisibilityTimeout,
                visibility_s.to_string(),
            )
            .attributes(QueueAttributeName::RedrivePolicy, redrive)
            .send()
            .await
            .map_err(|error| classify(CREATE, error))?;
        Ok(())
    }
}
