//! What the readers of `read` take, as the document of the API (OpenAPI) describes it. Nothing is
//! read with these types; `null` is the same as absent, except for a header.

use hub_domain::{
    Timestamp, WebhookId,
    limits::MAX_SHORT,
    webhook::{EVENT_TYPES, MAX_CONDITIONS, MAX_HEADER_NAME, MAX_HEADER_VALUE, MAX_HEADERS},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, RefOr, Schema,
        schema::{SchemaType, Type},
    },
};

/// The events that go to a webhook: everything, a group, or single types.
#[derive(Debug)]
pub struct EventTypes;

impl PartialSchema for EventTypes {
    fn schema() -> RefOr<Schema> {
        let one = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(EVENT_TYPES.iter().copied()));
        ArrayBuilder::new()
            .items(one)
            .min_items(Some(1))
            .max_items(Some(EVENT_TYPES.len()))
            .into()
    }
}

impl ToSchema for EventTypes {}

/// Conditions on the content of events: each JSON pointer into the event leads to one of its values, or to a
/// list that has one of them.
#[derive(Debug)]
pub struct Conditions;

impl PartialSchema for Conditions {
    fn schema() -> RefOr<Schema> {
        let pointer = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^/payload/[ -~]*$"))
            .max_length(Some(MAX_SHORT));
        let value = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(MAX_SHORT));
        let values = ArrayBuilder::new()
            .items(value)
            .min_items(Some(1))
            .max_items(Some(MAX_CONDITIONS));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .property_names(Some(pointer))
            .additional_properties(Some(values))
            .max_properties(Some(MAX_CONDITIONS))
            .into()
    }
}

impl ToSchema for Conditions {}

/// Since when events are sent again.
#[derive(Debug, ToSchema)]
#[schema(as = Since, example = json!({ "since": "2026-11-20T00:00:00Z" }))]
#[serde(deny_unknown_fields)]
pub struct SinceBody {
    /// The moment.
    pub since: Timestamp,
    /// `next` of the answer before, to the same question.
    #[schema(max_length = 4096)]
    pub cursor: Option<String>,
}

/// Headers that are sent along, by name.
#[derive(Debug)]
pub struct Headers;

/// The same; `null` takes a header away.
#[derive(Debug)]
pub struct HeaderChanges;

fn headers(values: SchemaType) -> RefOr<Schema> {
    // RFC 9110, 5.6.2.
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"))
        .max_length(Some(MAX_HEADER_NAME));
    let value = ObjectBuilder::new()
        .schema_type(values)
        .pattern(Some("^[!-~]([ -~]*[!-~])?$"))
        .max_length(Some(MAX_HEADER_VALUE));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(name))
        .additional_properties(Some(value))
        .max_properties(Some(MAX_HEADERS))
        .into()
}

impl PartialSchema for Headers {
    fn schema() -> RefOr<Schema> {
        headers(Type::String.into())
    }
}

impl ToSchema for Headers {}

impl PartialSchema for HeaderChanges {
    fn schema() -> RefOr<Schema> {
        headers(SchemaType::from_iter([Type::String, Type::Null]))
    }
}

impl ToSchema for HeaderChanges {}

/// A webhook to create.
#[derive(Debug, ToSchema)]
#[schema(as = NewWebhook, example = json!({
    "name": "Ours", "url": "https://crm.example/events", "events": ["session.completed"]
}))]
#[serde(deny_unknown_fields)]
pub struct NewWebhookBody {
    /// What people call it.
    #[schema(max_length = 255, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub name: String,
    /// An https address of a public host, on port 443, without user, password and fragment.
    #[schema(format = Uri, max_length = 2048)]
    pub url: String,
    /// Which events.
    pub events: EventTypes,
    /// Whether events go there; they do unless it says otherwise.
    pub active: Option<bool>,
    /// Which of those events, by their content.
    pub only: Option<Conditions>,
    /// The most messages a second; 20 unless it says otherwise.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit: Option<u32>,
    /// Whether messages are signed by an Ed25519 key of the hub too (`v1a`).
    pub asymmetric: Option<bool>,
    /// Headers that are sent along; 4,096 bytes together. Values of those that may open something, like
    /// `authorization`, are never shown.
    pub headers: Option<Headers>,
}

/// What is to be different of a webhook; what is not named stays.
#[derive(Debug, ToSchema)]
#[schema(as = WebhookChange, example = json!({ "active": false }))]
#[serde(deny_unknown_fields)]
pub struct WebhookChangeBody {
    /// What people call it.
    #[schema(max_length = 255, pattern = r"[^\s\x00-\x1f\x7f-\x9f]")]
    pub name: Option<String>,
    /// An https address of a public host, on port 443, without user, password and fragment.
    #[schema(format = Uri, max_length = 2048)]
    pub url: Option<String>,
    /// Which events.
    pub events: Option<EventTypes>,
    /// Whether events go there. What is under way to one that is made active again goes on.
    pub active: Option<bool>,
    /// Which of those events, by their content; all conditions anew.
    pub only: Option<Conditions>,
    /// The most messages a second.
    #[schema(minimum = 1, maximum = 1000)]
    pub rate_limit: Option<u32>,
    /// Whether messages are signed by an Ed25519 key of the hub too (`v1a`).
    pub asymmetric: Option<bool>,
    /// Headers to set, and with `null` to take away; the others stay.
    pub headers: Option<HeaderChanges>,
}

/// Which webhook is to be tested.
#[derive(Debug, ToSchema)]
#[schema(as = WebhookTest, example = json!({ "webhook_id": "whk_01" }))]
#[serde(deny_unknown_fields)]
pub struct WebhookTestBody {
    /// One of the caller's organization.
    pub webhook_id: WebhookId,
}
