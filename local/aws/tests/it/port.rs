//! The HTTP port: the same SDK clients over a socket, and bare HTTP for what no SDK here sends.

use aws_sdk_dynamodb::types::{AttributeValue, StreamSpecification, StreamViewType};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::{World, create_table, db, secrets, sqs};

struct Port {
    world: World,
    address: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

async fn open() -> Port {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    world.aws.set_endpoint(&format!("http://{address}"));
    let (stop, stopped) = oneshot::channel::<()>();
    let aws = world.aws.clone();
    let server = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        aws.serve(listener, stopped).await.unwrap();
    });
    Port {
        world,
        address,
        stop,
        server,
    }
}

#[tokio::test]
async fn all_three_services_answer_on_one_port() {
    let port = open().await;
    let url = format!("http://{}", port.address);
    let http = aws_smithy_http_client::Builder::new().build_http();
    let (db, sqs, secrets) = (
        db(http.clone(), &url),
        sqs(http.clone(), "AKIDPORT", &url),
        secrets(http, &url),
    );

    create_table(&db).await;
    let large = AttributeValue::S("x".repeat(390_000));
    let put = db
        .put_item()
        .table_name("tab")
        .item("pk", AttributeValue::S("a".into()));
    put.item("sk", AttributeValue::S("1".into()))
        .item("data", large)
        .send()
        .await
        .unwrap();
    assert_eq!(port.world.aws.dump().unwrap().tables["tab"].len(), 1);

    let queue = sqs
        .create_queue()
        .queue_name("q")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    assert_eq!(queue, format!("{url}/000000000000/q"));
    sqs.send_message()
        .queue_url(&queue)
        .message_body("é".repeat(500_000))
        .send()
        .await
        .unwrap();
    let received = sqs
        .receive_message()
        .queue_url(&queue)
        .send()
        .await
        .unwrap()
        .messages
        .unwrap();
    assert_eq!(received[0].body.as_ref().unwrap().len(), 1_000_000);
    let missing = sqs
        .get_queue_url()
        .queue_name("none")
        .send()
        .await
        .unwrap_err();
    assert!(missing.into_service_error().is_queue_does_not_exist());

    secrets
        .create_secret()
        .name("s")
        .secret_string("1")
        .send()
        .await
        .unwrap();
    let value = secrets
        .get_secret_value()
        .secret_id("s")
        .send()
        .await
        .unwrap();
    assert_eq!(value.secret_string.as_deref(), Some("1"));

    port.stop.send(()).unwrap();
    drop((db, sqs, secrets));
    port.server.await.unwrap();
}

#[tokio::test]
async fn a_long_poll_does_not_hold_up_the_shutdown() {
    let port = open().await;
    let url = format!("http://{}", port.address);
    let sqs = sqs(
        aws_smithy_http_client::Builder::new().build_http(),
        "AKIDPORT",
        &url,
    );
    let queue = sqs
        .create_queue()
        .queue_name("q")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    let poll = tokio::spawn(
        sqs.receive_message()
            .queue_url(&queue)
            .wait_time_seconds(20)
            .send(),
    );
    while port.world.aws.counts().calls_of("sqs.ReceiveMessage") == 0 {
        tokio::task::yield_now().await;
    }
    let begun = std::time::Instant::now();
    port.stop.send(()).unwrap();
    port.server.await.unwrap();
    assert!(begun.elapsed().as_secs() < 10);
    assert!(poll.await.unwrap().is_err());
}

#[tokio::test]
async fn streams_tell_what_changed() {
    let port = open().await;
    let db = &port.world.db;
    create_table(db).await;
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewAndOldImages);
    let update = db
        .update_table()
        .table_name("tab")
        .stream_specification(stream.build().unwrap());
    let arn = update
        .send()
        .await
        .unwrap()
        .table_description
        .unwrap()
        .latest_stream_arn
        .unwrap();
    let put = db
        .put_item()
        .table_name("tab")
        .item("pk", AttributeValue::S("a".into()));
    put.item("sk", AttributeValue::S("1".into()))
        .send()
        .await
        .unwrap();

    let call = |operation, body| {
        post(
            &port.address,
            format!("DynamoDBStreams_20120810.{operation}"),
            body,
        )
    };
    let (_, described) = call("DescribeStream", json!({ "StreamArn": arn })).await;
    let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
    let request =
        json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let (_, iterator) = call("GetShardIterator", request).await;
    let (_, records) = call(
        "GetRecords",
        json!({ "ShardIterator": iterator["ShardIterator"] }),
    )
    .await;
    assert_eq!(records["Records"][0]["eventName"], "INSERT", "{records}");
    assert_eq!(
        records["Records"][0]["dynamodb"]["NewImage"]["pk"]["S"],
        "a"
    );
}

#[tokio::test]
async fn what_is_not_here_is_an_unknown_operation() {
    let port = open().await;
    let (status, body) = post(
        &port.address,
        "Kinesis_20131202.PutRecord".to_owned(),
        json!({}),
    )
    .await;
    assert_eq!(status, 400);
    assert_eq!(
        body["__type"],
        "com.amazon.coral.service#UnknownOperationException"
    );
}

async fn post(address: &str, target: String, body: Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-amz-target: {target}\r\n\
         content-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        serde_json::from_str(body).unwrap(),
    )
}
