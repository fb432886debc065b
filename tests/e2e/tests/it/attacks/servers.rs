//! Hosts that a callback or a token reply names.

use super::{
    Attack, attack,
    stage::{Stage, with},
};

/// The victim's callback with other authorization servers: none of them is asked.
async fn named(s: &mut Stage, servers: &[&str]) {
    for server in servers {
        let begun = s.begin_again().await;
        let back = s.consent(&begun.authorize).await;
        s.try_get(&with(&back, "accounts-server", Some(server)), &begun.cookie)
            .await;
    }
    let sent = s.machine.wire.sent().len();
    s.must(sent == 0, "somebody was asked");
}

/// The victim's callback, the token reply being changed.
async fn replied(s: &mut Stage, name: &'static str, values: &[&'static str]) {
    for value in values.iter().copied() {
        let begun = s.begin_again().await;
        let back = s.consent(&begun.authorize).await;
        s.machine
            .wire
            .edit_tokens(move |reply| reply[name] = value.into());
        s.try_get(&back, &begun.cookie).await;
    }
}

/// A refresh, the token reply being changed: the connection stays where it is.
async fn refreshed(s: &mut Stage, name: &'static str) {
    s.connect().await;
    let before = s
        .machine
        .stored(hub_e2e::ORG, &s.victim.connection)
        .await
        .base_url;
    for value in [
        "https://evil.example",
        "http://acme.my.salesforce.com",
        "https://169.254.169.254",
    ] {
        s.machine
            .wire
            .edit_tokens(move |reply| reply[name] = value.into());
        tokio::time::sleep(std::time::Duration::from_hours(3)).await;
        let path = format!("/api/integrations/crm/{}/test", s.victim.connection);
        let reply = s
            .machine
            .api(hub_e2e::ORG, http::Method::POST, &path, None)
            .await;
        s.saw(reply);
        let after = s
            .machine
            .stored(hub_e2e::ORG, &s.victim.connection)
            .await
            .base_url;
        s.must(after == before, "the connection moved");
    }
    s.mark().await;
}

const ELSEWHERE: [&str; 12] = [
    "https://evil.example",
    "http://acme.my.salesforce.com",
    "https://acme.my.salesforce.com:8443",
    "https://acme.my.salesforce.com.evil.example",
    "https://acme.my.salesforce.com@evil.example",
    "https://evil.example/?acme.my.salesforce.com",
    "https://evil.example#.my.salesforce.com",
    "https://evil.example\\.my.salesforce.com",
    "https://evilmy.salesforce.com",
    "https://169.254.169.254",
    "file:///etc/passwd",
    "//acme.my.salesforce.com",
];

