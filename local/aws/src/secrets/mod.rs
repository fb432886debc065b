//! Secrets Manager: winterbaume, with a guard in front of it for what AWS does otherwise.
//!
//! winterbaume takes a *stale* `RemoveFromVersionId`, on whose refusal every compare-and-swap of a secret rests; takes
//! a used request token with another value; gives a created secret's version an id of its own instead of the token;
//! leaves two versions labelled `AWSPREVIOUS` after a third put; forgets the hundred versions that AWS keeps; takes
//! no binary values (here they are refused instead of dropped); and never ends a deletion's recovery window.
//!
//! It copies all it holds after each call, so each secret has a winterbaume of its own.

mod ledger;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use winterbaume_core::{MockRequest, MockService};
use winterbaume_secretsmanager::SecretsManagerService;

use crate::call::{Answer, Call, Service};
use crate::clock::Clock;
use ledger::{Known, Ledger};

pub(crate) struct Secrets {
    /// By the secret's name.
    services: Mutex<BTreeMap<String, Arc<SecretsManagerService>>>,
    clock: Clock,
    ledger: Mutex<Ledger>,
    /// One call at a time: the guard looks before it lets a call through.
    turn: tokio::sync::Mutex<()>,
}

/// A refusal that is ours, or winterbaume's answer to hand on.
enum Refusal {
    Ours(&'static str, String),
    Theirs(Answer),
}

type Body = Map<String, Value>;

impl Secrets {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            services: Mutex::default(),
            clock,
            ledger: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn versions(&self, name: &str) -> usize {
        self.ledger().versions(name)
    }

    pub(crate) async fn call(&self, call: &Call) -> Answer {
        let _turn = self.turn.lock().await;
        match self.guarded(call).await {
            Ok(body) => Answer::json(Service::Secrets, 200, &Value::Object(body)),
            Err(Refusal::Theirs(answer)) => answer,
            Err(Refusal::Ours(code, message)) => Answer::json(
                Service::Secrets,
                400,
                &json!({ "__type": code, "Message": message }),
            ),
        }
    }

    async fn guarded(&self, call: &Call) -> Result<Body, Refusal> {
        let Ok(body) = serde_json::from_slice::<Body>(&call.body) else {
            return Err(Refusal::Ours(
                "SerializationException",
                "The body is not a JSON object.".into(),
            ));
        };
        if body.contains_key("SecretBinary") {
            let message = "SecretBinary is not supported by the local AWS; use SecretString.";
            return Err(Refusal::Ours("InvalidParameterException", message.into()));
        }
        self.end_recovery_windows().await?;
        match call.operation.as_str() {
            "CreateSecret" => self.create(body).await,
            "PutSecretValue" => self.put(body).await,
            "UpdateSecret" => self.update(body).await,
            "UpdateSecretVersionStage" => self.move_stage(body).await,
            "DeleteSecret" => self.delete(body).await,
            "RestoreSecret" => {
                let answer = self.forward("RestoreSecret", &body).await?;
                self.ledger().restored(text(&answer, "Name"));
                Ok(answer)
            }
            "ListSecrets" => self.list(&body).await,
            "BatchGetSecretValue" => {
                let message =
                    "BatchGetSecretValue is not supported by the local AWS; use GetSecretValue.";
                Err(Refusal::Ours("InvalidRequestException", message.into()))
            }
            other => self.forward(other, &body).await,
        }
    }

    async fn list(&self, body: &Body) -> Result<Body, Refusal> {
        let names: Vec<String> = self.services().keys().cloned().collect();
        let mut all = Vec::new();
        for name in names {
            let mut found = self.ask(&name, "ListSecrets", body).await?;
            if let Some(Value::Array(found)) = found.remove("SecretList") {
                all.extend(found);
            }
        }
        let mut answer = Body::new();
        answer.insert("SecretList".into(), all.into());
        Ok(answer)
    }

    /// Creates without a value, then puts the value, so that the version's id is the request's token.
    async fn create(&self, mut body: Body) -> Result<Body, Refusal> {
        let value = body.remove("SecretString");
        let token = body.remove("ClientRequestToken");
        let name = body
            .get("Name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if let Ok(standing) = self.describe(&name).await {
            if standing.contains_key("DeletedDate") {
                let message = "You can't create this secret because a secret with this name is already scheduled for deletion.";
                return Err(Refusal::Ours("InvalidRequestException", message.into()));
            }
            let known = self.ledger().known(&name, token.as_ref(), value.as_ref());
            if let (Known::Same, Some(token)) = (known, &token) {
                return Ok(repeat(&standing, token));
            }
        }
        let mut answer = self.forward("CreateSecret", &body).await?;
        self.ledger().created(&name);
        if let Some(value) = value {
            let put = self.put(put_request(&name, token, value)).await?;
            answer.extend(
                put.get_key_value("VersionId")
                    .map(|(k, v)| (k.clone(), v.clone())),
            );
        }
        Ok(answer)
    }

