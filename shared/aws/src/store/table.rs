//! The table itself, for emulators; in AWS `template.yaml` makes it.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
    TimeToLiveSpecification,
};

use super::{Store, held::INDEX};
use crate::error::{AwsError, classify};

impl Store {
    /// Makes the table as the template does: two string keys, the sparse index of held work, a
    /// stream, expiry by `ttl`.
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
        for name in ["pk", "sk", "hp", "hs"] {
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S);
            request = request.attribute_definitions(attribute.build().map_err(wrong)?);
        }
        let key = |hash: &str, range: &str| {
            [(hash, KeyType::Hash), (range, KeyType::Range)]
                .into_iter()
                .map(|(name, kind)| {
                    let element = KeySchemaElement::builder().attribute_name(name);
                    element.key_type(kind).build().map_err(wrong)
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let held = GlobalSecondaryIndex::builder()
            .index_name(INDEX)
            .set_key_schema(Some(key("hp", "hs")?))
            .projection(
                Projection::builder()
                    .projection_type(ProjectionType::KeysOnly)
                    .build(),
            )
            .build()
            .map_err(wrong)?;
        request = request
            .set_key_schema(Some(key("pk", "sk")?))
            .global_secondary_indexes(held);
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
