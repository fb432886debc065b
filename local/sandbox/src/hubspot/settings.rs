//! The switches of this account.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use crate::frame::FaultError;

#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Whether activities have the key property.
    pub(super) liveprompt_property: bool,
    /// Whether a property of an activity may be unique.
    pub(super) unique_property: bool,
    /// Whether the date-versioned API answers 207 to a batch that partly failed.
    pub(super) multi_status: bool,
    /// Whether a code that came with a challenge needs its verifier.
    pub(super) pkce: bool,
    pub(super) search_lag_s: u64,
    pub(super) ten_secondly_limit: u64,
    pub(super) private_ten_secondly_limit: u64,
    pub(super) search_limit: u64,
    pub(super) daily_limit: u64,
    /// Scopes this account's plan lacks.
    pub(super) withheld_scopes: Vec<String>,
    /// What the service key may do; all there is where nothing is said.
    pub(super) service_key_scopes: Option<Vec<String>>,
    /// Properties an admin demands on create; only version 2026-09 enforces them.
    pub(super) required_properties: BTreeMap<Kind, Vec<String>>,
    pub(super) redirect_uris: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            liveprompt_property: true,
            unique_property: true,
            multi_status: true,
            pkce: true,
            search_lag_s: 5,
            ten_secondly_limit: 110,
            private_ten_secondly_limit: 190,
            search_limit: 5,
            daily_limit: 625_000,
            withheld_scopes: Vec::new(),
            service_key_scopes: None,
            required_properties: BTreeMap::new(),
            redirect_uris: vec![
                "http://127.0.0.1:3000/api/integrations/hubspot/callback".to_owned(),
            ],
        }
    }
}

impl Settings {
    pub(super) fn shown(&self) -> Value {
        let required: Map<String, Value> = self
            .required_properties
            .iter()
            .map(|(kind, names)| (kind.plural().to_owned(), json!(names)))
            .collect();
        json!({
            "liveprompt_property": self.liveprompt_property,
            "unique_property": self.unique_property,
            "multi_status": self.multi_status,
            "pkce": self.pkce,
            "search_lag_s": self.search_lag_s,
            "ten_secondly_limit": self.ten_secondly_limit,
            "private_ten_secondly_limit": self.private_ten_secondly_limit,
            "search_limit": self.search_limit,
            "daily_limit": self.daily_limit,
            "withheld_scopes": self.withheld_scopes,
            "service_key_scopes": self.service_key_scopes,
            "required_properties": required,
            "redirect_uris": self.redirect_uris,
        })
    }

    /// These switches with some of them set anew.
    pub(super) fn with(&self, wanted: &Map<String, Value>) -> Result<Self, FaultError> {
        let mut settings = self.clone();
        for (name, value) in wanted {
            let wrong = |what: &str| FaultError::new(name.clone(), what);
            let yes = || {
                let yes = value.as_bool();
                yes.ok_or_else(|| wrong("true or false is needed"))
            };
            let number = || value.as_u64().ok_or_else(|| wrong("a number is needed"));
            let list = |value: &Value| {
                let list = value.as_array().map(|list| list.iter());
                let list: Option<Vec<String>> =
                    list.and_then(|list| list.map(|v| v.as_str().map(str::to_owned)).collect());
                list.ok_or_else(|| wrong("a list of texts is needed"))
            };
            match name.as_str() {
                "liveprompt_property" => settings.liveprompt_property = yes()?,
                "unique_property" => settings.unique_property = yes()?,
                "multi_status" => settings.multi_status = yes()?,
                "pkce" => settings.pkce = yes()?,
                "search_lag_s" => settings.search_lag_s = number()?,
                "ten_secondly_limit" => settings.ten_secondly_limit = number()?,
                "private_ten_secondly_limit" => settings.private_ten_secondly_limit = number()?,
                "search_limit" => settings.search_limit = number()?,
                "daily_limit" => settings.daily_limit = number()?,
                "withheld_scopes" => settings.withheld_scopes = list(value)?,
                "service_key_scopes" if value.is_null() => settings.service_key_scopes = None,
                "service_key_scopes" => settings.service_key_scopes = Some(list(value)?),
                "redirect_uris" => settings.redirect_uris = list(value)?,
                "required_properties" => {
                    let body = value.as_object();
                    let body = body.ok_or_else(|| wrong("lists by type of record are needed"))?;
                    settings.required_properties.clear();
                    for (kind, names) in body {
                        let kind = Kind::parse(kind).ok_or_else(|| wrong("no such type"))?;
                        settings.required_properties.insert(kind, list(names)?);
                    }
                }
                _ => return Err(wrong("no such setting")),
            }
        }
        Ok(settings)
    }
}
