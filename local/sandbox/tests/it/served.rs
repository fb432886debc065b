//! The sandbox over TCP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::vendor::Vendor;

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
    let sandbox = vendor.sandbox.clone();
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
    vendor.fault(json!({ "fault": "drop_after" }));
    let reply = talk(
        &mut stream,
        &format!("POST /services/data/v67.0/sobjects/Task HTTP/1.1\r\n{head}\r\n{chunks}"),
    )
    .await;
    assert_eq!(reply, "", "closed without an answer");
    assert_eq!(
        vendor.sandbox.state()["objects"]["Task"]
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
