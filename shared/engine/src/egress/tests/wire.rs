//! Real sockets on loopback: that a listener hears nothing says more than an error does. Each silence
//! stands beside a request that is heard, so that it is not the listener that is deaf.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use bytes::Bytes;
use http::StatusCode;

use super::{
    Allowed, Lookup, Resolver,
    registry::parse,
    spelling::{self, Rng},
    tap::{Seen, Tap},
};
use crate::transport::{self, Transport, TransportError, send};

/// Answers every request with the same.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn new(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, SeqCst);
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                lines.map_while(Result::ok).find(String::is_empty);
                let _ = write!(
                    stream,
                    "HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                );
            }
        });
        Self { address, requests }
    }

    fn ok() -> Self {
        Self::new("200 OK".to_owned())
    }

    fn requests(&self) -> usize {
        self.requests.load(SeqCst)
    }
}

/// Nobody may connect to it.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// The kernel queues connections, so none is missed.
    fn connections(&self) -> usize {
        std::iter::from_fn(|| self.0.accept().ok()).count()
    }
}

/// Production's transport over a DNS that always says the same.
fn with_dns(allowed: &[String], answers: &[SocketAddr]) -> Transport {
    let answers = answers.to_vec();
    let lookup: Lookup = Arc::new(move |_| {
        let found = Ok(answers.clone());
        Box::pin(async { found })
    });
    let resolver = |reach| Resolver::new(reach, lookup.clone());
    transport::over(Allowed::new(allowed.to_vec()), resolver, |client| client).unwrap()
}

async fn get(transport: &Transport, url: &str) -> Result<StatusCode, TransportError> {
    let request = http::Request::get(url).body(Bytes::new()).unwrap();
    Ok(send(transport, request).await?.status())
}

