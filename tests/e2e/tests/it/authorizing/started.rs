//! A page on another host begins: the browser comes to our own address first, which says whose connection it is, and
//! sets the cookie.

use std::time::Duration;

use http::StatusCode;
use hub_domain::Method;
use hub_e2e::{Machine, ORG, address, cookie};
use url::Url;

use super::{shown, ways};

#[tokio::test(start_paused = true)]
async fn a_handle_asks_sets_the_cookie_and_sends_the_browser_on_once() {
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
        let (page, started) = machine.start(&start).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        for told in [ORG, shown(&machine, &id).await["name"].as_str().unwrap()] {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        let rules = page.header("set-cookie").split_once("; ").unwrap().1;
        assert_eq!(rules, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600");
        let log_in = Url::parse(&address(&begun)).unwrap().origin();
        let policy = page.header("content-security-policy");
        let form = format!("form-action 'self' {};", log_in.ascii_serialization());
        assert!(policy.contains(&form), "{policy}");
        assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.text);
        assert_eq!(started.header("location"), address(&begun));
        for reply in [&page, &started] {
            assert_eq!(reply.header("cache-control"), "no-store");
            assert_eq!(reply.header("referrer-policy"), "no-referrer");
        }
        let again = machine.go_on(&page, &cookie(&page)).await;
        assert_eq!(again.status, StatusCode::FORBIDDEN, "twice");

        // From here on the browser that was sent is the one; the page that began it is not.
        let back = machine.consent(started.header("location")).await;
        let done = machine.call_back(&back, &cookie(&page)).await;
        assert_eq!(done.status, StatusCode::OK, "{crm}: {}", done.text);
        assert_eq!(shown(&machine, &id).await["state"], "awaiting_approval");

        let begun = machine.begin(ORG, &id).await;
        let start = begun.json()["start_url"].as_str().unwrap().to_owned();
        tokio::time::sleep(Duration::from_secs(61)).await;
        let late = machine.call_back(&start, "").await;
        assert_eq!(late.status, StatusCode::FORBIDDEN, "late");
        // The page's own way still leads there.
        let back = machine.consent(&address(&begun)).await;
        assert_eq!(
            machine.call_back(&back, &cookie(&begun)).await.status,
            StatusCode::OK
        );
    }
}
