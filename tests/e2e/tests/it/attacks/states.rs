//! States: what a callback is bound to.

use std::time::Duration;

use hub_connectors::connectable;
use hub_e2e::CRM;

use super::{Attack, attack, stage::with};

pub(super) fn all() -> Vec<Attack> {
    vec![
        attack("no state", "RFC 9700, 4.7; RFC 6749, 10.12", |s| {
            Box::pin(async {
                let code = s.code(&s.victim.authorize).await;
                let cookie = s.victim.cookie.clone();
                s.try_back(&format!("code={code}"), &cookie).await;
            })
        }),
        attack("empty state", "RFC 9700, 4.7", |s| {
            Box::pin(async {
                let code = s.code(&s.victim.authorize).await;
                let cookie = s.victim.cookie.clone();
                s.try_back(&format!("code={code}&state="), &cookie).await;
            })
        }),
        attack("guessed state", "RFC 6749, 10.10", |s| {
            Box::pin(async {
                let code = s.code(&s.victim.authorize).await;
                let cookie = s.victim.cookie.clone();
                for guess in [
                    "A".repeat(43),
                    "0".to_owned(),
                    "*".to_owned(),
                    "%00".to_owned(),
                    "a#b".to_owned(),
                ] {
                    let guess = guess.replace('#', "%23");
                    s.try_back(&format!("code={code}&state={guess}"), &cookie)
                        .await;
                }
            })
        }),
        attack("state used twice", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let back = s.consent(&s.victim.authorize).await;
                let cookie = s.victim.cookie.clone();
                assert!(s.legitimate(&back, &cookie).await.status.is_success());
                s.mark().await;
                s.try_get(&back, &cookie).await;
            })
        }),
        attack("state used twice with a new code", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let back = s.consent(&s.victim.authorize).await;
                let cookie = s.victim.cookie.clone();
                assert!(s.legitimate(&back, &cookie).await.status.is_success());
                s.mark().await;
                let again = s.consent(&s.victim.authorize).await;
                s.try_get(&again, &cookie).await;
            })
        }),
        attack(
            "two callbacks at once with one state",
            "RFC 9700, 4.5",
            |s| {
                Box::pin(async {
                    let back = s.consent(&s.victim.authorize).await;
                    let cookie = s.victim.cookie.clone();
                    let (one, two) = futures_util::join!(
                        s.machine.call_back(&back, &cookie),
                        s.machine.call_back(&back, &cookie)
                    );
                    let both = one.status.is_success() && two.status.is_success();
                    s.must(!both, "both were taken");
                    s.saw(one);
                    s.saw(two);
                    s.mark().await;
                })
            },
        ),
        attack("state past its time", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let back = s.consent(&s.victim.authorize).await;
                tokio::time::sleep(Duration::from_secs(601)).await;
                let cookie = s.victim.cookie.clone();
                s.try_get(&back, &cookie).await;
            })
        }),
        attack("state of another organization", "RFC 9700, 4.7", |s| {
            Box::pin(async {
                let code = s.code(&s.victim.authorize).await;
                let (state, cookie) = (s.attacker.state.clone(), s.victim.cookie.clone());
                s.try_back(&format!("code={code}&state={state}"), &cookie)
                    .await;
            })
        }),
        attack("state of another browser", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let back = s.consent(&s.victim.authorize).await;
                let cookie = s.attacker.cookie.clone();
                s.try_get(&back, &cookie).await;
            })
        }),
        attack(
            "mix-up: the state of one CRM at the callback of another",
            "RFC 9700, 4.4",
            |s| {
                Box::pin(async {
                    let back = s.consent(&s.victim.authorize).await;
                    let cookie = s.victim.cookie.clone();
                    let others = connectable().filter(|crm| *crm != CRM);
                    for crm in others.chain(["unknown", "..%2fsalesforce"]) {
                        let path = back.replace("/salesforce/", &format!("/{crm}/"));
                        s.try_get(&path, &cookie).await;
                    }
                })
            },
        ),
        attack(
            "mix-up: the state of a CRM without issuer at that of one with regions",
            "RFC 9700, 4.4.2",
            |s| {
                Box::pin(async {
                    let back = s
                        .consent(&s.victim.authorize)
                        .await
                        .replace("/hubspot/", "/zoho/");
                    let back = format!("{back}&accounts-server=https%3A%2F%2Faccounts.zoho.com");
                    let cookie = s.victim.cookie.clone();
                    s.try_get(&back, &cookie).await;
                })
            },
        )
        .at("hubspot"),
        attack("part of a state", "RFC 6749, 10.10", |s| {
            Box::pin(async {
                let back = s.consent(&s.victim.authorize).await;
                let (state, cookie) = (s.victim.state.clone(), s.victim.cookie.clone());
                for part in [&state[..42], &state[1..], &state[..1]] {
                    s.try_get(&with(&back, "state", Some(part)), &cookie).await;
                }
                for more in [
                    format!("{state}="),
                    format!("{state} "),
                    format!("{state}A"),
                ] {
                    s.try_get(&with(&back, "state", Some(&more)), &cookie).await;
                }
            })
        }),
        attack("state in another case", "RFC 6749, 10.10", |s| {
            Box::pin(async {
                let back = s.consent(&s.victim.authorize).await;
                let (state, cookie) = (s.victim.state.clone(), s.victim.cookie.clone());
                for other in [state.to_lowercase(), state.to_uppercase()] {
                    s.try_get(&with(&back, "state", Some(&other)), &cookie)
                        .await;
                }
            })
        }),
        attack("the stored form of a state", "RFC 9700, 4.7", |s| {
            Box::pin(async {
                // Whoever reads the table has hashes: they open nothing.
                let back = s.consent(&s.victim.authorize).await;
                let cookie = s.victim.cookie.clone();
                let state = hub_world_hash(&s.victim.state);
                s.try_get(&with(&back, "state", Some(&state)), &cookie)
                    .await;
            })
        }),
    ]
}

fn hub_world_hash(text: &str) -> String {
    use aws_lc_rs::digest;
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}
