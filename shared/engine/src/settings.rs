//! A connection's settings, as its manifest allows them.

use std::collections::BTreeMap;

use hub_connectors::{Manifest, Setting, SettingKind};
use hub_domain::{Faults, Method, limits::MAX_SHORT};
use serde_json::{Map, Value};

/// Reads settings; every fault is named.
pub(crate) fn read(
    manifest: &Manifest,
    method: Method,
    given: &Map<String, Value>,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
    let known = &manifest.settings;
    let mut settings = BTreeMap::new();
    for (name, value) in given {
        let pointer = format!("/settings/{name}");
        match (known.get(name), value.as_str()) {
            (None, _) => {
                let names: Vec<&str> = known.keys().map(String::as_str).collect();
                faults.push(
                    pointer,
                    "is unknown",
                    format!("one of {}", names.join(", ")),
                );
            }
            (Some(_), None) => faults.push(pointer, "is not a string", "a string"),
            (Some(setting), Some(text)) => match wrong(manifest, setting, text) {
                Some((fault, right)) => faults.push(pointer, fault, right),
                None => drop(settings.insert(name.clone(), text.to_owned())),
            },
        }
    }
    let needed = |name: &str, setting: &Setting| {
        setting.required
            || (method == Method::JwtBearer
                && manifest
                    .oauth
                    .as_ref()
                    .and_then(|oauth| oauth.assertion_subject.as_deref())
                    == Some(name))
            || (method == Method::ApiKey
                && manifest.api_key.as_ref().is_some_and(|keys| {
                    let mark = format!("{{{name}}}");
                    keys.headers.values().any(|header| header.contains(&mark))
                }))
    };
    for (name, setting) in known {
        if needed(name, setting) && !given.contains_key(name) {
            faults.push(
                format!("/settings/{name}"),
                "is missing",
                setting.description.clone(),
            );
        }
    }
    settings
}

/// What is wrong with a text, and what would be right. Settings fill hosts, paths, headers and field
/// names, so each kind has nothing in it that could end one.
fn wrong(manifest: &Manifest, setting: &Setting, text: &str) -> Option<(String, String)> {
    let plain = |text: &str, more: &[u8]| {
        !text.is_empty()
            && text.len() <= MAX_SHORT
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b) || more.contains(&b))
    };
    if !setting.options.is_empty() {
        let listed = setting.options.iter().any(|option| option == text);
        return (!listed).then(|| {
            (
                format!("is '{text}'"),
                format!("one of {}", setting.options.join(", ")),
            )
        });
    }
    let characters = |right: &str| {
        Some((
            "has characters that cannot stand there".to_owned(),
            right.to_owned(),
        ))
    };
    match setting.kind {
        SettingKind::Name if !plain(text, b"") => characters("letters, digits, '.', '_' and '-'"),
        SettingKind::Host if !plain(text, b"") || !manifest.allows_host(text) => Some((
            "is not a host of this CRM".to_owned(),
            format!("one of {}", manifest.api.host_patterns.join(", ")),
        )),
        SettingKind::Email
            if !plain(text, b"@+")
                || text.matches('@').count() != 1
                || text.starts_with('@')
                || text.ends_with('@') =>
        {
            characters("an e-mail address")
        }
        SettingKind::Name | SettingKind::Host | SettingKind::Email => None,
    }
}

/// Whether a change of settings moves a connection to another host, tenant or account.
pub(crate) fn moves(
    manifest: &Manifest,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> bool {
    let addresses = |settings: &BTreeMap<String, String>| {
        let oauth = manifest.oauth.iter();
        let oauth = oauth.flat_map(|oauth| [&oauth.authorize_url, &oauth.token_url]);
        let keys = manifest
            .api_key
            .iter()
            .flat_map(|keys| keys.headers.values());
        oauth
            .chain(&manifest.api.base_url)
            .chain(keys)
            .map(|template| manifest.fill(template, settings))
            .collect::<Vec<_>>()
    };
    addresses(before) != addresses(after)
}
