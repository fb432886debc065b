//! A person at a browser: begins, allows at the CRM, comes back.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use hub_world::{PUBLIC_URL, Reply, address, ask, cookie, fields, post_of};
use serde_json::json;

use crate::{Machine, request};

impl Machine {
    /// Goes through the CRM's consent page and back.
    pub async fn authorize(&self, organization: &str, connection: &str) {
        let done = self
            .authorize_as(&self.admin(organization), connection)
            .await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    }

    /// The same by a person of one's choice; how it ends.
    pub async fn authorize_as(&self, bearer: &str, connection: &str) -> Reply {
        let begun = self.begin_as(bearer, connection).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        let back = self.consent(&address(&begun)).await;
        self.call_back(&back, &cookie(&begun)).await
    }

    /// `POST …/connect`.
    pub async fn begin(&self, organization: &str, connection: &str) -> Reply {
        let begun = self.begin_as(&self.admin(organization), connection).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        begun
    }

    /// `POST …/connect` by a person of one's choice.
    pub async fn begin_as(&self, bearer: &str, connection: &str) -> Reply {
        let body = json!({ "connection_id": connection });
        let path = format!("/api/integrations/{}/connect", self.crm);
        ask(
            &self.oauth,
            request(Method::POST, &path, bearer, Some(&body)),
        )
        .await
    }

    /// The person says yes; where the browser comes back to. A form that the CRM makes it post has
    /// by then been answered with an address of ours.
    pub async fn consent(&self, authorize: &str) -> String {
        let answer = self.visit_crm(authorize).await;
        if let Some(back) = answer.headers().get(header::LOCATION) {
            return back.to_str().expect("an address").to_owned();
        }
        let page = String::from_utf8_lossy(answer.body()).into_owned();
        let posted = self.post_back(&fields(&page)).await;
        assert_eq!(posted.status, StatusCode::SEE_OTHER, "{page}");
        posted.header("location").to_owned()
    }

    /// What the CRM answers to a browser whose person says yes.
    pub async fn visit_crm(&self, authorize: &str) -> http::Response<Bytes> {
        let request = Request::get(format!("{authorize}&__sandbox_consent=allow"))
            .body(Bytes::new())
            .expect("a request");
        self.sandbox.handle(request).await.expect("an answer")
    }

    /// A page of another host sent the browser to our own address first, and the person goes on: our page, and
    /// the answer to its form.
    pub async fn start(&self, start: &str) -> (Reply, Reply) {
        let page = self.call_back(start, "").await;
        let gone_on = self.go_on(&page, &cookie(&page)).await;
        (page, gone_on)
    }

    /// The form of that page, from a browser with this cookie.
    pub async fn go_on(&self, page: &Reply, cookie: &str) -> Reply {
        let path = format!("/api/integrations/{}/start", self.crm);
        let mut request = post_of(&path, &fields(&page.text));
        let cookie = cookie.parse().expect("a cookie");
        request.headers_mut().insert(header::COOKIE, cookie);
        ask(&self.oauth, request).await
    }

    /// The browser posts the CRM's form to our callback, as it does across sites: without cookies.
    pub async fn post_back(&self, fields: &str) -> Reply {
        let path = format!("/api/integrations/{}/callback", self.crm);
        ask(&self.oauth, post_of(&path, fields)).await
    }

    /// The browser comes back.
    pub async fn call_back(&self, address: &str, cookie: &str) -> Reply {
        let request = Request::get(path(address))
            .header(header::COOKIE, cookie)
            .body(Bytes::new())
            .expect("a request");
        ask(&self.oauth, request).await
    }

    /// Any other request to the function behind connect and callback.
    pub async fn ask_oauth(&self, request: Request<Bytes>) -> Reply {
        ask(&self.oauth, request).await
    }
}

fn path(address: &str) -> &str {
    address.strip_prefix(PUBLIC_URL).unwrap_or(address)
}
