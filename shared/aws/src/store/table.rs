//! The table itself, for emulators; in AWS `template.yaml` makes it.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType, TimeToLiveSpecification,
};

use super::Store;
use crate::error::{AwsError, classify};

impl Store {
    /// Makes the table as the template does: two string keys, a stream, expiry by `ttl`.
    pub async fn create_table(&self) -> Result<(), AwsError> {
        let wrong = |_| AwsError::Corrupt {
            what: "the table's definition",
        };
        let mut request = self
            .client
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .stream_specification(
                StreamSpecification::builder()
                    .stream_enabled(true)
                    .stream_view_type(StreamViewType::NewAndOldImages)
                    .build()
                    .map_err(wrong)?,
            );
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S);
            request = request
                .attribute_definitions(attribute.build().map_err(wrong)?)
                .key_schema(
                    KeySchemaElement::builder()
                        .attribute_name(name)
                        .key_type(kind)
                        .build()
                        .map_err(wrong)?,
                );
        }
        request
            .send()
            .await
            .map_err(|error| classify("dynamodb:CreateTable", error))?;
        let expiry = TimeToLiveSpecification::builder()
            .attribute_name("ttl")
            .enabled(true)
            .build()
            .map_err(wrong)?;
        self.client
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(expiry)
            .send()
            .await
            .map_err(|error| classify("dynamodb:UpdateTimeToLive", error))?;
        Ok(())
    }
}
