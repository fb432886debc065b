//! What holds for the authorization of every CRM that can be connected.

use std::collections::BTreeMap;

use hub_connectors::{Fields, Manifest, Rotation, SettingKind, connectable};
use hub_domain::{Cause, Connection, Method, Verdict};
use secrecy::SecretString;

use crate::fixture::{connection, reply};

fn manifests() -> impl Iterator<Item = (&'static str, Manifest)> {
    connectable().map(|crm| {
        let manifest = hub_connectors::manifest(crm).expect("it can be connected");
        let manifest = manifest
            .unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
        (crm, manifest)
    })
}

fn host(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    rest.split('/').next().unwrap_or_default()
}

#[test]
fn every_address_is_whole_and_every_host_one_the_crm_can_have() {
    for (crm, manifest) in manifests() {
        assert!(!manifest.methods().is_empty(), "{crm}");
        let none = BTreeMap::new();
        let oauth = manifest.oauth.as_ref();
        let urls = oauth.into_iter().flat_map(|oauth| {
            let revocation = oauth.revocation.as_ref().map(|found| &found.url);
            [
                Some(&oauth.authorize_url),
                Some(&oauth.token_url),
                revocation,
            ]
        });
        for url in urls.flatten().chain(&manifest.api.base_url) {
            let filled = manifest.fill(url, &none);
            assert!(
                !filled.contains('{') && !host(&filled).is_empty(),
                "{crm}: {filled}"
            );
            // A host that a setting names is input, and so is a base URL.
            let input = url.contains("://{") || manifest.api.base_url.as_ref() == Some(url);
            let listed = manifest
                .settings
                .values()
                .any(|setting| setting.options.iter().any(|option| option == host(&filled)));
            assert!(
                !input || listed || manifest.allows_host(host(&filled)),
                "{crm}: {filled}"
            );
        }
        let in_reply = oauth.is_some_and(|oauth| oauth.base_url_at.is_some());
        assert!(
            in_reply || manifest.api.base_url.is_some(),
            "{crm}: the API's address is in the token reply or in the manifest"
        );
        for pattern in &manifest.api.host_patterns {
            assert!(
                pattern.trim_start_matches("*.").matches('.').count() >= 1,
                "{crm}: {pattern} is too wide"
            );
        }
        for (name, setting) in &manifest.settings {
            assert!(
                setting.options.is_empty() || setting.options.contains(&setting.default),
                "{crm}: {name}"
            );
            assert!(
                setting.kind != SettingKind::Host || manifest.allows_host(&setting.default),
                "{crm}: {name}"
            );
        }
    }
}

#[test]
fn every_flow_is_told_whole() {
    for (crm, manifest) in manifests() {
        assert!(
            manifest.checks.iter().any(|_| true),
            "{crm}: nothing shows that a connection works"
        );
        for check in &manifest.checks {
            assert!(
                check.path.starts_with('/') && !check.proves.is_empty(),
                "{crm}"
            );
            let filled = manifest.fill(&check.path, &BTreeMap::new());
            assert!(!filled.contains('{'), "{crm}: {filled}");
        }
        let Some(oauth) = &manifest.oauth else {
            assert!(manifest.api_key.is_some(), "{crm}");
            continue;
        };
        assert!(!oauth.scopes.is_empty(), "{crm}");
        assert_eq!(
            oauth.methods.first(),
            Some(&Method::AuthorizationCode),
            "{crm}"
        );
        assert!(
            !oauth.methods.contains(&Method::ApiKey),
            "{crm}: keys have a table of their own"
        );
        if oauth.methods.contains(&Method::JwtBearer) {
            assert!(oauth.assertion_audience.is_some(), "{crm}");
            let subject = oauth.assertion_subject.as_deref().unwrap_or_default();
            assert!(manifest.settings.contains_key(subject), "{crm}");
        }
        // A grant that never ends and cannot be refreshed is one that rotates nothing.
        assert!(
            oauth.default_lifetime_s > 0 || oauth.rotation == Rotation::Keeps,
            "{crm}"
        );
        for server in oauth.servers.iter().flat_map(|servers| &servers.hosts) {
            assert!(
                server.contains('.') && !server.contains('/'),
                "{crm}: {server}"
            );
        }
    }
}

