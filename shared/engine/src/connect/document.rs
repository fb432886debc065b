//! What a callback brings, as the document of the API (OpenAPI) describes it. Nothing is read with
//! this type.

use utoipa::{IntoParams, ToSchema};

/// What a CRM says when it sends a browser back. It may say more.
#[derive(Debug, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct CallbackParameters {
    /// The code to exchange for tokens.
    pub code: Option<String>,
    /// Which authorization it is of.
    pub state: Option<String>,
    /// That it was refused, and why, for programs.
    pub error: Option<String>,
    /// Why it was refused, for people.
    pub error_description: Option<String>,
    /// What a callback that came by a form was put aside under.
    pub handle: Option<String>,
}
