//! Where the CRM sends the browser back to: our callback, to the letter.

use hub_connectors::connectable;
use hub_e2e::{CRM, manifest};

use super::{
    Attack, attack,
    stage::{Stage, with},
};

/// The victim's request with other redirect addresses, at a CRM that registered ours.
async fn elsewhere(s: &mut Stage, change: impl Fn(&str) -> Vec<String>) {
    let ours = super::stage::parameter(&s.victim.authorize, "redirect_uri").unwrap();
    for other in change(&ours) {
        let address = with(&s.victim.authorize, "redirect_uri", Some(&other));
        s.crm_refuses(&address).await;
    }
}

pub(super) fn all() -> Vec<Attack> {
    let mut all = vec![
        attack(
            "redirect: another host",
            "RFC 9700, 4.1; RFC 6749, 10.6",
            |s| {
                Box::pin(async {
                    elsewhere(s, |_| {
                        [
                            "https://evil.example/",
                            "https://evil.example/api/integrations/salesforce/callback",
                            "//evil.example",
                            "javascript:alert(1)",
                            "data:text/html,x",
                        ]
                        .map(str::to_owned)
                        .to_vec()
                    })
                    .await;
                })
            },
        ),
        attack("redirect: a prefix of ours", "RFC 9700, 4.1.1", |s| {
            Box::pin(async {
                elsewhere(s, |ours| {
                    vec![
                        ours[..ours.len() - 1].to_owned(),
                        ours[..ours.len() - 9].to_owned(),
                        "https://hub.example".to_owned(),
                    ]
                })
                .await;
            })
        }),
        attack("redirect: ours with a suffix", "RFC 9700, 4.1.1", |s| {
            Box::pin(async {
                elsewhere(s, |ours| {
                    vec![
                        format!("{ours}x"),
                        format!("{ours}?next=https://evil.example"),
                        format!("{ours}.evil.example"),
                    ]
                })
                .await;
            })
        }),
        attack("redirect: our name under another", "RFC 9700, 4.1.1", |s| {
            Box::pin(async {
                elsewhere(s, |ours| {
                    vec![
                        ours.replace("hub.example", "hub.example.evil.example"),
                        ours.replace("hub.example", "evil-hub.example"),
                        ours.replace("hub.example", "x.hub.example"),
                    ]
                })
                .await;
            })
        }),
        attack("redirect: another port", "RFC 9700, 4.1.3", |s| {
            Box::pin(async {
                elsewhere(s, |ours| {
                    vec![
                        ours.replace("hub.example", "hub.example:8443"),
                        ours.replace("hub.example", "hub.example:443"),
                        ours.replace("https:", "http:"),
                    ]
                })
                .await;
            })
        }),
        attack("redirect: path traversal", "RFC 9700, 4.1.1", |s| {
            Box::pin(async {
                elsewhere(s, |ours| {
                    vec![
                        format!("{ours}/../../evil"),
                        format!("{ours}/..%2f..%2fevil"),
                        ours.replace("/api/", "/x/../api/"),
                        ours.replace("/api/", "//api/"),
                    ]
                })
                .await;
            })
        }),
        attack("redirect: user info", "RFC 9700, 4.1.1", |s| {
            Box::pin(async {
                elsewhere(s, |ours| {
                    vec![
                        ours.replace("https://", "https://x@"),
                        ours.replace("https://hub.example", "https://hub.example@evil.example"),
                        ours.replace("https://hub.example", "https://evil.example\\@hub.example"),
                    ]
                })
                .await;
            })
        }),
        attack(
            "redirect: a fragment",
            "RFC 9700, 4.1.1; RFC 6749, 3.1.2",
            |s| {
                Box::pin(async {
                    elsewhere(s, |ours| {
                        vec![
                            format!("{ours}#"),
                            format!("{ours}#evil"),
                            format!("https://evil.example#{ours}"),
                        ]
                    })
                    .await;
                })
            },
        ),
        attack("redirect: another case", "RFC 9700, 2.1", |s| {
            Box::pin(async {
                elsewhere(s, |ours| {
                    vec![
                        ours.to_uppercase(),
                        ours.replace("callback", "Callback"),
                        ours.replace("https", "HTTPS"),
                    ]
                })
                .await;
            })
        }),
        attack("redirect: a slash at the end", "RFC 9700, 2.1", |s| {
            Box::pin(async {
                elsewhere(s, |ours| {
                    vec![
                        format!("{ours}/"),
                        format!("{ours}//"),
                        format!("{ours}%2f"),
                    ]
                })
                .await;
            })
        }),
        attack(
            "redirect: the callback of another CRM",
            "RFC 9700, 4.4",
            |s| {
                Box::pin(async {
                    elsewhere(s, |ours| vec![ours.replace("salesforce", "hubspot")]).await;
                })
            },
        ),
        attack("redirect: none", "RFC 6749, 3.1.2.3", |s| {
            Box::pin(async {
                let without = with(&s.victim.authorize, "redirect_uri", None);
                s.crm_refuses(&without).await;
            })
        }),
        attack("redirect: given twice", "RFC 6749, 3.1", |s| {
            Box::pin(async {
                // Which of the two counts is the CRM's to say; where the code goes is not.
                let twice = format!(
                    "{}&redirect_uri=https%3A%2F%2Fevil.example",
                    s.victim.authorize
                );
                let back = s.consent(&twice).await;
                s.must(
                    back.starts_with("https://hub.example/"),
                    "the code went elsewhere",
                );
            })
        }),
        attack("another application", "RFC 6749, 10.2", |s| {
            Box::pin(async {
                let other = with(
                    &s.victim.authorize,
                    "client_id",
                    Some("3MVG9AnotherApplication"),
                );
                s.crm_refuses(&other).await;
            })
        }),
        attack(
            "implicit grant: a token in the address",
            "RFC 9700, 2.1.2; RFC 6749, 10.3",
            |s| {
                Box::pin(async {
                    for kind in ["token", "code token", "id_token", ""] {
                        let other = with(&s.victim.authorize, "response_type", Some(kind));
                        s.crm_refuses(&other).await;
                    }
                    let fragment = "access_token=stolen&token_type=bearer";
                    let (state, cookie) = (s.victim.state.clone(), s.victim.cookie.clone());
                    s.try_back(&format!("{fragment}&state={state}"), &cookie)
                        .await;
                })
            },
        ),
    ];
    // The same at every other CRM with a consent page.
    let other = |crm: &&str| *crm != CRM && manifest(crm).oauth.is_some();
    for crm in connectable().filter(other) {
        all.push(
            attack("redirect: any other", "RFC 9700, 4.1", |s| {
                Box::pin(async {
                    elsewhere(s, |ours| {
                        let mut others = [
                            "https://evil.example/",
                            "//evil.example",
                            "https://hub.example",
                        ]
                        .map(str::to_owned)
                        .to_vec();
                        others.extend(
                            ["/", "x", "#x", "?x", "/../x", "%2f"]
                                .map(|end| format!("{ours}{end}")),
                        );
                        others.extend([
                            ours.replace("hub.", "evil."),
                            ours.replace("https://", "https://x@"),
                            ours.to_uppercase(),
                            ours.replace("https:", "http:"),
                            ours.replace(".example", ".example:444"),
                        ]);
                        others
                    })
                    .await;
                })
            })
            .at(crm),
        );
    }
    all
}