fn is_forbidden(outcome: &Result<StatusCode, TransportError>) -> bool {
    matches!(outcome, Err(TransportError::Forbidden(_)))
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_not_connected_to() {
    let silent = Silent::new();
    let port = silent.address().port();
    for ip in [
        "127.0.0.1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::ffff:0.0.0.0",
        "::1",
        "::",
    ] {
        // A port of the answer's own is kept by the client: without the guard, this is a connection.
        let transport = with_dns(&[], &[SocketAddr::new(parse(ip), port)]);
        let outcome = get(&transport, "https://crm.example/").await;
        assert!(is_forbidden(&outcome), "{ip}: {outcome:?}");
    }
    assert_eq!(silent.connections(), 0);
    // The same way with the name exempt on 443: the connection is made, and TLS fails.
    let server = Server::ok();
    let transport = with_dns(&["crm.example:443".to_owned()], &[server.address]);
    let outcome = get(&transport, "https://crm.example/").await;
    assert!(!is_forbidden(&outcome), "{outcome:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_name_exempt_on_one_port_is_guarded_on_443() {
    let (server, silent) = (Server::ok(), Silent::new());
    let pair = format!("crm.example:{}", server.address.port());
    let heard = with_dns(std::slice::from_ref(&pair), &[server.address]);
    assert_eq!(get(&heard, &format!("http://{pair}/")).await.unwrap(), 200);
    assert_eq!(server.requests(), 1);

    let transport = with_dns(&[pair], &[silent.address()]);
    let outcome = get(&transport, "https://crm.example/").await;
    assert!(is_forbidden(&outcome), "{outcome:?}");
    assert_eq!(silent.connections(), 0);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_cannot_be_rebound() {
    let tap = Tap::default();
    let transport = tap.transport(Allowed::default());
    let cases: [(&[&str], &[&str]); 5] = [
        (&["8.8.8.8"], &["8.8.8.8"]),
        (&["127.0.0.1"], &[]),
        (&["2600::1", "::1"], &["2600::1"]),
        (
            &["169.254.169.254", "8.8.8.8", "fd00:ec2::254"],
            &["8.8.8.8"],
        ),
        (&["10.0.0.1", "::ffff:8.8.8.8"], &[]),
    ];
    for (answers, handed_out) in cases {
        *tap.seen() = Seen {
            answers: answers.iter().copied().map(parse).collect(),
            ..Seen::default()
        };
        let outcome = get(&transport, "https://crm.example/").await;
        assert_eq!(is_forbidden(&outcome), handed_out.is_empty(), "{outcome:?}");
        let seen = std::mem::take(&mut *tap.seen());
        let expected: Vec<_> = handed_out.iter().copied().map(parse).collect();
        // One answer is both checked and connected to.
        assert_eq!(
            (seen.lookups, seen.handed_out),
            (1, expected),
            "{answers:?}"
        );
    }
}

#[tokio::test]
async fn no_spelling_of_loopback_reaches_a_listener() {
    let silent = Silent::new();
    let port = silent.address().port();
    let transport = with_dns(&["127.0.0.1:1".to_owned()], &[silent.address()]);
    let mut rng = Rng::new(0);
    let mut spelled: Vec<String> = ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"]
        .into_iter()
        .flat_map(|address| spelling::all(parse(address), &mut rng))
        .map(|(_, spelled)| spelled.host)
        .collect();
    spelled.extend(spelling::names("localhost"));
    let mut sent = 0;
    for host in spelled {
        for scheme in ["https", "http"] {
            let Ok(url) = url::Url::parse(&format!("{scheme}://{host}:{port}/")) else {
                continue;
            };
            sent += 1;
            let outcome = get(&transport, url.as_str()).await;
            assert!(is_forbidden(&outcome), "{url}: {outcome:?}");
        }
    }
    assert!(sent > 100, "{sent}");
    assert_eq!(silent.connections(), 0);

    let server = Server::ok();
    let heard = with_dns(&[server.address.to_string()], &[]);
    let url = format!("http://0x7f.1:{}/", server.address.port());
    let url = url::Url::parse(&url).unwrap();
    assert_eq!(get(&heard, url.as_str()).await.unwrap(), 200);
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    let silent = Silent::new();
    for status in ["301", "302", "303", "307", "308"] {
        let answer = format!("{status} Moved\r\nlocation: http://{}/", silent.address());
        let server = Server::new(answer);
        // Even where the other place is exempt.
        let pairs = [server.address.to_string(), silent.address().to_string()];
        let transport = with_dns(&pairs, &[]);
        let found = get(&transport, &format!("http://{}/", server.address)).await;
        assert_eq!(found.unwrap().as_str(), status);
        assert_eq!(server.requests(), 1);
    }
    assert_eq!(silent.connections(), 0);
}

/// The environment belongs to the process, so the test runs itself again as a child.
const CHILD: &str = "EGRESS_TEST_SERVER";

#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    #[expect(clippy::disallowed_methods, reason = "from the parent to the child")]
    if let Ok(server) = std::env::var(CHILD) {
        let transport = with_dns(std::slice::from_ref(&server), &[]);
        assert_eq!(
            get(&transport, &format!("http://{server}/")).await.unwrap(),
            200
        );
        let tap = Tap::default();
        tap.seen().answers = vec![parse("8.8.8.8")];
        let guarded = tap.transport(Allowed::default());
        assert!(get(&guarded, "https://crm.example/").await.is_err());
        assert_eq!(tap.seen().handed_out, [parse("8.8.8.8")]);
        // A client that was not told so does use them.
        let plain = transport::builder().build().unwrap();
        let reply = plain.get(format!("http://{server}/")).send().await.unwrap();
        assert_eq!(reply.status(), 418);
        return;
    }
    let (server, proxy) = (Server::ok(), Server::new("418 Proxy".to_owned()));
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([
            "--exact",
            "egress::tests::wire::proxies_of_the_environment_are_not_used",
        ])
        .env_clear()
        .env(CHILD, server.address.to_string());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        let address = format!("http://{}", proxy.address);
        child.env(name, &address).env(name.to_lowercase(), address);
    }
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
    assert_eq!((server.requests(), proxy.requests()), (1, 1));
}
