//! A fake Salesforce: OAuth, SOAP login, the REST API, its limits and its errors.
//!
//! `README.md` here lists where it knowingly differs from the real one.

mod activity;
mod answer;
mod api;
mod body;
mod errors;
mod event_times;
mod ids;
mod oauth;
mod org;
mod rules;
mod schema;
mod seed;
mod soap;
mod soql;
mod store;
mod times;
mod values;
mod write;

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Request, Response, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::frame::{Crm, Fault, FaultError, FaultKind, Param, ParamKind, Setup};
use answer::{Answer, Body};
use api::{Api, Call};
use errors::{Outcome, Refusal};
use oauth::OAuth;
use org::{Armed, Org};

const URI_MAX: usize = 16_384;
const DAY_SECONDS: i64 = 86_400;
/// The versions a caller may ask for, and those that are gone for good.
const VERSIONS: std::ops::RangeInclusive<u32> = 41..=68;
const GONE: std::ops::RangeInclusive<u32> = 21..=30;

/// The fake Salesforce org with everything around it.
#[derive(Debug)]
pub(crate) struct Salesforce {
    api: Api,
    oauth: OAuth,
    /// When each request of the last 24 hours came.
    requests: VecDeque<Timestamp>,
}

impl Salesforce {
    pub(crate) fn new(setup: &Setup) -> Self {
        let mut org = Org::new(&setup.base_url, setup.seed, setup.started);
        let people = seed::plant(&mut org, setup.started);
        let oauth = OAuth::new(setup.seed, &org.organization, people);
        Self {
            api: Api::new(org),
            oauth,
            requests: VecDeque::new(),
        }
    }

    fn used(&mut self, now: Timestamp) -> usize {
        let since = times::shifted(now, -DAY_SECONDS);
        while self.requests.front().is_some_and(|at| *at <= since) {
            self.requests.pop_front();
        }
        self.requests.len()
    }

    /// A data call: the version, the session, the quota, the body, then the API.
    fn data(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let url = request
            .uri()
            .path_and_query()
            .map_or("", |url| url.as_str());
        let Some(mut call) = Call::from_url(request.method().as_str(), url) else {
            return Answer::refused(&Refusal::not_found(), 0);
        };
        let version = call.version;
        let answer = self.admit(&mut call, request, now).map(|()| {
            self.api.org.now = now;
            self.api.used = self.requests.len();
            let answer = self.api.answer(&call);
            self.api.org.store.commit();
            answer
        });
        let answer = answer.unwrap_or_else(|refusal| Answer::refused(&refusal, version));
        let answer = if answer.status == 401 {
            answer.with_header("WWW-Authenticate", "Token")
        } else {
            answer
        };
        let (used, most) = (self.used(now), self.api.org.settings.daily_limit);
        answer.with_header("Sforce-Limit-Info", format!("api-usage={used}/{most}"))
    }

    fn admit(&mut self, call: &mut Call, request: &Request<Bytes>, now: Timestamp) -> Outcome<()> {
        if GONE.contains(&call.version) {
            let message = "The requested API version is no longer available";
            return Err(Refusal::new(410, "UNSUPPORTED_API_VERSION", message));
        }
        if !VERSIONS.contains(&call.version) {
            return Err(Refusal::not_found());
        }
        let session = oauth::bearer(request).and_then(|token| self.oauth.tokens.enter(token, now));
        let Some((user, scope)) = session else {
            return Err(Refusal::new(
                401,
                "INVALID_SESSION_ID",
                "Session expired or invalid",
            ));
        };
        if !scope.split(' ').any(|scope| scope == "api") {
            let message = "This session is not valid for use with the REST API";
            return Err(Refusal::new(401, "INVALID_SESSION_ID", message));
        }
        let most = self.api.org.settings.daily_limit;
        if u64::try_from(self.used(now)).unwrap_or(u64::MAX) >= most {
            return Err(total_limit());
        }
        self.requests.push_back(now);
        self.api.org.user = user;
        call.headers = request
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        if call.method == "POST"
            && let Some(method) = call.parameter("_HttpMethod")
        {
            call.method = method.to_uppercase();
        }
        if !request.body().is_empty() && matches!(call.method.as_str(), "POST" | "PATCH" | "PUT") {
            let kind = request
                .headers()
                .get(header::CONTENT_TYPE)
                .and_then(|kind| kind.to_str().ok());
            let wanted = if call.takes_csv() {
                "text/csv"
            } else {
                "application/json"
            };
            if !kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(wanted)) {
                let message = "The request entity is in a format not supported by this resource";
                return Err(Refusal::new(415, "UNSUPPORTED_MEDIA_TYPE", message));
            }
            call.body = Some(if call.takes_csv() {
                Value::String(String::from_utf8_lossy(request.body()).into_owned())
            } else {
                parsed(request.body())?
            });
        }
        Ok(())
    }

    fn versions() -> Answer {
        let names = ["Winter", "Spring", "Summer"];
        let list: Vec<Value> = VERSIONS
            .map(|version| {
                // Three releases a year; version 65 was Winter '26.
                let (season, year) = ((version + 1) % 3, (version + 1) / 3 + 4);
                let season = usize::try_from(season).ok().and_then(|season| names.get(season)).unwrap_or(&"Winter");
                let label = format!("{season} '{year}");
                json!({ "label": label, "url": format!("/services/data/v{version}.0"), "version": format!("{version}.0") })
            })
            .collect();
        Answer::json(200, json!(list))
    }

    fn respond(&mut self, request: &Request<Bytes>, now: Timestamp) -> Answer {
        let uri = request.uri();
        if uri.path_and_query().map_or(0, |url| url.as_str().len()) > URI_MAX {
            return Answer::text(414, "text/html;charset=UTF-8", "<h1>414 URI Too Long</h1>");
        }
        self.api.org.now = now;
        if let Some(answer) = self.oauth.answer(&self.api.org, request, now) {
            return answer;
        }
        let path = uri.path();
        if let Some(rest) = path.strip_prefix("/services/Soap/u/") {
            return soap::answer(&self.api.org, &mut self.oauth, request, rest, now);
        }
        match path.trim_end_matches('/') {
            "/services/data" => Self::versions(),
            path if path.starts_with("/services/data/") => self.data(request, now),
            _ => Answer::text(
                404,
                "text/html;charset=UTF-8",
                "<html><body>URL No Longer Exists</body></html>",
            ),
        }
    }
}