    async fn put(&self, body: Body) -> Result<Body, Refusal> {
        let standing = self.describe(text(&body, "SecretId")).await?;
        let name = text(&standing, "Name").to_owned();
        let (token, value) = (body.get("ClientRequestToken"), body.get("SecretString"));
        let known = self.ledger().known(&name, token, value);
        match known {
            Known::Not => {}
            Known::Same => return Ok(repeat(&standing, token.unwrap_or(&Value::Null))),
            Known::Different => {
                let message = "You can't use ClientRequestToken with a different value: a version with it already exists.";
                return Err(Refusal::Ours("ResourceExistsException", message.into()));
            }
        }
        let labelled = labelled(&standing);
        if !self.ledger().room(&name, &labelled, (self.clock)()) {
            let message =
                "The secret has 100 versions, and AWS removes none that is younger than a day.";
            return Err(Refusal::Ours("LimitExceededException", message.into()));
        }
        let current = !standing.contains_key("DeletedDate")
            && body
                .get("VersionStages")
                .and_then(Value::as_array)
                .is_none_or(|s| s.contains(&"AWSCURRENT".into()));
        if let (true, Some(previous)) = (current, holder(&standing, "AWSPREVIOUS")) {
            let mut unlabel = Body::new();
            unlabel.insert("SecretId".into(), name.clone().into());
            unlabel.insert("VersionStage".into(), "AWSPREVIOUS".into());
            unlabel.insert("RemoveFromVersionId".into(), previous.into());
            self.forward("UpdateSecretVersionStage", &unlabel).await?;
        }
        let answer = self.forward("PutSecretValue", &body).await?;
        self.ledger()
            .put(&name, text(&answer, "VersionId"), value, (self.clock)());
        Ok(answer)
    }

    async fn update(&self, mut body: Body) -> Result<Body, Refusal> {
        let value = body.remove("SecretString");
        let token = body.remove("ClientRequestToken");
        let mut answer = self.forward("UpdateSecret", &body).await?;
        if let Some(value) = value {
            let put = self
                .put(put_request(text(&body, "SecretId"), token, value))
                .await?;
            answer.extend(
                put.get_key_value("VersionId")
                    .map(|(k, v)| (k.clone(), v.clone())),
            );
        }
        Ok(answer)
    }

    /// "If the label is attached and you either do not specify this parameter, or the version ID does not match, then
    /// the operation fails": <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>
    async fn move_stage(&self, body: Body) -> Result<Body, Refusal> {
        let standing = self.describe(text(&body, "SecretId")).await?;
        if standing.contains_key("DeletedDate") {
            let message = "You can't perform this operation on the secret because it was marked for deletion.";
            return Err(Refusal::Ours("InvalidRequestException", message.into()));
        }
        let stage = text(&body, "VersionStage");
        let from = body.get("RemoveFromVersionId").and_then(Value::as_str);
        let to = body.get("MoveToVersionId").and_then(Value::as_str);
        let holder = holder(&standing, stage);
        let refused = match (holder, from) {
            (Some(holder), Some(from)) => holder != from,
            (Some(holder), None) => to != Some(holder),
            (None, from) => from.is_some(),
        };
        if refused {
            let attached = holder.map_or_else(
                || format!("Staging label {stage} is attached to no version"),
                |holder| format!("Staging label {stage} is currently attached to version {holder}"),
            );
            let message = format!("The parameter RemoveFromVersionId does not match. {attached}.");
            return Err(Refusal::Ours("InvalidParameterException", message));
        }
        // winterbaume drops a version with its last label, where AWS keeps it a day; it would then
        // take the label from one version and give it to none.
        let there = |to: &str| {
            let versions = standing.get("VersionIdsToStages");
            versions.is_some_and(|versions| versions.get(to).is_some())
        };
        if to.is_some_and(|to| !there(to)) {
            let message = "Secrets Manager can't find the specified secret version.";
            return Err(Refusal::Ours("ResourceNotFoundException", message.into()));
        }
        self.forward("UpdateSecretVersionStage", &body).await
    }

