//! Token endpoints that lie, behind the transport of production and real sockets.

use std::time::Duration;

use hub_engine::{Settings, connect, egress::Allowed, transport};
use hub_world::{PUBLIC_URL, World};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{
    Attack, attack,
    stage::{Stage, ask_at, parameter},
};

/// What a token endpoint on a real socket answers, by the transport of production.
async fn over_sockets(s: &mut Stage, answer: impl Fn(u16) -> Vec<u8> + Send + Sync + 'static) {
    tokio::time::resume();
    let evil = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let evil_port = evil.local_addr().unwrap().port();
    let crm = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = crm.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = crm.accept().await.unwrap();
        let mut request = vec![0; 65_536];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(&answer(evil_port)).await;
        let _ = stream.shutdown().await;
    });
    let settings = Settings {
        base_urls: [("salesforce".to_owned(), format!("http://{address}"))].into(),
        egress_allow: vec![address.clone(), format!("127.0.0.1:{evil_port}")],
        ..World::settings()
    };
    let allowed = Allowed::new(settings.egress_allow.clone());
    let transport = transport::https(allowed).unwrap();
    let hub = s.machine.world.hub_with("oauth", transport, settings);
    let caller = World::admin(hub_e2e::ORG);
    let (crm, id) = (
        "salesforce".parse().unwrap(),
        s.victim.connection.parse().unwrap(),
    );
    let begun = connect::begin(&hub, &caller, &crm, &id, PUBLIC_URL)
        .await
        .unwrap();
    let state = parameter(begun.authorize_url.as_str(), "state").unwrap();
    let router = hub_oauth::router(hub, World::identity(), PUBLIC_URL.to_owned());
    let cookie = format!("__Host-hub-connect={}", begun.cookie);
    let path = format!("{}?code=aPrx&state={state}", s.callback());
    let reply = ask_at(&router, &path, &cookie).await;
    s.must_be_refused("a callback", reply);
    let visited = tokio::time::timeout(Duration::from_millis(50), evil.accept()).await;
    s.must(
        visited.is_err(),
        "the token request was sent on to another host",
    );
    serving.abort();
    tokio::time::pause();
}

pub(super) fn all() -> Vec<Attack> {
    vec![
        attack(
            "token endpoint: redirect over sockets",
            "RFC 9700, 4.12",
            |s| {
                Box::pin(async {
                    over_sockets(s, |evil| format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{evil}/token\r\ncontent-length: 0\r\n\r\n").into_bytes()).await;
                })
            },
        ),
        attack("token endpoint: an endless body", "RFC 6749, 10.11", |s| {
            Box::pin(async {
                over_sockets(s, |_| {
                let mut answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{\"access_token\":\"a\",\"pad\":\"".to_vec();
                answer.resize(17 * 1024 * 1024, b'x');
                answer.extend(b"\",\"instance_url\":\"https://acme.my.salesforce.com\",\"id\":\"https://login.salesforce.com/id/00D/005\",\"scope\":\"api refresh_token id\"}");
                answer
            }).await;
            })
        }),
    ]
}
