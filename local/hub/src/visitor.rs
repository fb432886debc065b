//! liveprompt, an admin and their browser, over HTTP: what the demo does, anybody could do.

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use hub_engine::{transport, webhook};
use hub_samples::{Form, new_connection};
use serde_json::{Value, json};
use url::Url;

use crate::{demo::text, found::RECEIVER, issuer::Bearer, surroundings::Surroundings};

/// Somebody with a token.
pub(crate) struct Visitor<'a> {
    around: &'a Surroundings,
    token: String,
}

impl<'a> Visitor<'a> {
    /// An admin of an organization.
    pub(crate) fn admin(around: &'a Surroundings, organization: &str) -> anyhow::Result<Self> {
        let bearer = Bearer {
            organization,
            role: "admin",
            subject: "admin@seller.example",
        };
        Ok(Self {
            around,
            token: around.issuer.token(&bearer)?,
        })
    }

    /// liveprompt sends events.
    pub(crate) async fn send_events(&self, id: &str, events: &Value) -> anyhow::Result<Value> {
        let body = events.to_string();
        let now = self.around.hub.clock().now().as_second();
        let signature = webhook::sign(body.as_bytes(), id, now, &self.around.webhook_secret)
            .context("the webhook secret cannot sign")?;
        let request = Request::post(format!("{}/api/events", self.around.addresses.hub))
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature)
            .body(Bytes::from(body))?;
        let answer = transport::send(&self.around.transport, request).await?;
        expect(&answer, StatusCode::ACCEPTED)
    }

    /// The API, with the admin's token.
    pub(crate) async fn api(
        &self,
        method: http::Method,
        path: &str,
        body: Option<&Value>,
        expected: StatusCode,
    ) -> anyhow::Result<Value> {
        expect(&self.raw_api(method, path, body).await?, expected)
    }

    async fn raw_api(
        &self,
        method: http::Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Response<Bytes>> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.around.addresses.hub))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(
                body.map(|body| Bytes::from(body.to_string()))
                    .unwrap_or_default(),
            )?;
        Ok(transport::send(&self.around.transport, request).await?)
    }

    /// Sets a webhook up, as an admin does, and tells its receiver the secret, as its owner does.
    pub(crate) async fn receive(&self) -> anyhow::Result<String> {
        let receiver = self.around.sandboxes.get(RECEIVER).context("no receiver")?;
        let credentials = receiver.credentials();
        let url = format!("{}/events", text(&credentials, "/base_url"));
        // What the hub says of itself comes as well where it is asked for; how much that is, is a matter of time.
        let events = [
            "session.completed",
            "summary.generated",
            "action_item.created",
            "insight.detected",
        ];
        let new = json!({ "name": "Demo receiver", "url": url, "events": events });
        let path = "/api/integrations/webhooks";
        let made = self
            .api(http::Method::POST, path, Some(&new), StatusCode::CREATED)
            .await?;
        receiver
            .set(&json!({ "secrets": [text(&made, "/secret")] }))
            .map_err(|error| {
                anyhow::anyhow!("the receiver refused its secret: {}", error.detail)
            })?;
        Ok(text(&made, "/id").to_owned())
    }

    /// Connects a CRM as an admin does: create, log in at the CRM, come back, approve. Where the CRM has keys
    /// alone, the connection is created with one.
    pub(crate) async fn connect(&self, crm: &str) -> anyhow::Result<String> {
        let sandbox = self.around.sandboxes.get(crm).context("no such sandbox")?;
        let manifest = hub_connectors::manifest(crm).context("no such CRM")??;
        let name = format!("Demo {crm}");
        let new = new_connection(&manifest, crm, &name, &sandbox.credentials());
        let created = self
            .api(
                http::Method::POST,
                "/api/integrations/crm",
                Some(&new),
                StatusCode::CREATED,
            )
            .await?;
        let id = created
            .get("id")
            .and_then(Value::as_str)
            .context("the new connection has no id")?
            .to_owned();
        if new.get("api_key").is_none() {
            self.authorize(crm, &id).await?;
        }
        self.api(
            http::Method::POST,
            &format!("/api/integrations/crm/{id}/approve"),
            None,
            StatusCode::OK,
        )
        .await?;
        Ok(id)
    }

    /// Logs in at the CRM and comes back.
    async fn authorize(&self, crm: &str, id: &str) -> anyhow::Result<()> {
        let begin = json!({ "connection_id": id });
        let answer = self
            .raw_api(
                http::Method::POST,
                &format!("/api/integrations/{crm}/connect"),
                Some(&begin),
            )
            .await?;
        let cookie = answer
            .headers()
            .get(header::SET_COOKIE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let started = expect(&answer, StatusCode::OK)?;
        let cookie = cookie
            .context("no cookie was set")?
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        let authorize = started
            .get("authorize_url")
            .and_then(Value::as_str)
            .context("no address to log in at")?;

        // The person at the CRM's consent page says yes.
        let mut consent = Url::parse(authorize)?;
        consent
            .query_pairs_mut()
            .append_pair("__sandbox_consent", "allow");
        let answer = transport::send(
            &self.around.transport,
            Request::get(consent.as_str()).body(Bytes::new())?,
        )
        .await?;
        let back = self.way_back(answer).await?;
        let callback = Request::get(back)
            .header(header::COOKIE, cookie)
            .body(Bytes::new())?;
        let answer = transport::send(&self.around.transport, callback).await?;
        if answer.status() != StatusCode::OK {
            bail!("the callback failed: {}", shown(&answer));
        }
        Ok(())
    }

    /// Where the CRM sends the browser. A form that it makes the browser post goes to the callback, across
    /// sites and so without cookies, and is answered with an address.
    async fn way_back(&self, answer: Response<Bytes>) -> anyhow::Result<String> {
        let page = String::from_utf8_lossy(answer.body()).into_owned();
        let answer = match Form::of(&page) {
            Some(form) => {
                let request = Request::post(&form.action)
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(Bytes::from(form.body()))?;
                transport::send(&self.around.transport, request).await?
            }
            None => answer,
        };
        let back = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let back = back.with_context(|| {
            format!("the CRM did not send the browser back: {}", shown(&answer))
        })?;
        let hub = Url::parse(&self.around.addresses.hub)?;
        Ok(hub.join(&back)?.to_string())
    }
}

fn shown(answer: &Response<Bytes>) -> String {
    let text: String = String::from_utf8_lossy(answer.body())
        .chars()
        .take(500)
        .collect();
    format!("{} {text}", answer.status())
}

fn expect(answer: &Response<Bytes>, expected: StatusCode) -> anyhow::Result<Value> {
    if answer.status() != expected {
        bail!("expected {expected}, got {}", shown(answer));
    }
    serde_json::from_slice(answer.body())
        .with_context(|| format!("the answer is not JSON: {}", shown(answer)))
}
