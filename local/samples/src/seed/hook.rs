//! The samples' webhook: at the fake receiver, which knows its secret, so that what is sent there is taken.

use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use hub_engine::webhooks::{self, NewWebhook};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{Seeder, engine, url};
use crate::SampleError;

/// The fake receiver among the fake CRMs, and the webhook's name.
const RECEIVER: &str = "receiver";
const NAME: &str = "Sample";

impl Seeder {
    /// A webhook of the sample organization that is in use: the one there is, or a new one.
    pub(super) async fn webhook(&self) -> Result<String, SampleError> {
        let caller = self.admin()?;
        let known = webhooks::list(&self.hub, &caller).await;
        let known = known.map_err(engine("reading the webhooks"))?;
        let in_use = known
            .into_iter()
            .find(|webhook| webhook.name == NAME && webhook.active);
        if let Some(webhook) = in_use {
            return Ok(webhook.id.to_string());
        }
        let receiver = self.crm_urls.get(RECEIVER);
        let receiver =
            receiver.ok_or_else(|| SampleError::Unfit("no fake receiver runs".to_owned()))?;
        let new = json!({ "name": NAME, "url": format!("{receiver}/sample"), "events": ["*"] });
        let new = NewWebhook::read(&self.hub, &new)
            .map_err(|faults| SampleError::Unfit(format!("no webhook: {faults}")))?;
        let made = webhooks::create(&self.hub, &caller, new).await;
        let made = made.map_err(engine("creating a webhook"))?;
        let settings = json!({ "secrets": [made.secret.expose_secret()] });
        let address = url(&format!("{receiver}/__sandbox/settings"))?;
        let request = Request::post(address.as_str()).header(CONTENT_TYPE, "application/json");
        let body = Bytes::from(settings.to_string());
        let answer = self.send(request, body, RECEIVER).await?;
        if !answer.status().is_success() {
            let status = answer.status();
            let refused = format!("the receiver did not take its secret; it answered {status}");
            return Err(SampleError::Unfit(refused));
        }
        Ok(made.webhook.id.to_string())
    }
}
