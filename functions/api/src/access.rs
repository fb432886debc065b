//! Who calls, and how a failure of the engine is answered.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use hub_engine::{EngineError, Public, identity};
use hub_lambda::{ApiError, Problem};

use crate::Api;

/// The caller of a request: a handler that takes one refuses everybody else.
pub(crate) struct Caller(pub(crate) identity::Caller);

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Api) -> Result<Self, ApiError> {
        let bearer = parts.headers.get(header::AUTHORIZATION);
        let bearer = bearer.and_then(|value| value.to_str().ok());
        let caller = state.identity.caller(&state.hub, bearer).await;
        caller
            .map(Self)
            .map_err(|error| problem(error.public()).caused_by(&error))
    }
}

/// What the caller is told of a failure, and what we are.
pub(crate) fn refused(error: &EngineError) -> ApiError {
    problem(error.public()).caused_by(error)
}

fn problem(public: Public) -> ApiError {
    let problem = Problem::of_status(public.status, public.detail).faults(public.faults.0);
    let members = public.members.into_iter();
    members
        .fold(problem, |problem, (member, value)| {
            problem.with(member, value)
        })
        .into()
}
