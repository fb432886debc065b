//! One call to a token endpoint: a code, a refresh token, the application's own credentials or a
//! signed assertion becomes an access token, or a verdict.

mod dialect;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use hub_aws::vault::OauthClient as Application;
use hub_connectors::{ClientAuth, Encoding, Fields, Manifest, OAuth, Reply};
use hub_domain::{Cause, Connection, Method, Verdict};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oauth2::{
    AuthorizationCode, HttpRequest, HttpResponse, PkceCodeVerifier, RefreshToken,
    RequestTokenError, Scope,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::form_urlencoded;

use self::dialect::{standard, written};
use crate::{
    error::EngineError,
    hub::Hub,
    mask::masked,
    oauth::{TokenReply, client, flow, server_address},
    transport::{self, TransportError},
};

/// How long an assertion is good for, in seconds: vendors take three to five minutes at most.
const ASSERTION_LIFETIME_S: i64 = 180;

/// How long a token call may take, whatever carries it: the right to refresh outlives it.
pub(crate) const TOKEN_CALL_TIMEOUT: Duration = Duration::from_secs(25);

/// What is exchanged.
pub(crate) enum Grant<'a> {
    /// A code that a browser brought.
    Code {
        code: String,
        verifier: Option<String>,
        redirect_uri: &'a str,
    },
    /// A refresh token.
    Refresh(&'a SecretString),
    /// What the application has of its own.
    Own,
}

/// The token endpoint gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
enum TokenEndpointError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("the request cannot be made")]
    Request,
}

/// Exchanges a grant for a token.
///
/// # Errors
/// [`Verdict::Reauthorize`] where somebody has to act, [`Verdict::Retry`] or [`Verdict::Throttle`]
/// where the endpoint does not answer now.
#[tracing::instrument(skip_all, fields(crm = %connection.crm, connection.id = %connection.id))]
pub(crate) async fn exchange(
    hub: &Hub,
    manifest: &Manifest,
    connection: &Connection,
    application: &Application,
    grant: Grant<'_>,
) -> Result<TokenReply, Verdict> {
    let oauth = flow(manifest).map_err(verdict_of)?;
    let endpoint = Endpoint {
        hub: hub.clone(),
        encoding: oauth.encoding,
        last: Arc::default(),
    };
    let answered = match grant {
        Grant::Code {
            code,
            verifier,
            redirect_uri,
        } => {
            let client = client(hub, manifest, connection, application, Some(redirect_uri))
                .map_err(verdict_of)?;
            let mut request = client.exchange_code(AuthorizationCode::new(code));
            if let Some(verifier) = verifier {
                request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
            }
            let send = endpoint.sender();
            request.request_async(&send).await
        }
        Grant::Refresh(token) => {
            let client =
                client(hub, manifest, connection, application, None).map_err(verdict_of)?;
            let token = RefreshToken::new(token.expose_secret().to_owned());
            let send = endpoint.sender();
            client
                .exchange_refresh_token(&token)
                .request_async(&send)
                .await
        }
        Grant::Own if connection.method == Method::ClientCredentials => {
            let client =
                client(hub, manifest, connection, application, None).map_err(verdict_of)?;
            let mut request = client.exchange_client_credentials();
            if let Some(scope) = &oauth.client_scope {
                let scope = manifest.fill(scope, &connection.settings);
                request = request.add_scope(Scope::new(scope));
            }
            let send = endpoint.sender();
            request.request_async(&send).await
        }
        Grant::Own => {
            return endpoint
                .assert(manifest, oauth, connection, application)
                .await;
        }
    };
    answered.map_err(|error| match error {
        RequestTokenError::Request(TokenEndpointError::Transport(error)) => unanswered(&error),
        // What it answered, by the manifest's table.
        RequestTokenError::Request(TokenEndpointError::Request)
        | RequestTokenError::ServerResponse(_)
        | RequestTokenError::Parse(..)
        | RequestTokenError::Other(_) => endpoint.refusal(manifest),
    })
}

