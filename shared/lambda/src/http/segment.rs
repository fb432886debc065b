//! The one variable part of a path.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

/// The variable part of a path, whatever it is. What is no text becomes what no id has, so that it is
/// answered like an id that nothing has.
#[derive(Debug)]
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let found = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(found.map_or_else(
            |_| char::REPLACEMENT_CHARACTER.to_string(),
            |Path(text)| text,
        )))
    }
}
