//! SOAP `login()` and `logout()`, which older client libraries use. The platform ended the first
//! with version 65.

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;

use super::answer::Answer;
use super::oauth::OAuth;
use super::org::Org;

const LAST_VERSION: u32 = 64;
const FIRST_VERSION: u32 = 31;

/// Answers `/services/Soap/u/{version}`.
pub(super) fn answer(
    org: &Org,
    oauth: &mut OAuth,
    request: &Request<Bytes>,
    rest: &str,
    now: Timestamp,
) -> Answer {
    let version: Option<u32> = rest
        .split('/')
        .next()
        .and_then(|v| v.strip_suffix(".0"))
        .and_then(|v| v.parse().ok());
    let Some(version) = version.filter(|_| request.method() == Method::POST) else {
        return Answer::text(405, "text/html", "");
    };
    if version < FIRST_VERSION {
        let message = "this version is no longer available";
        return fault("UNSUPPORTED_API_VERSION", message);
    }
    let body = String::from_utf8_lossy(request.body()).into_owned();
    if element(&body, "logout").is_some() {
        let session = element(&body, "sessionId").unwrap_or_default();
        if !oauth.soap_logout(&session, now) {
            let message = "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing \
                           session hash";
            return fault("INVALID_SESSION_ID", message);
        }
        return Answer::text(200, XML, envelope("", "<logoutResponse/>"));
    }
    let (Some(username), Some(password)) = (element(&body, "username"), element(&body, "password"))
    else {
        let message = "only login and logout are known here";
        return fault("UNKNOWN_EXCEPTION", message);
    };
    if version > LAST_VERSION {
        let message = "login() is not part of this version";
        return fault("UNSUPPORTED_API_VERSION", message);
    }
    let Some(user) = oauth.check_password(&username, &password) else {
        let message = "Invalid username, password, security token; or user locked out.";
        return fault("INVALID_LOGIN", message);
    };
    let session = oauth.soap_session(&user, now);
    let (base, org_id) = (&org.base_url, &org.organization);
    let short = org_id.get(..15).unwrap_or(org_id);
    let result = format!(
        "<loginResponse><result>\
         <metadataServerUrl>{base}/services/Soap/m/{version}.0/{short}</metadataServerUrl>\
         <passwordExpired>false</passwordExpired><sandbox>false</sandbox>\
         <serverUrl>{base}/services/Soap/u/{version}.0/{short}</serverUrl>\
         <sessionId>{session}</sessionId><userId>{user}</userId>\
         <userInfo><organizationId>{org_id}</organizationId><userId>{user}</userId>\
         <userName>{username}</userName><sessionSecondsValid>7200</sessionSecondsValid></userInfo>\
         </result></loginResponse>"
    );
    Answer::text(
        200,
        XML,
        envelope(" xmlns=\"urn:partner.soap.sforce.com\"", &result),
    )
}

const XML: &str = "text/xml;charset=UTF-8";

fn envelope(spaces: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"{spaces}>\
         <soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )
}

/// A fault; its detail says the same once more, and some clients read only that.
fn fault(code: &str, message: &str) -> Answer {
    let kind = if code == "INVALID_LOGIN" {
        "LoginFault"
    } else {
        "UnexpectedErrorFault"
    };
    let body = format!(
        "<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring>\
         <detail><sf:{kind} xsi:type=\"sf:{kind}\"><sf:exceptionCode>{code}</sf:exceptionCode>\
         <sf:exceptionMessage>{message}</sf:exceptionMessage></sf:{kind}></detail></soapenv:Fault>"
    );
    let spaces = " xmlns:sf=\"urn:fault.partner.soap.sforce.com\" \
                  xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    Answer::text(500, XML, envelope(spaces, &body))
}

/// The text of the first element of this name, whatever its namespace prefix.
fn element(xml: &str, name: &str) -> Option<String> {
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, inside) = after.split_once('>')?;
        let local = tag.trim_end_matches('/').split_whitespace().next();
        let local = local.and_then(|local| local.rsplit(':').next());
        if local == Some(name) && !tag.starts_with('/') {
            if tag.ends_with('/') {
                return Some(String::new());
            }
            let text = inside.split_once('<')?.0;
            let text = text
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&apos;", "'");
            return Some(text.replace("&amp;", "&"));
        }
        rest = inside;
    }
    None
}
