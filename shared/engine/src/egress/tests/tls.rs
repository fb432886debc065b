//! Servers on loopback that are not who they should be: the way out sends them nothing, and says what is wrong.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
};

use bytes::Bytes;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    version::{TLS12, TLS13},
};

use super::{Allowed, Lookup, Resolver, certificate::Party};
use crate::transport::{self, Insecure, ReadAtMost, Transport, TransportError, send};

const HOST: &str = "crm.example";
/// The whole time of the test, and years in which it is not run.
const NOW: [&str; 2] = ["20200101", "21200101"];
const PAST: [&str; 2] = ["20200101", "20210101"];
const FUTURE: [&str; 2] = ["21000101", "21200101"];

/// Answers each connection in this way, and tells what it was asked.
fn listen(
    answer: impl Fn(TcpStream) -> String + Send + 'static,
) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            if tell.send(answer(stream.unwrap())).is_err() {
                return;
            }
        }
    });
    (address, told)
}

/// A server over TLS that answers 200; what it was asked is empty where nobody trusted it.
fn secure(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> (SocketAddr, mpsc::Receiver<String>) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let config = config.unwrap().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(chain, key).unwrap());
    listen(move |stream| {
        let tls = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(tls, stream);
        let mut asked = String::new();
        let mut lines = BufReader::new(&mut stream);
        while lines.read_line(&mut asked).is_ok_and(|length| length > 2) {}
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
        stream.conn.send_close_notify();
        let _ = stream.flush();
        asked
    })
}

/// Production's transport, which believes one more authority and finds the host at this address.
fn believing(authority: &Party, address: SocketAddr) -> Transport {
    let mut roots = RootCertStore::empty();
    roots.add(authority.authority()).unwrap();
    let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(vec![address]) }));
    transport::over(
        Allowed::new([format!("{HOST}:443")]),
        |reach| Resolver::new(reach, lookup.clone()),
        |client| client.tls_backend_preconfigured(transport::tls(roots.clone()).unwrap()),
    )
    .unwrap()
}

async fn post(transport: &Transport) -> Result<http::Response<Bytes>, TransportError> {
    let request = http::Request::post(format!("https://{HOST}/hook"));
    send(transport, request.body(Bytes::from_static(b"{}")).unwrap()).await
}

#[tokio::test]
async fn who_does_not_prove_to_be_the_host_is_sent_nothing_and_it_is_said_why() {
    let (authority, other, server) = (
        Party::new("Roots"),
        Party::new("Others"),
        Party::new("Server"),
    );
    let cases = [
        (authority.certify(&server, HOST, PAST), Insecure::Expired),
        (authority.certify(&server, HOST, FUTURE), Insecure::TooEarly),
        (
            authority.certify(&server, "crm.example.evil.example", NOW),
            Insecure::OtherHost,
        ),
        (
            authority.certify(&server, "*.crm.example", NOW),
            Insecure::OtherHost,
        ),
        (server.certify(&server, HOST, NOW), Insecure::Untrusted),
        (other.certify(&server, HOST, NOW), Insecure::Untrusted),
        // The authority's name without its key.
        (
            Party::new("Roots").certify(&server, HOST, NOW),
            Insecure::Untrusted,
        ),
        // As `openssl req -x509` makes them: self-signed, and an authority's.
        (server.authority(), Insecure::Unusable),
    ];
    for (certificate, expected) in cases {
        let (address, asked) = secure(vec![certificate], server.private_key(), &[&TLS12, &TLS13]);
        let outcome = post(&believing(&authority, address)).await;
        let Err(TransportError::Insecure(found)) = outcome else {
            panic!("{expected}: {outcome:?}");
        };
        assert_eq!(found, expected);
        assert_eq!(asked.recv().unwrap(), "", "{expected}");
        assert!(!found.advice().is_empty());
    }
}

#[tokio::test]
async fn who_proves_it_is_heard_over_tls_1_2_and_1_3() {
    let (authority, server) = (Party::new("Roots"), Party::new("Server"));
    for version in [&TLS12, &TLS13] {
        let certificate = authority.certify(&server, HOST, NOW);
        let (address, asked) = secure(vec![certificate], server.private_key(), &[version]);
        let answer = post(&believing(&authority, address)).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &b"ok"[..])
        );
        let asked = asked.recv().unwrap();
        assert!(asked.starts_with("POST /hook HTTP/1.1\r\n"), "{asked}");
    }
    // Of the roots that are compiled in, none signed it.
    let certificate = authority.certify(&server, HOST, NOW);
    let (address, asked) = secure(vec![certificate], server.private_key(), &[&TLS13]);
    let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(vec![address]) }));
    let resolver = |reach| Resolver::new(reach, lookup.clone());
    let production = transport::over(Allowed::new([format!("{HOST}:443")]), resolver, |client| {
        client
    });
    let outcome = post(&production.unwrap()).await;
    assert!(
        matches!(outcome, Err(TransportError::Insecure(Insecure::Untrusted))),
        "{outcome:?}"
    );
    assert_eq!(asked.recv().unwrap(), "");
}

#[tokio::test]
async fn older_versions_and_plain_text_are_no_tls() {
    // A ServerHello of RFC 4346 with TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, in a record of that version.
    let hello = |version: u8| {
        let mut hello = vec![22, 3, version, 0, 42, 2, 0, 0, 38, 3, version];
        hello.extend([7; 32]);
        hello.extend([0, 0xc0, 0x13, 0]);
        hello
    };
    // An alert, as a server answers that knows none of the versions: fatal, protocol_version.
    let refusal = vec![21, 3, 1, 0, 2, 2, 70];
    let plain = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec();
    let authority = Party::new("Roots");
    for (said, expected) in [
        (hello(2), Insecure::TooOld),
        (hello(1), Insecure::TooOld),
        (refusal, Insecure::TooOld),
        (plain, Insecure::NotTls),
    ] {
        let (address, _asked) = listen(move |mut stream| {
            let _ = stream.write_all(&said);
            let mut heard = Vec::new();
            let _ = stream.read_to_end(&mut heard);
            String::new()
        });
        let outcome = post(&believing(&authority, address)).await;
        let Err(TransportError::Insecure(found)) = outcome else {
            panic!("{expected}: {outcome:?}");
        };
        assert_eq!(found, expected);
    }
    // Who only hangs up may be well again in a moment.
    let (address, _asked) = listen(|_| String::new());
    let outcome = post(&believing(&authority, address)).await;
    assert!(
        matches!(outcome, Err(TransportError::NotSent(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_answer_is_read_up_to_a_limit() {
    const MIB: usize = 1024 * 1024;
    let (address, _asked) = listen(|mut stream| {
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        lines.map_while(Result::ok).find(String::is_empty);
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            64 * MIB
        );
        let piece = vec![b'x'; MIB];
        while stream.write_all(&piece).is_ok() {}
        String::new()
    });
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(Vec::new()) }));
    let resolver = |reach| Resolver::new(reach, lookup.clone());
    let allowed = Allowed::new([address.to_string()]);
    let transport = transport::over(allowed, resolver, |client| client).unwrap();
    let request = || http::Request::get(format!("http://{address}/"));
    let outcome = send(&transport, request().body(Bytes::new()).unwrap()).await;
    let Err(TransportError::Lost(why)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(why, "the answer is larger than 16777216 bytes");
    // Of a receiver's answer only the beginning is wanted, and it is an answer.
    let wanted = request().extension(ReadAtMost(1_000)).body(Bytes::new());
    let answer = send(&transport, wanted.unwrap()).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.body().len()),
        (200, 1_000)
    );
}