pub(super) fn all() -> Vec<Attack> {
    vec![
        attack(
            "accounts server: another host",
            "RFC 9700, 4.4; RFC 9700, 2.6",
            |s| {
                Box::pin(async {
                    named(
                        s,
                        &[
                            "https://evil.example",
                            "https://accounts.zoho.com.evil.example",
                            "https://evilaccounts.zoho.com",
                            "https://accounts.zoho.evil",
                            "accounts.zoho.com.evil.example",
                            "https://xn--accounts-zoho-com.example",
                        ],
                    )
                    .await;
                })
            },
        )
        .at("zoho"),
        attack("accounts server: user info", "RFC 9700, 4.4", |s| {
            Box::pin(async {
                named(
                    s,
                    &[
                        "https://accounts.zoho.com@evil.example",
                        "https://evil@accounts.zoho.com",
                        "https://:x@accounts.zoho.com",
                    ],
                )
                .await;
            })
        })
        .at("zoho"),
        attack("accounts server: another port", "RFC 9700, 4.4", |s| {
            Box::pin(async {
                named(
                    s,
                    &[
                        "https://accounts.zoho.com:8443",
                        "https://accounts.zoho.com:22",
                    ],
                )
                .await;
            })
        })
        .at("zoho"),
        attack(
            "accounts server: without TLS",
            "RFC 6749, 3.2; RFC 9700, 2.6",
            |s| {
                Box::pin(async {
                    named(
                        s,
                        &[
                            "http://accounts.zoho.com",
                            "ftp://accounts.zoho.com",
                            "ws://accounts.zoho.com",
                            "//accounts.zoho.com",
                            "javascript:accounts.zoho.com",
                        ],
                    )
                    .await;
                })
            },
        )
        .at("zoho"),
        attack("accounts server: an address inside", "RFC 9700, 4.4", |s| {
            Box::pin(async {
                named(
                    s,
                    &[
                        "https://127.0.0.1",
                        "https://localhost",
                        "https://169.254.169.254",
                        "https://[::1]",
                        "https://2130706433",
                        "https://accounts.zoho.com.",
                    ],
                )
                .await;
            })
        })
        .at("zoho"),
        attack(
            "accounts server: nothing, or another data centre",
            "RFC 9700, 4.4",
            |s| {
                Box::pin(async {
                    // Who is asked is one of the CRM's own; it knows no such code.
                    named(s, &[""]).await;
                    let begun = s.begin_again().await;
                    let back = s.consent(&begun.authorize).await;
                    s.try_get(
                        &with(
                            &back,
                            "accounts-server",
                            Some("https://accounts.zoho.eu/../evil"),
                        ),
                        &begun.cookie,
                    )
                    .await;
                })
            },
        )
        .at("zoho"),
        attack("accounts server: given twice", "RFC 6749, 3.1", |s| {
            Box::pin(async {
                let back = s.consent(&s.victim.authorize).await;
                let cookie = s.victim.cookie.clone();
                s.try_get(
                    &format!("{back}&accounts-server=https%3A%2F%2Fevil.example"),
                    &cookie,
                )
                .await;
            })
        })
        .at("zoho"),
        attack(
            "accounts server: at a CRM that has none",
            "RFC 9700, 4.4",
            |s| {
                Box::pin(async {
                    let back = s.consent(&s.victim.authorize).await;
                    let cookie = s.victim.cookie.clone();
                    let reply = s.legitimate(&format!("{back}&accounts-server=https%3A%2F%2Fevil.example&iss=https%3A%2F%2Fevil.example"), &cookie).await;
                    s.saw(reply);
                    s.mark().await;
                })
            },
        ),
        attack("token reply: an API elsewhere", "RFC 9700, 4.9.1", |s| {
            Box::pin(async {
                replied(s, "instance_url", &ELSEWHERE).await;
            })
        }),
        attack(
            "token reply: an API elsewhere, of a company",
            "RFC 9700, 4.9.1",
            |s| {
                Box::pin(async {
                    replied(
                        s,
                        "api_domain",
                        &[
                            "https://evil.example",
                            "https://evilpipedrive.com",
                            "https://acme.pipedrive.com.evil.example",
                            "http://acme.pipedrive.com",
                            "https://pipedrive.com",
                        ],
                    )
                    .await;
                })
            },
        )
        .at("pipedrive"),
        attack(
            "token reply: an API elsewhere, of a region",
            "RFC 9700, 4.9.1",
            |s| {
                Box::pin(async {
                    replied(
                        s,
                        "api_domain",
                        &[
                            "https://evil.example",
                            "https://www.zohoapis.evil",
                            "https://www.zohoapis.com.evil.example",
                            "https://www.zohoapis.com:444",
                            "https://x.www.zohoapis.com",
                        ],
                    )
                    .await;
                })
            },
        )
        .at("zoho"),
        attack("refresh: an API elsewhere", "RFC 9700, 4.9.1", |s| {
            Box::pin(async {
                refreshed(s, "instance_url").await;
            })
        }),
        attack(
            "refresh: an API elsewhere, of a company",
            "RFC 9700, 4.9.1",
            |s| {
                Box::pin(async {
                    refreshed(s, "api_domain").await;
                })
            },
        )
        .at("pipedrive"),
        attack(
            "refresh: an API elsewhere, of a region",
            "RFC 9700, 4.9.1",
            |s| {
                Box::pin(async {
                    refreshed(s, "api_domain").await;
                })
            },
        )
        .at("zoho"),
        attack("a setting that moves the log-in", "RFC 9700, 4.4", |s| {
            Box::pin(async {
                for host in [
                    "evil.example",
                    "login.salesforce.com.evil.example",
                    "login.salesforce.com/evil",
                    "x@evil.example",
                    "evil.example#",
                    "evil.example?",
                    "127.0.0.1",
                ] {
                    let path = format!("/api/integrations/crm/{}", s.victim.connection);
                    let change = serde_json::json!({ "settings": { "login_host": host } });
                    let reply = s
                        .machine
                        .api(hub_e2e::ORG, http::Method::PATCH, &path, Some(&change))
                        .await;
                    s.must_be_refused("a setting", reply);
                }
            })
        }),
    ]
}
