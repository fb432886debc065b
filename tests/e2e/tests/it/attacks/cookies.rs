//! Cookies: which browser a callback is bound to.

use super::{Attack, attack, stage::Stage};

/// The victim's callback with these cookies.
async fn back_with(s: &mut Stage, cookies: &[String]) {
    let back = s.consent(&s.victim.authorize).await;
    for cookie in cookies {
        s.try_get(&back, cookie).await;
    }
}

pub(super) fn all() -> Vec<Attack> {
    vec![
        attack("no cookie", "RFC 9700, 4.7.1; RFC 6749, 10.12", |s| {
            Box::pin(async {
                back_with(s, &[String::new()]).await;
            })
        }),
        attack("forged cookie", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let forged = ["", "A", &"A".repeat(43), "%00", "\"\""]
                    .map(|value| format!("__Host-hub-connect={value}"));
                back_with(s, &forged).await;
            })
        }),
        attack(
            "cookie under a name without its prefix",
            "RFC 9700, 4.7.1",
            |s| {
                Box::pin(async {
                    let value = s.victim.cookie.split_once('=').unwrap().1.to_owned();
                    let names = [
                        "hub-connect",
                        "__Secure-hub-connect",
                        "__host-hub-connect",
                        "__HOST-HUB-CONNECT",
                        "__Host-hub-connect2",
                        " _Host-hub-connect",
                    ];
                    let cookies = names.map(|name| format!("{name}={value}"));
                    back_with(s, &cookies).await;
                })
            },
        ),
        attack("two cookies of one name", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let (mine, theirs) = (s.attacker.cookie.clone(), s.victim.cookie.clone());
                let both = [
                    format!("{mine}; {theirs}"),
                    format!("{theirs}; {mine}"),
                    format!("{theirs}; {theirs}"),
                ];
                back_with(s, &both).await;
            })
        }),
        attack("cookie of another authorization", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let other = s.begin_again().await;
                back_with(s, &[other.cookie]).await;
            })
        }),
        attack("part of a cookie", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let cookie = s.victim.cookie.clone();
                let cookies = [
                    cookie[..cookie.len() - 1].to_owned(),
                    format!("{cookie}A"),
                    cookie.to_lowercase(),
                ];
                back_with(s, &cookies).await;
            })
        }),
        attack("the state as the cookie", "RFC 9700, 4.7.1", |s| {
            Box::pin(async {
                let state = format!("__Host-hub-connect={}", s.victim.state);
                back_with(s, &[state]).await;
            })
        }),
        attack(
            "log-in CSRF: the attacker's callback in the victim's browser",
            "RFC 9700, 4.7; RFC 6749, 10.12",
            |s| {
                Box::pin(async {
                    let back = s.consent(&s.attacker.authorize).await;
                    let cookie = s.victim.cookie.clone();
                    s.try_get(&back, &cookie).await;
                    s.try_get(&back, "").await;
                })
            },
        ),
    ]
}