/// A reply of the token endpoint with a standard's error, judged.
fn judged(manifest: &Manifest, status: u16, code: &str, message: &str) -> Verdict {
    let error = Fields {
        code: code.to_owned(),
        message: message.to_owned(),
        fields: Vec::new(),
    };
    manifest.token_verdict(&reply(status, ""), &error)
}

#[test]
fn no_error_of_a_token_endpoint_gives_work_up() {
    for (crm, manifest) in manifests().filter(|(_, manifest)| manifest.oauth.is_some()) {
        for (status, code, expected) in [
            (400, "invalid_grant", Some(Cause::Revoked)),
            (401, "invalid_client", Some(Cause::ClientRefused)),
            (400, "unauthorized_client", Some(Cause::ClientRefused)),
            (400, "invalid_scope", Some(Cause::MissingScope)),
            (400, "something_new", Some(Cause::Revoked)),
            (400, "temporarily_unavailable", None),
            (500, "server_error", None),
            (503, "", None),
            (429, "", None),
        ] {
            let verdict = judged(&manifest, status, code, "");
            match (expected, &verdict) {
                (Some(expected), Verdict::Reauthorize { cause, reason }) => {
                    assert_eq!(*cause, expected, "{crm}: {code}");
                    assert!(reason.contains(code), "{crm}: {reason}");
                }
                (None, Verdict::Retry { .. } | Verdict::Throttle { .. }) => {}
                _ => panic!("{crm}: {status} {code}: {verdict:?}"),
            }
        }
        let oauth = manifest.oauth.as_ref().unwrap();
        for rule in &oauth.errors {
            let code = rule.codes.first().map_or("invalid_grant", String::as_str);
            let message = rule.message.as_deref().unwrap_or_default();
            let verdict = judged(&manifest, rule.status.unwrap_or(400), code, message);
            assert!(
                matches!(
                    verdict,
                    Verdict::Reauthorize { .. } | Verdict::Retry { .. } | Verdict::Throttle { .. }
                ),
                "{crm}: {code} {message}: {verdict:?}"
            );
        }
    }
}

/// The headers that present a credential.
fn signed(manifest: &Manifest, crm: &str, method: Method, secret: &str) -> Option<http::HeaderMap> {
    let link = Connection {
        method,
        settings: BTreeMap::from([("user_email".to_owned(), "ada@acme.example".to_owned())]),
        ..connection(crm)
    };
    let mut headers = http::HeaderMap::new();
    let presented = manifest.sign(&mut headers, &link, &SecretString::from(secret));
    presented.ok().map(|()| headers)
}

#[test]
fn a_credential_goes_where_the_crm_wants_it_and_is_marked() {
    // One for each way there is to present it.
    let expected = [
        (
            "salesforce",
            Method::AuthorizationCode,
            "authorization",
            "Bearer s3cret",
        ),
        (
            "monday",
            Method::AuthorizationCode,
            "authorization",
            "s3cret",
        ),
        ("pipedrive", Method::ApiKey, "x-api-token", "s3cret"),
        ("copper", Method::ApiKey, "x-pw-accesstoken", "s3cret"),
        (
            "copper",
            Method::ApiKey,
            "x-pw-useremail",
            "ada@acme.example",
        ),
        (
            "freshsales",
            Method::ApiKey,
            "authorization",
            "Token token=s3cret",
        ),
    ];
    for (crm, method, name, value) in expected {
        let (_, manifest) = manifests().find(|(name, _)| *name == crm).unwrap();
        assert_eq!(
            signed(&manifest, crm, method, "s3cret").unwrap()[name],
            value,
            "{crm}"
        );
    }
    for (crm, manifest) in manifests() {
        for method in manifest.methods() {
            let headers = signed(&manifest, crm, method, "s3cret").unwrap();
            let names_it = headers
                .values()
                .any(|value| value.to_str().unwrap().contains("s3cret"));
            assert!(names_it, "{crm} by {}", method.name());
            assert!(
                headers.values().all(http::HeaderValue::is_sensitive),
                "{crm}"
            );
            assert!(
                signed(&manifest, crm, method, "two\r\nlines: x").is_none(),
                "{crm}"
            );
        }
    }
}
