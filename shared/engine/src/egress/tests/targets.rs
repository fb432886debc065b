//! Generated targets: address or name, spelling, scheme, port, credentials, path. Each goes through
//! production's transport, and what it would connect to is held against the oracle.
//!
//! `EGRESS_TARGETS` is how many (`just nightly egress` takes a million); the seed of a target is its
//! number, and `EGRESS_FROM` the first.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use url::Url;

use super::{
    Allowed,
    registry::{BLOCKS, ENDPOINTS, Oracle, Row, address, parse, range},
    spelling::{self, Means, Rng},
    tap::{Seen, Tap},
};
use crate::transport::{Transport, TransportError, send};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const HTTPS: &[&str] = &[
    "https://",
    "https://",
    "https://",
    "HTTPS://",
    "https:\\\\",
    "https:/",
    "https:",
    "https:////",
    "https:/\\",
    " \u{1}\thttps://",
    "ht\ntps://",
];
const OTHER: &[&str] = &[
    "http://",
    "http://",
    "HTTP:\\\\",
    "ftp://",
    "ws://",
    "wss://",
    "crm://",
];
const OPEN_PORTS: &[&str] = &["", "", "", ":443", ":", ":0443"];
const OTHER_PORTS: &[&str] = &[":4101", ":4101", ":80", ":8443", ":22", ":9001", ":65535"];
const CREDENTIALS: &[&str] = &[
    "user@",
    "user:secret@",
    "crm.example@",
    "127.0.0.1:443@",
    "%40@",
    ":x@",
];
const TAILS: &[&str] = &[
    "",
    "/",
    "/latest/meta-data/iam/security-credentials/",
    "//169.254.169.254/",
    "\\@127.0.0.1/",
    "#@127.0.0.1/",
    "?@127.0.0.1/",
    "/%2e%2e//localhost/",
    "/?url=http://127.0.0.1:9001/",
    "/ \n",
];

/// What a target is, and so what has to become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Exempt,
    Forbidden,
    /// No URL, or a name without an address.
    Nowhere,
}

struct Target {
    text: String,
    /// The text is an `http::Uri` as it stands; otherwise it is read by the URL standard first, as
    /// the engine reads what customers and CRMs say.
    as_uri: bool,
    is_literal: bool,
    /// What the host says itself, or what DNS says to it.
    answers: Vec<IpAddr>,
    kind: Kind,
    /// To what connections are opened.
    dials: Vec<IpAddr>,
    lookups: usize,
}

struct World {
    oracle: Oracle,
    corners: Vec<IpAddr>,
    blocks: Vec<(u128, u128, bool)>,
    endpoints: Vec<IpAddr>,
}

impl World {
    fn new() -> Self {
        let blocks = BLOCKS.iter().map(|row| {
            let (first, last) = range(row.block);
            (first, last, row.block.contains(':'))
        });
        Self {
            oracle: Oracle::new(),
            corners: BLOCKS.iter().flat_map(Row::corners).collect(),
            blocks: blocks.collect(),
            endpoints: ENDPOINTS.iter().copied().map(parse).collect(),
        }
    }

    fn address(&self, rng: &mut Rng) -> IpAddr {
        match rng.below(10) {
            0..3 => *rng.pick(&self.corners),
            3..5 => {
                let (first, last, is_v6) = *rng.pick(&self.blocks);
                let size = last - first + 1;
                address(first + rng.wide() % size, is_v6)
            }
            5 => *rng.pick(&self.endpoints),
            6..8 => address(rng.wide() >> 96, false),
            8 => address(1 << 125 | rng.wide() >> 3, true),
            _ => address(rng.wide(), true),
        }
    }