    async fn delete(&self, body: Body) -> Result<Body, Refusal> {
        let mut answer = self.forward("DeleteSecret", &body).await?;
        let name = text(&answer, "Name").to_owned();
        let forced = body.get("ForceDeleteWithoutRecovery") == Some(&Value::Bool(true));
        let days = body
            .get("RecoveryWindowInDays")
            .and_then(Value::as_i64)
            .unwrap_or(30);
        let at = self
            .ledger()
            .deleted(&name, (self.clock)(), if forced { 0 } else { days });
        answer.insert("DeletionDate".into(), at.as_second().into());
        Ok(answer)
    }

    /// Deletes for good what was scheduled for it and is due.
    async fn end_recovery_windows(&self) -> Result<(), Refusal> {
        let due = self.ledger().due((self.clock)());
        for name in due {
            let mut body = Body::new();
            body.insert("SecretId".into(), name.into());
            body.insert("ForceDeleteWithoutRecovery".into(), true.into());
            self.forward("DeleteSecret", &body).await?;
        }
        Ok(())
    }

    async fn describe(&self, id: &str) -> Result<Body, Refusal> {
        let mut body = Body::new();
        body.insert("SecretId".into(), id.into());
        self.forward("DescribeSecret", &body).await
    }

    /// Asks the service of the secret that the request names.
    async fn forward(&self, operation: &str, body: &Body) -> Result<Body, Refusal> {
        let id = body.get("SecretId").or_else(|| body.get("Name"));
        let name = name_of(id.and_then(Value::as_str).unwrap_or_default());
        self.ask(name, operation, body).await
    }

    async fn ask(&self, name: &str, operation: &str, body: &Body) -> Result<Body, Refusal> {
        let service = self.services().entry(name.to_owned()).or_default().clone();
        let mut headers = http::HeaderMap::new();
        if let Ok(target) = format!("secretsmanager.{operation}").parse() {
            headers.insert("x-amz-target", target);
        }
        let request = MockRequest {
            method: "POST".to_owned(),
            uri: "http://localhost/".to_owned(),
            headers,
            body: Bytes::from(Value::Object(body.clone()).to_string()),
        };
        let response = service.handle(request).await;
        match serde_json::from_slice(&response.body) {
            Ok(body) if response.status == 200 => Ok(body),
            _ => Err(Refusal::Theirs(Answer::raw(
                Service::Secrets,
                response.status,
                response.body,
            ))),
        }
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<String, Arc<SecretsManagerService>>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name in an id, which may be an ARN: that ends in the name, a hyphen and six characters.
fn name_of(id: &str) -> &str {
    let Some((_, name)) = id.split_once(":secret:") else {
        return id;
    };
    match name.rsplit_once('-') {
        Some((name, six)) if six.len() == 6 => name,
        _ => name,
    }
}

fn put_request(id: &str, token: Option<Value>, value: Value) -> Body {
    let mut put = Body::new();
    put.insert("SecretId".into(), id.into());
    put.insert("SecretString".into(), value);
    if let Some(token) = token {
        put.insert("ClientRequestToken".into(), token);
    }
    put
}

fn text<'a>(body: &'a Body, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn stages(described: &Body) -> impl Iterator<Item = (&String, &Vec<Value>)> {
    let versions = described
        .get("VersionIdsToStages")
        .and_then(Value::as_object);
    versions
        .into_iter()
        .flatten()
        .filter_map(|(id, stages)| Some((id, stages.as_array()?)))
}

/// The version that a label is attached to.
fn holder<'a>(described: &'a Body, stage: &str) -> Option<&'a str> {
    let mut versions = stages(described);
    versions
        .find(|(_, stages)| stages.iter().any(|s| s == stage))
        .map(|(id, _)| id.as_str())
}

/// The answer to a request whose token and value are known: nothing changes.
fn repeat(described: &Body, token: &Value) -> Body {
    let mut answer = described.clone();
    answer.retain(|name, _| name == "ARN" || name == "Name");
    let own = stages(described).find(|(id, _)| *token == id.as_str());
    answer.insert("VersionId".into(), token.clone());
    answer.insert(
        "VersionStages".into(),
        own.map(|(_, stages)| stages.clone())
            .unwrap_or_default()
            .into(),
    );
    answer
}

fn labelled(described: &Body) -> Vec<String> {
    stages(described)
        .filter(|(_, stages)| !stages.is_empty())
        .map(|(id, _)| id.clone())
        .collect()
}
