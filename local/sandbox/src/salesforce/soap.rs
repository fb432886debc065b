//! SOAP `login()`, which older client libraries use. The platform ended it with version 65.

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
        return fault(
            "UNSUPPORTED_API_VERSION",
            "UNSUPPORTED_API_VERSION: this version is no longer available",
        );
    }
    let body = String::from_utf8_lossy(request.body()).into_owned();
    let (Some(username), Some(password)) = (element(&body, "username"), element(&body, "password"))
    else {
        return fault(
            "sf:UNKNOWN_EXCEPTION",
            "UNKNOWN_EXCEPTION: only login is known here",
        );
    };
    if version > LAST_VERSION {
        return fault(
            "sf:UNSUPPORTED_API_VERSION",
            "UNSUPPORTED_API_VERSION: login() is not part of this version",
        );
    }
    let Some(user) = oauth.check_password(&username, &password) else {
        let message =
            "INVALID_LOGIN: Invalid username, password, security token; or user locked out.";
        return fault("sf:INVALID_LOGIN", message);
    };
    let session = oauth.soap_session(&user, now);
    let (base, org_id) = (&org.base_url, &org.organization);
    let short = org_id.get(..15).unwrap_or(org_id);
    Answer::text(
        200,
        "text/xml;charset=UTF-8",
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
             xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\">\
             <soapenv:Body><loginResponse><result>\
             <metadataServerUrl>{base}/services/Soap/m/{version}.0/{short}</metadataServerUrl>\
             <passwordExpired>false</passwordExpired><sandbox>false</sandbox>\
             <serverUrl>{base}/services/Soap/u/{version}.0/{short}</serverUrl>\
             <sessionId>{session}</sessionId><userId>{user}</userId>\
             <userInfo><organizationId>{org_id}</organizationId><userId>{user}</userId>\
             <userName>{username}</userName><sessionSecondsValid>7200</sessionSecondsValid></userInfo>\
             </result></loginResponse></soapenv:Body></soapenv:Envelope>"
        ),
    )
}

fn fault(code: &str, message: &str) -> Answer {
    Answer::text(
        500,
        "text/xml;charset=UTF-8",
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
             xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:sf=\"urn:fault.partner.soap.sforce.com\">\
             <soapenv:Body><soapenv:Fault><faultcode>{code}</faultcode><faultstring>{message}</faultstring>\
             </soapenv:Fault></soapenv:Body></soapenv:Envelope>"
        ),
    )
}

/// The text of the first element of this name, whatever its namespace prefix.
fn element(xml: &str, name: &str) -> Option<String> {
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, inside) = after.split_once('>')?;
        let local = tag
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .rsplit(':')
            .next()
            .unwrap_or_default();
        if local == name && !tag.starts_with('/') {
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
