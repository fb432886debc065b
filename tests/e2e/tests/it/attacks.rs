//! Attacks on the authorization of connections, as RFC 6749 (section 10), RFC 7636 and RFC 9700 name
//! them. An attack succeeds if a connection changes, somebody's tokens are kept, a code or state
//! counts twice, a request or a browser goes to another host, or an answer has a secret in it.

mod at_crm;
mod callbacks;
mod codes;
mod cookies;
mod lifecycle;
mod pages;
mod servers;
mod sockets;
mod stage;
mod states;
mod tokens;

use std::pin::Pin;

use self::stage::Stage;

/// What tries it.
type Trial = for<'a> fn(&'a mut Stage) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One attack.
struct Attack {
    name: &'static str,
    /// Where it is described.
    section: &'static str,
    crm: &'static str,
    trial: Trial,
}

fn attack(name: &'static str, section: &'static str, trial: Trial) -> Attack {
    Attack {
        name,
        section,
        crm: "salesforce",
        trial,
    }
}

impl Attack {
    /// The same at another CRM.
    fn at(self, crm: &'static str) -> Self {
        Self { crm, ..self }
    }
}

#[tokio::test(start_paused = true)]
async fn none_succeeds() {
    let attacks: Vec<Attack> = [
        states::all(),
        cookies::all(),
        codes::all(),
        at_crm::all(),
        callbacks::all(),
        servers::all(),
        tokens::all(),
        sockets::all(),
        pages::all(),
        lifecycle::all(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let names: std::collections::BTreeSet<_> = attacks
        .iter()
        .map(|attack| (attack.name, attack.crm))
        .collect();
    assert_eq!(names.len(), attacks.len(), "each has a name of its own");
    let mut succeeded = Vec::new();
    for attack in &attacks {
        let mut stage = Stage::new(attack.crm).await;
        (attack.trial)(&mut stage).await;
        let harm = stage.harm().await.join("; ");
        if !harm.is_empty() {
            succeeded.push(format!("{} ({}): {harm}", attack.name, attack.section));
        }
    }
    println!("attacks: {}, succeeded: {}", attacks.len(), succeeded.len());
    assert!(succeeded.is_empty(), "{}", succeeded.join("\n"));
    assert!(attacks.len() >= 40, "{}", attacks.len());
}

/// What is no attack looks like one that succeeded.
#[tokio::test(start_paused = true)]
async fn one_that_succeeds_is_seen() {
    let mut stage = Stage::new("salesforce").await;
    let back = stage.consent(&stage.victim.authorize).await;
    let cookie = stage.victim.cookie.clone();
    stage.try_get(&back, &cookie).await;
    let harm = stage.harm().await.join("\n");
    for seen in ["was answered 200", "it changed"] {
        assert!(harm.contains(seen), "{seen}: {harm}");
    }

    let mut stage = Stage::new("salesforce").await;
    let page = stage.victim.authorize.replace("code_challenge=", "x=");
    stage.crm_refuses(&stage.victim.authorize.clone()).await;
    stage.crm_refuses(&page).await;
    let secret = stage.machine.sandbox.credentials()["client_secret"].clone();
    let reply = http::Response::builder()
        .header("location", "https://evil.example/")
        .body(secret.as_str().unwrap().to_owned());
    let (parts, text) = reply.unwrap().into_parts();
    stage.saw(hub_world::Reply {
        status: parts.status,
        headers: parts.headers,
        text,
    });
    let harm = stage.harm().await.join("\n");
    for seen in [
        "the CRM gave the code",
        "has the secret",
        "was sent to https://evil",
    ] {
        assert!(harm.contains(seen), "{seen}: {harm}");
    }
}
