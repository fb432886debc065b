//! What every operation of the API has in common, for its document (OpenAPI): how it refuses.
//!
//! Nothing here runs in a function: the document is made once, and checked in.

use std::collections::BTreeMap;

use hub_domain::Fault;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, schema::Type},
};

/// The name of the security scheme of people and services.
pub const BEARER: &str = "bearer";

/// Why a request was refused (RFC 9457). Some kinds have members of their own.
#[derive(Debug, ToSchema)]
pub struct Problem {
    /// `urn:hub:problem:` and the kind of problem.
    #[schema(pattern = "^urn:hub:problem:[a-z-]+$")]
    pub r#type: String,
    /// What the kind means.
    pub title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened this time, and what can be done about it.
    pub detail: Option<String>,
    /// What is wrong with the request, place by place.
    #[schema(max_items = 100)]
    pub faults: Option<Vec<Fault>>,
}

/// The answer that refuses, with the header it brings.
fn refusal(words: &str, header: Option<(&str, Type, &str)>) -> RefOr<Response> {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name())));
    let mut response = Response::builder()
        .description(words)
        .content("application/problem+json", problem.build());
    if let Some((name, kind, words)) = header {
        let schema = ObjectBuilder::new().schema_type(kind);
        let header = HeaderBuilder::new().schema(schema).description(Some(words));
        response = response.header(name, header.build());
    }
    response.build().into()
}

const RETRY_AFTER: Option<(&str, Type, &str)> = Some((
    "Retry-After",
    Type::Integer,
    "After how many seconds to send the same request again.",
));

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal: $words:literal $(, $header:expr)?;)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                BTreeMap::from([$((
                    $status.to_owned(),
                    refusal($words, None$(.or($header))?),
                ),)+])
            }
        }
    )+};
}

refusals! {
    /// Whatever may happen to anybody.
    Failing {
        "500": "Something failed on our side.";
        "503": "The same request may succeed later.", RETRY_AFTER;
    }
    /// A caller is needed, of some role.
    Called {
        "401": "There is no bearer, or it is not believed.",
            Some(("WWW-Authenticate", Type::String, "The scheme that is needed."));
        "403": "The role may not do this.";
        "500": "Something failed on our side.";
        "503": "The same request may succeed later.", RETRY_AFTER;
    }
    /// A body is read.
    Read {
        "400": "The body is not JSON.";
        "413": "The body has more than 1 MiB.";
        "422": "The faults say what would be right.";
    }
    /// A body is read, and answered in another way if it is not valid.
    Unreadable {
        "400": "The body is not JSON.";
        "413": "The body has more than 1 MiB.";
        "500": "Something failed on our side.";
    }
    /// A query is read.
    Asked {
        "422": "The faults say what would be right.";
    }
    /// A thing has to be there, and of the caller's organization, which is the same.
    Found {
        "404": "There is no such thing.";
    }
    /// A thing has to be in a state that the call fits.
    Fitting {
        "409": "It is in another state than this needs, or was changed at the same time.";
    }
    /// A thing has to be at the version of `If-Match`.
    Unchanged {
        "412": "It is not at the version that `If-Match` names.";
    }
    /// A plan has to allow it.
    Paid {
        "402": "The plan does not allow more; the members `plan`, `counted`, `limit` and `used` say which.";
    }
    /// The CRM has to agree.
    Agreed {
        "502": "The CRM refused; the words say what to do.";
    }
}