fn parsed(body: &[u8]) -> Outcome<Value> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("[line:{}, column:{}]", error.line(), error.column());
        Refusal::json(format!("{error} at {place}"))
    })
}

fn total_limit() -> Refusal {
    Refusal::new(
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "TotalRequests Limit exceeded.",
    )
}

const OBJECT: Param = Param::text("object");
const OWN_FAULTS: &[FaultKind] = &[
    FaultKind::with("lock_row", &[OBJECT]),
    FaultKind::with(
        "record_error",
        &[
            OBJECT,
            Param::required("error_code", ParamKind::Text),
            Param::text("message"),
        ],
    ),
    FaultKind::plain("service_unavailable"),
    FaultKind::plain("maintenance_html"),
];

impl Crm for Salesforce {
    fn answer(&mut self, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        let mut answer = self.respond(request, now);
        if request.method() == http::Method::HEAD {
            answer.body = Body::Empty;
        }
        answer.into_response()
    }

    fn state(&mut self, now: Timestamp) -> Value {
        let (used, most) = (self.used(now), self.api.org.settings.daily_limit);
        let org = &self.api.org;
        let objects: Map<String, Value> = org
            .schema
            .objects
            .iter()
            .map(|object| {
                let rows = org
                    .store
                    .all(&object.name)
                    .map(|(_, row)| Value::Object(row.clone()));
                (object.name.clone(), Value::Array(rows.collect()))
            })
            .collect();
        json!({ "objects": objects, "quota": { "used": used, "max": most }, "tokens": self.oauth.tokens.counts(now) })
    }

    fn credentials(&mut self, now: Timestamp) -> Value {
        self.oauth.hand_out(&self.api.org, now)
    }

    fn settings(&self) -> Value {
        self.api.org.switches()
    }

    fn set(&mut self, settings: &Map<String, Value>) -> Result<(), FaultError> {
        self.api.org.switch(settings)
    }

    fn own_faults(&self) -> &'static [FaultKind] {
        OWN_FAULTS
    }

    fn fault(
        &mut self,
        fault: &Fault,
        _: &Request<Bytes>,
        _: Timestamp,
    ) -> Option<Response<Bytes>> {
        let refusal = match fault.name.as_str() {
            "expire_access_token" => {
                self.oauth.tokens.expire_sessions();
                return None;
            }
            "revoke_refresh_token" => {
                self.oauth.tokens.revoke_approvals();
                return None;
            }
            // They wait for the next record that is written, in this request or a later one.
            "lock_row" | "record_error" => {
                let code = fault.text("error_code").unwrap_or("UNABLE_TO_LOCK_ROW");
                let message = fault
                    .text("message")
                    .unwrap_or("unable to obtain exclusive access to this record");
                self.api.org.armed.push(Armed {
                    object: fault.text("object").map(str::to_owned),
                    code: code.to_owned(),
                    message: message.to_owned(),
                });
                return None;
            }
            "maintenance_html" => {
                let page = "<html><head><title>Down for maintenance</title></head><body>We are down for maintenance. \
                            Sorry for the inconvenience.</body></html>";
                return Some(Answer::text(503, "text/html;charset=UTF-8", page).into_response());
            }
            "daily_limit" => total_limit(),
            "rate_limit" | "concurrency_limit" => {
                let message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded.";
                Refusal::new(403, "REQUEST_LIMIT_EXCEEDED", message)
            }
            "service_unavailable" => Refusal::new(
                503,
                "SERVER_UNAVAILABLE",
                "The server is temporarily unavailable",
            ),
            _ => Refusal::new(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred."),
        };
        let (used, most) = (self.requests.len(), self.api.org.settings.daily_limit);
        let answer = Answer::refused(&refusal, 0)
            .with_header("Sforce-Limit-Info", format!("api-usage={used}/{most}"));
        Some(answer.into_response())
    }
}
