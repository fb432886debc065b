//! Data centres: which there are, and which one a request is addressed to.

use bytes::Bytes;
use http::{Request, header};

/// The `location` of a data centre, its accounts host and its API host.
const PLACES: [(&str, &str, &str); 8] = [
    ("us", "accounts.zoho.com", "www.zohoapis.com"),
    ("eu", "accounts.zoho.eu", "www.zohoapis.eu"),
    ("in", "accounts.zoho.in", "www.zohoapis.in"),
    ("au", "accounts.zoho.com.au", "www.zohoapis.com.au"),
    ("jp", "accounts.zoho.jp", "www.zohoapis.jp"),
    ("cn", "accounts.zoho.com.cn", "www.zohoapis.com.cn"),
    ("ca", "accounts.zohocloud.ca", "www.zohoapis.ca"),
    ("sa", "accounts.zoho.sa", "www.zohoapis.sa"),
];

/// The data centres by `location`.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    PLACES.iter().map(|(place, _, _)| *place)
}

/// The vendor's accounts and API hosts of a data centre.
pub(super) fn hosts(place: &str) -> Option<(&'static str, &'static str)> {
    let found = PLACES.iter().find(|(name, _, _)| *name == place);
    found.map(|(_, accounts, api)| (*accounts, *api))
}

/// The data centre of a request and the path in it: by `/__dc/{location}` in front of the path, by
/// the host, else what the root of the port stands for (`None`: any).
pub(super) fn of(request: &Request<Bytes>, root: Option<&str>) -> (Option<String>, String) {
    let path = request.uri().path();
    if let Some((place, rest)) = path.strip_prefix("/__dc/").and_then(|p| p.split_once('/')) {
        return (Some(place.to_owned()), format!("/{rest}"));
    }
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let host = host.or(request.uri().host()).unwrap_or_default();
    let mut places = PLACES.iter();
    let by_host = places.find(|(_, accounts, api)| host == *accounts || host == *api);
    let place = by_host.map(|(place, _, _)| *place).or(root);
    (place.map(str::to_owned), path.to_owned())
}
