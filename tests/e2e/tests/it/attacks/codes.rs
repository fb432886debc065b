//! Codes: who may redeem which.

use super::{
    Attack, attack,
    stage::{Stage, with},
};

async fn victims_code_in_attackers_browser(s: &mut Stage) {
    let code = s.code(&s.victim.authorize).await;
    let (state, cookie) = (s.attacker.state.clone(), s.attacker.cookie.clone());
    s.try_back(&format!("code={code}&state={state}"), &cookie)
        .await;
}

pub(super) fn all() -> Vec<Attack> {
    vec![
        attack(
            "code injection: the attacker's code with the victim's state",
            "RFC 9700, 4.5; RFC 7636, 1",
            |s| {
                Box::pin(async {
                    let code = s.code(&s.attacker.authorize).await;
                    let (state, cookie) = (s.victim.state.clone(), s.victim.cookie.clone());
                    s.try_back(&format!("code={code}&state={state}"), &cookie)
                        .await;
                })
            },
        ),
        attack(
            "code injection: the victim's code with the attacker's state",
            "RFC 9700, 4.5; RFC 7636, 1",
            |s| Box::pin(victims_code_in_attackers_browser(s)),
        ),
        attack(
            "code injection at a CRM that may skip the verifier",
            "RFC 9700, 4.5.3",
            |s| Box::pin(victims_code_in_attackers_browser(s)),
        )
        .at("hubspot"),
        attack(
            "code injection at a CRM that rotates",
            "RFC 9700, 4.5.3",
            |s| Box::pin(victims_code_in_attackers_browser(s)),
        )
        .at("monday"),
        attack(
            "code injection at a CRM with environments",
            "RFC 9700, 4.5.3",
            |s| Box::pin(victims_code_in_attackers_browser(s)),
        )
        .at("dynamics365"),
        attack(
            "code replay under another state",
            "RFC 6749, 10.5; RFC 9700, 4.5",
            |s| {
                Box::pin(async {
                    let back = s.consent(&s.victim.authorize).await;
                    let code = super::stage::parameter(&back, "code").unwrap();
                    let cookie = s.victim.cookie.clone();
                    assert!(s.legitimate(&back, &cookie).await.status.is_success());
                    s.mark().await;
                    let again = s.begin_again().await;
                    s.try_back(&format!("code={code}&state={}", again.state), &again.cookie)
                        .await;
                })
            },
        ),
        attack(
            "code of another client",
            "RFC 6749, 10.5; RFC 9700, 4.5",
            |s| {
                Box::pin(async {
                    let (state, cookie) = (s.victim.state.clone(), s.victim.cookie.clone());
                    s.try_back(
                        &format!("code=aPrxOfAnotherClient%3D%3D&state={state}"),
                        &cookie,
                    )
                    .await;
                })
            },
        ),
        attack("no code", "RFC 6749, 4.1.2", |s| {
            Box::pin(async {
                let (state, cookie) = (s.victim.state.clone(), s.victim.cookie.clone());
                s.try_back(&format!("state={state}"), &cookie).await;
            })
        }),
        attack("empty code", "RFC 6749, 4.1.2", |s| {
            Box::pin(async {
                let (state, cookie) = (s.victim.state.clone(), s.victim.cookie.clone());
                s.try_back(&format!("code=&state={state}"), &cookie).await;
            })
        }),
        attack("code past its time", "RFC 6749, 10.5", |s| {
            Box::pin(async {
                let code = s.code(&s.victim.authorize).await;
                tokio::time::sleep(std::time::Duration::from_secs(601)).await;
                let again = s.begin_again().await;
                s.try_back(&format!("code={code}&state={}", again.state), &again.cookie)
                    .await;
            })
        }),
        attack("a code with parameters in it", "RFC 9700, 4.5", |s| {
            Box::pin(async {
                let code = s.code(&s.attacker.authorize).await;
                let (state, cookie) = (s.victim.state.clone(), s.victim.cookie.clone());
                let inside =
                    format!("{code}%26code_verifier%3Dx%26redirect_uri%3Dhttps://evil.example");
                s.try_back(&format!("code={inside}&state={state}"), &cookie)
                    .await;
                let sent = s.machine.wire.sent();
                let named = sent
                    .iter()
                    .any(|sent| sent.body.contains("&redirect_uri=https://evil"));
                s.must(!named, "the code's parameters were the request's");
            })
        }),
        attack("PKCE: a code with a wrong verifier", "RFC 7636, 4.6", |s| {
            Box::pin(async {
                let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
                let other = with(&s.victim.authorize, "code_challenge", Some(challenge));
                let back = s.consent(&other).await;
                let cookie = s.victim.cookie.clone();
                s.try_get(&back, &cookie).await;
            })
        }),
        attack(
            "PKCE: a wrong verifier at a CRM that rotates",
            "RFC 7636, 4.6",
            |s| {
                Box::pin(async {
                    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
                    let other = with(&s.victim.authorize, "code_challenge", Some(challenge));
                    let back = s.consent(&other).await;
                    let cookie = s.victim.cookie.clone();
                    s.try_get(&back, &cookie).await;
                })
            },
        )
        .at("monday"),
        attack(
            "PKCE downgrade: the challenge stripped on its way",
            "RFC 9700, 4.8; RFC 7636, 7.2",
            |s| {
                Box::pin(async {
                    let stripped = with(&s.victim.authorize, "code_challenge", None);
                    s.crm_refuses(&stripped).await;
                    s.crm_refuses(&with(&stripped, "code_challenge_method", None))
                        .await;
                })
            },
        ),
        attack(
            "PKCE downgrade: stripped at a CRM that demands it",
            "RFC 9700, 4.8",
            |s| {
                Box::pin(async {
                    let stripped = with(&s.victim.authorize, "code_challenge", None);
                    s.crm_refuses(&stripped).await;
                })
            },
        )
        .at("monday"),
        attack(
            "PKCE downgrade: the method made plain",
            "RFC 7636, 7.2; RFC 9700, 2.1.1",
            |s| {
                Box::pin(async {
                    let plain = with(&s.victim.authorize, "code_challenge_method", Some("plain"));
                    s.crm_refuses(&plain).await;
                })
            },
        ),
        attack(
            "PKCE downgrade: plain at a CRM that takes it",
            "RFC 7636, 7.2",
            |s| {
                Box::pin(async {
                    // The verifier is not the challenge, so what was made plain is redeemed by nobody.
                    let plain = with(&s.victim.authorize, "code_challenge_method", Some("plain"));
                    let back = s.consent(&plain).await;
                    let cookie = s.victim.cookie.clone();
                    s.try_get(&back, &cookie).await;
                })
            },
        )
        .at("hubspot"),
        attack(
            "PKCE: the hub asks for S256 wherever it is taken",
            "RFC 7636, 4.2; RFC 9700, 2.1.1",
            |s| {
                Box::pin(async {
                    let authorize = s.victim.authorize.clone();
                    let method = super::stage::parameter(&authorize, "code_challenge_method");
                    s.must(method.as_deref() == Some("S256"), "another method");
                    let challenge = super::stage::parameter(&authorize, "code_challenge");
                    s.must(
                        challenge.is_some_and(|text| text.len() == 43),
                        "a short challenge",
                    );
                    let theirs = super::stage::parameter(&s.attacker.authorize, "code_challenge");
                    s.must(
                        super::stage::parameter(&authorize, "code_challenge") != theirs,
                        "one verifier for two",
                    );
                })
            },
        ),
    ]
}