pub(crate) fn verdict_of(error: EngineError) -> Verdict {
    match error {
        EngineError::Crm(verdict) => verdict,
        other => Verdict::Retry {
            after: None,
            reason: other.to_string(),
        },
    }
}

fn unanswered(error: &TransportError) -> Verdict {
    match error {
        TransportError::Forbidden(reason) => Verdict::Misconfigured {
            reason: reason.clone(),
        },
        TransportError::NotSent(_) | TransportError::Insecure(_) | TransportError::Lost(_) => {
            Verdict::Retry {
                after: None,
                reason: format!("the token endpoint does not answer: {error}"),
            }
        }
    }
}

/// A CRM's token endpoint, reached by the one way out.
struct Endpoint {
    hub: Hub,
    encoding: Encoding,
    /// What it answered last.
    last: Arc<Mutex<Option<Reply>>>,
}

impl Endpoint {
    /// It owns its hub, so that the future is `Send` whatever borrows it.
    fn sender(
        &self,
    ) -> impl Fn(
        HttpRequest,
    ) -> futures_util::future::BoxFuture<
        'static,
        Result<HttpResponse, TokenEndpointError>,
    > + use<> {
        let (hub, encoding, last) = (self.hub.clone(), self.encoding, self.last.clone());
        move |request| {
            let (hub, last) = (hub.clone(), last.clone());
            Box::pin(async move {
                let (parts, body) = request.into_parts();
                let request = http::Request::from_parts(parts, Bytes::from(body));
                let reply = send(&hub, request, encoding).await?;
                let mut answer = http::Response::builder()
                    .status(reply.status)
                    .body(reply.body.to_vec())
                    .map_err(|_| TokenEndpointError::Request)?;
                // Whatever it calls its answer, it was read as JSON.
                let json = HeaderValue::from_static("application/json");
                answer.headers_mut().insert(header::CONTENT_TYPE, json);
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
                Ok(answer)
            })
        }
    }

    /// The verdict on the last answer, which was no token.
    fn refusal(&self, manifest: &Manifest) -> Verdict {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let unreadable = || Verdict::Retry {
            after: None,
            reason: "the token endpoint's answer cannot be read".to_owned(),
        };
        let Some(reply) = last.as_ref() else {
            return unreadable();
        };
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let text = |name: &str| {
            let text = body.get(name).and_then(Value::as_str).unwrap_or_default();
            text.chars().take(300).collect::<String>()
        };
        let error = Fields {
            code: text("error"),
            message: text("error_description"),
            fields: Vec::new(),
        };
        if error.code.is_empty()
            && !reply.status.is_server_error()
            && reply.status != StatusCode::TOO_MANY_REQUESTS
        {
            return unreadable();
        }
        manifest.token_verdict(reply, &error)
    }

    /// Asks with a signed assertion (RFC 7523), which the `oauth2` crate does not know.
    async fn assert(
        &self,
        manifest: &Manifest,
        oauth: &OAuth,
        connection: &Connection,
        application: &Application,
    ) -> Result<TokenReply, Verdict> {
        let assertion = assertion(&self.hub, manifest, oauth, connection, application)?;
        let address = server_address(&self.hub, manifest, connection, &oauth.token_url)
            .map_err(verdict_of)?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", assertion.expose_secret())
            .finish();
        let request = http::Request::post(address.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(Bytes::from(form))
            .map_err(|_| Verdict::Bug {
                reason: "a token request cannot be made".to_owned(),
            })?;
        let reply = send(&self.hub, request, self.encoding)
            .await
            .map_err(|error| unanswered(&error))?;
        let token = reply
            .status
            .is_success()
            .then(|| serde_json::from_slice(&reply.body).ok())
            .flatten();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
        token.ok_or_else(|| self.refusal(manifest))
    }
}

/// Signs an assertion with the customer's key.
fn assertion(
    hub: &Hub,
    manifest: &Manifest,
    oauth: &OAuth,
    connection: &Connection,
    application: &Application,
) -> Result<SecretString, Verdict> {
    let refused = |reason: &str| Verdict::Reauthorize {
        cause: Cause::ClientRefused,
        reason: reason.to_owned(),
    };
    let key = application
        .private_key
        .as_ref()
        .ok_or_else(|| refused("the connection has no private key"))?;
    let key = EncodingKey::from_rsa_pem(key.expose_secret().as_bytes())
        .map_err(|_| refused("the private key cannot be read: it has to be an RSA key in PEM"))?;
    let audience = oauth.assertion_audience.as_deref().unwrap_or_default();
    let subject = oauth.assertion_subject.as_deref().unwrap_or_default();
    let now = hub.clock().now().as_second();
    let claims = json!({
        "iss": application.client_id,
        "sub": manifest.setting(&connection.settings, subject),
        "aud": manifest.fill(audience, &connection.settings),
        "exp": now + ASSERTION_LIFETIME_S,
    });
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key)
        .map(SecretString::from)
        .map_err(|_| refused("the private key cannot sign"))
}

