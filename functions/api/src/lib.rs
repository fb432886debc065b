//! HTTP: connections, deliveries, webhooks, the audit log, health.
//!
//! Every route but `/api/openapi.json` needs a bearer token; the engine decides what its role may do.
//! What is shown is written out in `views`, so nothing is shown by accident.

mod access;
mod audit;
mod config;
mod connections;
mod deliveries;
mod health;
mod query;
mod views;
mod webhooks;

use axum::{
    Router,
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use hub_engine::{Hub, identity::Identity};
use hub_lambda::http::guarded;
use utoipa::OpenApi;

pub use config::Config;

/// The document of the whole API, made by `cargo run -- openapi`.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) hub: Hub,
    pub(crate) identity: Identity,
}

/// The routes, for the document of the API.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        connections::create,
        connections::list,
        connections::get,
        connections::update,
        connections::disconnect,
        connections::approve,
        connections::pause,
        connections::resume,
        connections::test,
        webhooks::create,
        webhooks::list,
        webhooks::test,
        webhooks::get,
        webhooks::update,
        webhooks::delete,
        webhooks::rotate_secret,
        webhooks::recover,
        webhooks::replay_missing,
        deliveries::list,
        deliveries::get,
        deliveries::retry,
        deliveries::retry_all,
        audit::export,
        health::health,
        openapi,
    ))]
    struct Document;
    Document::openapi()
}

/// The routes.
pub fn router(hub: Hub, identity: Identity) -> Router {
    let routes = Router::new()
        .route(
            "/api/integrations/crm",
            get(connections::list).post(connections::create),
        )
        .route(
            "/api/integrations/crm/{id}",
            get(connections::get)
                .patch(connections::update)
                .delete(connections::disconnect),
        )
        .route(
            "/api/integrations/crm/{id}/approve",
            post(connections::approve),
        )
        .route("/api/integrations/crm/{id}/pause", post(connections::pause))
        .route(
            "/api/integrations/crm/{id}/resume",
            post(connections::resume),
        )
        .route("/api/integrations/crm/{id}/test", post(connections::test))
        .route(
            "/api/integrations/webhooks",
            get(webhooks::list).post(webhooks::create),
        )
        .route("/api/integrations/webhooks/test", post(webhooks::test))
        .route(
            "/api/integrations/webhooks/{id}",
            get(webhooks::get)
                .patch(webhooks::update)
                .delete(webhooks::delete),
        )
        .route(
            "/api/integrations/webhooks/{id}/rotate-secret",
            post(webhooks::rotate_secret),
        )
        .route(
            "/api/integrations/webhooks/{id}/recover",
            post(webhooks::recover),
        )
        .route(
            "/api/integrations/webhooks/{id}/replay-missing",
            post(webhooks::replay_missing),
        )
        .route("/api/deliveries", get(deliveries::list))
        .route("/api/deliveries/retry", post(deliveries::retry_all))
        .route("/api/deliveries/{id}", get(deliveries::get))
        .route("/api/deliveries/{id}/retry", post(deliveries::retry))
        .route("/api/audit", get(audit::export))
        .route("/api/health", get(health::health))
        .route("/api/openapi.json", get(openapi));
    guarded(routes.with_state(Api { hub, identity }))
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "openapi",
    tag = "service",
    responses((status = 200, body = Object, description = "It is an OpenAPI 3.1 document.")),
)]
async fn openapi() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, DOCUMENT)
}