    fn target(&self, seed: u64) -> Target {
        let rng = &mut Rng::new(seed);
        let is_https = rng.in_hundred(90);
        let prefix = *rng.pick(if is_https { HTTPS } else { OTHER });
        let is_443 = rng.in_hundred(90);
        let port = *rng.pick(if is_443 { OPEN_PORTS } else { OTHER_PORTS });
        let is_sandbox = port == ":4101" && rng.in_hundred(50);
        let is_plain = rng.in_hundred(90);
        let credentials = match is_plain {
            true if rng.in_hundred(5) => "@",
            true => "",
            false => rng.pick(CREDENTIALS),
        };
        let tail = *rng.pick(TAILS);
        let is_open = is_https && is_443 && is_plain;
        let is_http = is_https || prefix.to_ascii_lowercase().starts_with("http");
        let may_be_exempt = is_http && port == ":4101" && is_plain;
        let as_uri = rng.in_hundred(25);

        let is_literal = rng.in_hundred(70);
        let (host, answers, kind, dials, lookups) = if is_literal {
            let address = if is_sandbox {
                LOCALHOST
            } else {
                self.address(rng)
            };
            let spelled = spelling::one(address, rng);
            let (kind, dials) = match spelled.means {
                Means::Nothing => (Kind::Nowhere, vec![]),
                Means::Address(a) if may_be_exempt && a == LOCALHOST => (Kind::Exempt, vec![a]),
                Means::Address(a) if is_open && self.oracle.is_public(a) => (Kind::Public, vec![a]),
                Means::Address(_) => (Kind::Forbidden, vec![]),
            };
            let meant = match spelled.means {
                Means::Address(a) => vec![a],
                Means::Nothing => vec![],
            };
            (spelled.host, meant, kind, dials, 0)
        } else {
            let is_inside = !is_sandbox && rng.in_hundred(25);
            let name = *rng.pick(if is_inside {
                spelling::INSIDE
            } else {
                spelling::OUTSIDE
            });
            let name = if is_sandbox {
                "sandbox.example".to_owned()
            } else if name.contains('.') && rng.in_hundred(40) {
                format!("x{}.{name}", rng.below(1_000_000))
            } else {
                name.to_owned()
            };
            let spelled = rng.pick(&spelling::names(&name)).clone();
            let answers: Vec<_> = (0..rng.below(5)).map(|_| self.address(rng)).collect();
            let public: Vec<_> = answers
                .iter()
                .copied()
                .filter(|a| self.oracle.is_public(*a))
                .collect();
            let is_exempt = may_be_exempt && name == "sandbox.example" && !spelled.ends_with('.');
            let (kind, dials, lookups) = match () {
                () if is_exempt => (Kind::Exempt, answers.clone(), 1),
                () if !is_open || is_inside => (Kind::Forbidden, vec![], 0),
                () if answers.is_empty() => (Kind::Nowhere, vec![], 1),
                () if public.is_empty() => (Kind::Forbidden, vec![], 1),
                () => (Kind::Public, public, 1),
            };
            (spelled, answers, kind, dials, lookups)
        };
        Target {
            text: format!("{prefix}{credentials}{host}{port}{tail}"),
            as_uri,
            is_literal,
            answers,
            kind,
            dials,
            lookups,
        }
    }
}

/// Sends to a target; `None` if its text is nothing that can be sent to.
async fn outcome(transport: &Transport, target: &Target) -> Option<Result<(), TransportError>> {
    let uri: http::Uri = if target.as_uri {
        target.text.parse().ok()?
    } else {
        Url::parse(&target.text).ok()?.as_str().parse().ok()?
    };
    let request = http::Request::get(uri).body(Bytes::new()).ok()?;
    Some(send(transport, request).await.map(|_| ()))
}

fn number(variable: &str, default: u64) -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's size is no configuration"
    )]
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[tokio::test]
async fn nothing_forbidden_is_connected_to_and_nothing_public_is_refused() {
    let from = number("EGRESS_FROM", 0);
    let targets = number("EGRESS_TARGETS", 10_000);
    let world = World::new();
    let tap = Tap::default();
    let allowed = ["127.0.0.1:4101", "sandbox.example:4101"].map(str::to_owned);
    let transport = tap.transport(Allowed::new(allowed));
    let mut counts = [0_u64; 4];
    let (mut dialled, mut opened, mut refused) = (0, 0, 0);
    let mut wrong = Vec::new();
    for seed in from..from + targets {
        let target = world.target(seed);
        *tap.seen() = Seen {
            is_literal: target.is_literal,
            answers: target.answers.clone(),
            ..Seen::default()
        };
        let outcome = outcome(&transport, &target).await;
        let seen = std::mem::take(&mut *tap.seen());
        let dials = if target.is_literal {
            let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            let meant = target.answers.first().copied().unwrap_or(unspecified);
            vec![meant; seen.attempts]
        } else {
            seen.handed_out
        };
        dialled += dials.len();
        opened += dials.iter().filter(|a| !target.dials.contains(a)).count();
        // A text that is no `http::Uri` is not sent at all, public or not.
        let is_sent = outcome.is_some() || !target.as_uri;
        let kind = match target.kind {
            Kind::Public | Kind::Exempt if !is_sent => Kind::Nowhere,
            other => other,
        };
        counts[kind as usize] += 1;
        let missing = target.dials.iter().filter(|a| !dials.contains(a)).count();
        refused += if is_sent { missing } else { 0 };
        let is_right = match (target.kind, &outcome) {
            (_, Some(Ok(()))) => false,
            (Kind::Forbidden, Some(Err(error))) => matches!(error, TransportError::Forbidden(_)),
            (Kind::Public | Kind::Exempt, Some(Err(error))) => {
                matches!(error, TransportError::NotSent(_))
            }
            (Kind::Public | Kind::Exempt, None) => target.as_uri,
            (Kind::Forbidden | Kind::Nowhere, _) => true,
        };
        let is_as_expected = !is_sent || (dials == target.dials && seen.lookups == target.lookups);
        if !(is_right && is_as_expected) && wrong.len() < 20 {
            let (text, kind, answers) = (&target.text, target.kind, &target.answers);
            wrong.push(format!(
                "seed {seed}: {text:?} is {kind:?} {answers:?}: {dials:?} for {:?}, {outcome:?}",
                target.dials
            ));
        }
    }
    let [public, exempt, forbidden, nowhere] = counts;
    println!(
        "egress: seeds {from}..{}: targets {targets}, forbidden {forbidden}, public {public}, \
         exempt {exempt}, nowhere {nowhere}; addresses dialled {dialled}, forbidden connections \
         {opened}, public addresses refused {refused}",
        from + targets
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((opened, refused), (0, 0));
    // The generator makes enough of both.
    assert!(forbidden > targets / 4 && public > targets / 8);
}
