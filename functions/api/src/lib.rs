//! HTTP: connections, deliveries, webhooks, the audit log.
//!
//! Every route but `/api/health` needs a bearer token; the engine decides what its role may do.
//! What is shown is written out in `views`, so nothing is shown by accident.

mod access;
mod audit;
mod config;
mod connections;
mod deliveries;
mod query;
mod views;
mod webhooks;

use axum::{
    Json, Router,
    routing::{get, post},
};
use hub_engine::{Hub, identity::Identity};
use hub_lambda::http::guarded;
use serde_json::{Value, json};

pub use config::Config;

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) hub: Hub,
    pub(crate) identity: Identity,
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
        .route("/api/deliveries", get(deliveries::list))
        .route("/api/deliveries/{id}", get(deliveries::get))
        .route("/api/audit", get(audit::export))
        .route("/api/health", get(health));
    guarded(routes.with_state(Api { hub, identity }))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
