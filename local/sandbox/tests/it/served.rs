//! The sandbox over TCP.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::salesforce::vendor::Vendor;

async fn talk(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 65_536];
    let size = stream.read(&mut buffer).await.unwrap_or(0);
    String::from_utf8_lossy(&buffer[..size]).into_owned()
}

#[tokio::test]
async fn keep_alive_chunked_bodies_and_a_broken_connection() {
    let vendor = Vendor::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sandbox = vendor.caller.sandbox.clone();
    let server = tokio::spawn(async move {
        sandbox
            .serve(listener, async {
                stopped.await.ok();
            })
            .await
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("Host: x\r\nAuthorization: Bearer {}\r\n", vendor.token);
    let reply = talk(
        &mut stream,
        &format!("GET /services/data/v67.0/limits HTTP/1.1\r\n{head}\r\n"),
    )
    .await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    // The same connection again, with a chunked body.
    let body = "{\"Subject\":\"chunked\"}";
    let chunks = format!(
        "5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        &body[..5],
        body.len() - 5,
        &body[5..]
    );
    let head = format!("{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n");
    let reply = talk(
        &mut stream,
        &format!("POST /services/data/v67.0/sobjects/Task HTTP/1.1\r\n{head}\r\n{chunks}"),
    )
    .await;
    assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
    vendor.caller.fault(json!({ "fault": "drop_after" }));
    let reply = talk(
        &mut stream,
        &format!("POST /services/data/v67.0/sobjects/Task HTTP/1.1\r\n{head}\r\n{chunks}"),
    )
    .await;
    assert_eq!(reply, "", "closed without an answer");
    assert_eq!(
        vendor.caller.sandbox.state()["objects"]["Task"]
            .as_array()
            .unwrap()
            .len(),
        2,
        "but it was applied"
    );
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

/// A fake Salesforce on a port of its own, while the runtime of the test lives.
async fn served() -> (Vendor, std::net::SocketAddr) {
    let vendor = Vendor::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sandbox = vendor.caller.sandbox.clone();
    tokio::spawn(async move { sandbox.serve(listener, std::future::pending()).await });
    (vendor, address)
}

async fn asked(vendor: &Vendor, address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = &vendor.token;
    let request = format!(
        "GET /services/data/v67.0/limits HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_drop_is_an_end() {
    let (vendor, address) = served().await;
    vendor.caller.fault(json!({ "fault": "reset" }));
    let mut buffer = [0; 16];
    let mut stream = asked(&vendor, address).await;
    let error = stream.read(&mut buffer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    vendor.caller.fault(json!({ "fault": "drop_before" }));
    let mut stream = asked(&vendor, address).await;
    assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
}

#[tokio::test]
async fn a_dripping_answer_comes_byte_by_byte_and_is_whole_in_the_end() {
    let (vendor, address) = served().await;
    vendor
        .caller
        .fault(json!({ "fault": "status", "status": 200, "body": "drip" }));
    vendor
        .caller
        .fault(json!({ "fault": "slow_drip", "ms": 30 }));
    let began = Instant::now();
    let mut stream = asked(&vendor, address).await;
    let (mut text, mut reads) = (String::new(), 0);
    let mut buffer = [0; 1024];
    loop {
        let size = stream.read(&mut buffer).await.unwrap();
        if size == 0 {
            break;
        }
        reads += 1;
        text += std::str::from_utf8(&buffer[..size]).unwrap();
    }
    assert!(text.contains("content-length: 4\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\ndrip"), "{text}");
    assert!(began.elapsed() >= Duration::from_millis(120));
    assert!(reads > 1, "it came in one piece");
}

#[tokio::test]
async fn a_hanging_call_was_applied_and_is_never_answered() {
    let (vendor, address) = served().await;
    vendor
        .caller
        .fault(json!({ "fault": "hang", "seconds": 1 }));
    let mut stream = asked(&vendor, address).await;
    let mut buffer = [0; 16];
    let soon = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut buffer)).await;
    assert!(soon.is_err(), "nothing comes");
    assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
    assert_eq!(vendor.caller.sandbox.requests()[0].status, None);
}
