//! A page on another host begins: the browser comes to our own address first, which sets the cookie.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use hub_domain::Method;
use hub_e2e::{Machine, ORG, address, cookie};
use hub_world::{PUBLIC_URL, Reply};

use super::{shown, ways};

async fn visit(machine: &Machine, start: &str) -> Reply {
    let path = start.strip_prefix(PUBLIC_URL).unwrap();
    machine
        .ask_oauth(Request::get(path).body(Bytes::new()).unwrap())
        .await
}

#[tokio::test(start_paused = true)]
async fn a_handle_sets_the_cookie_and_sends_the_browser_on_once() {
    for (crm, method) in ways() {
        if method != Method::AuthorizationCode {
            continue;
        }
        let machine = Machine::at(crm, 1).await;
        let id = machine
            .create(ORG, machine.new_by(method)["settings"].clone())
            .await;
        let begun = machine.begin(ORG, &id).await;
        let start = begun.json()["start_url"].as_str().unwrap().to_owned();
        tokio::time::sleep(Duration::from_secs(59)).await;
        let started = visit(&machine, &start).await;
        assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.text);
        assert_eq!(started.header("location"), address(&begun));
        assert_eq!(started.header("cache-control"), "no-store");
        assert_eq!(started.header("referrer-policy"), "no-referrer");
        let rules = started.header("set-cookie").split_once("; ").unwrap().1;
        assert_eq!(rules, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600");
        assert_eq!(
            visit(&machine, &start).await.status,
            StatusCode::FORBIDDEN,
            "twice"
        );

        // From here on the browser that was sent is the one; the page that began it is not.
        let back = machine.consent(started.header("location")).await;
        let done = machine.call_back(&back, &cookie(&started)).await;
        assert_eq!(done.status, StatusCode::OK, "{crm}: {}", done.text);
        assert_eq!(shown(&machine, &id).await["state"], "awaiting_approval");

        let begun = machine.begin(ORG, &id).await;
        let start = begun.json()["start_url"].as_str().unwrap().to_owned();
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(
            visit(&machine, &start).await.status,
            StatusCode::FORBIDDEN,
            "late"
        );
        // The page's own way still leads there.
        let back = machine.consent(&address(&begun)).await;
        assert_eq!(
            machine.call_back(&back, &cookie(&begun)).await.status,
            StatusCode::OK
        );
    }
}