/// Sends it as the endpoint wants it; the answer is made what the standard asks for. What it says of an
/// error names none of the secrets it was sent.
async fn send(
    hub: &Hub,
    request: http::Request<Bytes>,
    encoding: Encoding,
) -> Result<Reply, TransportError> {
    let secrets = sent(&request);
    let call = transport::send(hub.transport(), written(request, encoding));
    let answer = tokio::time::timeout(TOKEN_CALL_TIMEOUT, call).await;
    let late = |_| TransportError::Lost("it took too long".to_owned());
    let (parts, body) = answer.map_err(late)??.into_parts();
    let (status, mut body) = standard(parts.status, body);
    let is_token = status.is_success()
        && serde_json::from_slice::<Value>(&body)
            .is_ok_and(|body| body.get("access_token").is_some());
    if !is_token {
        body = masked(body, secrets.iter().map(ExposeSecret::expose_secret));
    }
    Ok(Reply {
        status,
        headers: parts.headers,
        body,
        at: hub.clock().now(),
    })
}

/// The secrets of a token request, which is a form.
fn sent(request: &http::Request<Bytes>) -> Vec<SecretString> {
    const PUBLIC: [&str; 5] = [
        "grant_type",
        "client_id",
        "redirect_uri",
        "scope",
        "resource",
    ];
    let fields = form_urlencoded::parse(request.body());
    let mut secrets = Vec::new();
    for (_, value) in fields.filter(|(name, _)| !PUBLIC.contains(&name.as_ref())) {
        let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        secrets.extend([value.into_owned(), encoded].map(SecretString::from));
    }
    let headers = request.headers().get_all(header::AUTHORIZATION).iter();
    for basic in headers.filter_map(|value| value.to_str().ok()?.strip_prefix("Basic ")) {
        secrets.push(SecretString::from(basic));
        let pair = BASE64_STANDARD.decode(basic).unwrap_or_default();
        let pair = String::from_utf8_lossy(&pair).into_owned();
        if let Some((_, secret)) = pair.split_once(':') {
            secrets.push(SecretString::from(secret));
        }
    }
    secrets
}

/// The request that gives a grant back, with the client's proof where `application` is given.
pub(crate) fn revocation(
    oauth: &OAuth,
    application: Option<&Application>,
    address: &url::Url,
    mut fields: Vec<(&'static str, SecretString)>,
) -> Result<http::Request<Bytes>, Verdict> {
    let mut request = http::Request::post(address.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json");
    match application.map(|application| (oauth.client_auth, application)) {
        None => {}
        Some((ClientAuth::Body, application)) => {
            fields.push(("client_id", application.client_id.clone().into()));
            fields.push(("client_secret", application.client_secret.clone()));
        }
        Some((ClientAuth::Basic, application)) => {
            let pair = format!(
                "{}:{}",
                application.client_id,
                application.client_secret.expose_secret()
            );
            let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
            request = request.header(header::AUTHORIZATION, value);
        }
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &fields {
        form.append_pair(name, value.expose_secret());
    }
    request
        .body(Bytes::from(form.finish()))
        .map(|request| written(request, oauth.encoding))
        .map_err(|_| Verdict::Bug {
            reason: "a token request cannot be made".to_owned(),
        })
}
