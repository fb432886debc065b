//! HTTP: connect and callback.
//!
//! `connect` answers an API call and binds the authorization to the browser by a cookie; `callback`
//! is where the CRM sends that browser back, so it answers with a page that a person reads.

mod access;
mod callback;
mod config;
mod connect;
mod page;

use axum::{
    Router,
    routing::{get, post},
};
use hub_engine::{Hub, identity::Identity};
use hub_lambda::http::guarded;
use utoipa::OpenApi;

pub use config::Config;

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct Oauth {
    pub(crate) hub: Hub,
    pub(crate) identity: Identity,
    pub(crate) public_url: String,
}

/// The routes, for the document of the API.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        connect::begin,
        connect::ask,
        connect::start,
        callback::finish,
        callback::put_aside,
        callback::uninstalled,
    ))]
    struct Document;
    Document::openapi()
}

/// The routes. `public_url` is where API and console are reached.
pub fn router(hub: Hub, identity: Identity, public_url: String) -> Router {
    let routes = Router::new()
        .route("/api/integrations/{crm}/connect", post(connect::begin))
        .route(
            "/api/integrations/{crm}/start",
            get(connect::ask).post(connect::start),
        )
        .route(
            "/api/integrations/{crm}/callback",
            get(callback::finish)
                .post(callback::put_aside)
                .delete(callback::uninstalled),
        );
    guarded(routes.with_state(Oauth {
        hub,
        identity,
        public_url,
    }))
}
