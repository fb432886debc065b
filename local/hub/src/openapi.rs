//! The document of the API (OpenAPI 3.1), made from what the functions say of their routes. It is
//! checked in as `docs/openapi.json`; the api function serves that file.

use hub_lambda::openapi::{BEARER, Problem};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, InfoBuilder, LicenseBuilder, Server,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
};

use crate::terminal;

const TAGS: [(&str, &str); 6] = [
    ("events", "What liveprompt sends."),
    ("connections", "Links to CRM accounts."),
    ("connecting", "Authorizing a connection at its CRM."),
    (
        "deliveries",
        "What was written to which CRM, and why not else.",
    ),
    ("webhooks", "Where events are sent to."),
    ("service", "The API itself."),
];

/// The document.
///
/// # Errors
/// It cannot be written as JSON.
pub fn document() -> anyhow::Result<Value> {
    let mut document = hub_api::document();
    document.merge(hub_ingest::document());
    document.merge(hub_oauth::document());
    document.info = InfoBuilder::new()
        .title("CRM hub")
        .description(Some(
            "Connects liveprompt to CRMs. Errors are `application/problem+json`; a thing of another \
             organization is answered like one that does not exist.",
        ))
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ))
        .build();
    document.servers = Some(vec![Server::new("/")]);
    let tag = |(name, words)| {
        TagBuilder::new()
            .name(name)
            .description(Some(words))
            .build()
    };
    document.tags = Some(TAGS.map(tag).to_vec());
    let components = document.components.get_or_insert_with(Components::new);
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components
        .schemas
        .insert(Problem::name().into_owned(), Problem::schema());
    components.security_schemes.extend(schemes());
    let mut document = serde_json::to_value(&document)?;
    link(&mut document);
    Ok(document)
}

/// Prints it.
///
/// # Errors
/// It cannot be written as JSON.
pub fn print() -> anyhow::Result<()> {
    terminal::line(&serde_json::to_string_pretty(&document()?)?);
    Ok(())
}

/// How callers prove themselves.
fn schemes() -> impl Iterator<Item = (String, SecurityScheme)> {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "A token of the OIDC issuer: RS256, with the claims `org`, `role` (viewer, manager or admin) \
             and `sub`.",
        ));
    let mut application = Http::new(HttpAuthScheme::Basic);
    application.description = Some("The application's id and secret at the CRM.".to_owned());
    let signature = ApiKeyValue::with_description(
        "webhook-signature",
        "The signature of Standard Webhooks over `webhook-id`, `webhook-timestamp` and the body.",
    );
    let cookie = ApiKeyValue::with_description(
        hub_engine::connect::COOKIE,
        "Binds an authorization to the browser that began it.",
    );
    [
        (BEARER, SecurityScheme::Http(bearer.build())),
        ("application", SecurityScheme::Http(application)),
        (
            "signature",
            SecurityScheme::ApiKey(ApiKey::Header(signature)),
        ),
        ("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie))),
    ]
    .map(|(name, scheme)| (name.to_owned(), scheme))
    .into_iter()
}

/// Says where ids come from: `POST /x` and `GET /x` bring the id of `/x/{id}` and of what is below it.
/// Done on the JSON, because utoipa misspells `operationId` here.
fn link(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else {
        return;
    };
    let mut things: Vec<(String, Value)> = Vec::new();
    for (path, item) in paths.iter() {
        let operations = item.as_object().into_iter().flat_map(Map::values);
        let ids = operations.filter_map(|operation| operation.get("operationId"));
        things.extend(ids.map(|id| (path.clone(), id.clone())));
    }
    for (path, item) in paths.iter_mut() {
        let below = format!("{path}/{{id}}");
        for (answer, id_at) in [
            ("/post/responses/201", "$response.body#/id"),
            ("/get/responses/200", "$response.body#/items/0/id"),
        ] {
            let links = things.iter().filter(|(path, _)| path.starts_with(&below));
            let links: Map<String, Value> = links
                .map(|(_, id)| {
                    let link = json!({ "operationId": id, "parameters": { "id": id_at } });
                    (id.as_str().unwrap_or_default().to_owned(), link)
                })
                .collect();
            if let Some(answer) = item.pointer_mut(answer).filter(|_| !links.is_empty()) {
                answer["links"] = Value::Object(links);
            }
        }
    }
}
