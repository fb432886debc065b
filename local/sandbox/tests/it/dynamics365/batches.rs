//! `$batch`: parts, change sets, what a failure stops.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::vendor::{API, Reply, Vendor, guid, refused};

fn part(head: &str, body: Value) -> String {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    format!(
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n{head}\r\nContent-Type: \
         application/json\r\n\r\n{body}\r\n"
    )
}

fn set(parts: &[String]) -> String {
    let mut text = "Content-Type: multipart/mixed;boundary=\"changeset_1\"\r\n\r\n".to_owned();
    for (number, part) in (1..).zip(parts) {
        let headed = part.replacen(
            "binary\r\n",
            &format!("binary\r\nContent-ID: {number}\r\n"),
            1,
        );
        text += "--changeset_1\r\n";
        text += &headed;
    }
    text + "--changeset_1--\r\n"
}

async fn send(vendor: &Vendor, parts: &[String], prefer: &str) -> Reply {
    let mut body = String::new();
    for part in parts {
        body.extend(["--batch_1\r\n", part]);
    }
    body.push_str("--batch_1--\r\n");
    raw(vendor, "multipart/mixed; boundary=batch_1", prefer, body).await
}

async fn raw(vendor: &Vendor, kind: &str, prefer: &str, body: String) -> Reply {
    let request = Request::post(format!("{API}/$batch"))
        .header("authorization", format!("Bearer {}", vendor.token))
        .header("content-type", kind)
        .header("prefer", prefer);
    vendor
        .caller
        .send(request.body(Bytes::from(body)).unwrap())
        .await
}

/// The statuses inside, in order.
fn statuses(reply: &Reply) -> Vec<u16> {
    let lines = reply.text.split("HTTP/1.1 ").skip(1);
    lines.map(|line| line[..3].parse().unwrap()).collect()
}

fn task(number: u32, headers: &str, body: Value) -> String {
    part(
        &format!("PATCH tasks({}) HTTP/1.1{headers}", guid(number)),
        body,
    )
}

#[tokio::test]
async fn requests_by_whole_and_by_short_addresses() {
    let vendor = Vendor::new();
    let parts = [
        part(&format!("GET {API}/WhoAmI HTTP/1.1"), Value::Null),
        part(
            "GET /api/data/v9.2/contacts?$top=1&$select=fullname HTTP/1.1",
            Value::Null,
        ),
        part(
            "GET contacts?$filter=firstname eq 'Ada' HTTP/1.1"
                .replace("firstname eq ", "firstname%20eq%20")
                .as_str(),
            Value::Null,
        ),
        part("POST tasks HTTP/1.1", json!({ "subject": "from a batch" })),
    ];
    let reply = send(&vendor, &parts, "").await;
    assert_eq!(
        (reply.status, statuses(&reply)),
        (200, vec![200, 200, 200, 204]),
        "{}",
        reply.text
    );
    let kind = reply.headers["content-type"].to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap();
    assert!(boundary.starts_with("batchresponse_"));
    assert!(
        reply.text.starts_with(&format!("--{boundary}\r\n"))
            && reply.text.ends_with(&format!("--{boundary}--\r\n"))
    );
    assert!(
        reply
            .text
            .contains(&format!("OData-EntityId: {API}/tasks("))
    );
}

#[tokio::test]
async fn a_failure_stops_the_batch_unless_it_may_go_on() {
    let vendor = Vendor::new();
    let long = json!({ "subject": "x".repeat(201) });
    let parts = [
        task(1, "", json!({ "subject": "a" })),
        task(2, "", long),
        task(3, "", json!({ "subject": "c" })),
    ];
    let reply = send(&vendor, &parts, "").await;
    assert_eq!(
        (reply.status, statuses(&reply)),
        (400, vec![204, 400]),
        "{}",
        reply.text
    );
    assert_eq!(vendor.rows("tasks").await.len(), 1);
    let reply = send(&vendor, &parts, "odata.continue-on-error").await;
    assert_eq!((reply.status, statuses(&reply)), (200, vec![204, 400, 204]));
    assert!(reply.text.contains("0x80044331"));
    assert_eq!(vendor.rows("tasks").await.len(), 2);
}

#[tokio::test]
async fn a_change_set_is_whole_or_not_at_all() {
    let vendor = Vendor::new();
    let once = "\r\nIf-None-Match: *";
    let complete = json!({ "statecode": 1, "statuscode": 5 });
    let good = set(&[
        task(1, once, json!({ "subject": "a" })),
        task(1, "\r\nIf-Match: *", complete.clone()),
    ]);
    let bad = set(&[
        task(2, once, json!({ "subject": "b" })),
        task(3, "\r\nIf-Match: *", complete),
    ]);
    let parts = [good, bad, task(4, once, json!({ "subject": "d" }))];
    let reply = send(&vendor, &parts, "odata.continue-on-error").await;
    // One part for the set that failed.
    assert_eq!(
        (reply.status, statuses(&reply)),
        (200, vec![204, 204, 404, 204]),
        "{}",
        reply.text
    );
    assert_eq!(reply.text.matches("--changesetresponse_").count(), 3);
    assert_eq!(reply.text.matches("Content-ID: ").count(), 3);
    let mut subjects: Vec<Value> = vendor
        .rows("tasks")
        .await
        .iter()
        .map(|row| row["subject"].clone())
        .collect();
    subjects.sort_by_key(ToString::to_string);
    assert_eq!(subjects, ["a", "d"]);
    assert_eq!(
        vendor.get(&format!("tasks({})", guid(1))).await.body["statecode"],
        1
    );
    // What a failed set did with a record that was there is taken back, too.
    let again = set(&[
        task(1, "", json!({ "statecode": 0, "statuscode": 2 })),
        task(1, once, json!({ "subject": "e" })),
    ]);
    assert_eq!(
        statuses(&send(&vendor, &[again], "odata.continue-on-error").await),
        [412]
    );
    assert_eq!(
        vendor.get(&format!("tasks({})", guid(1))).await.body["statecode"],
        1
    );
}

#[tokio::test]
async fn records_of_a_set_refer_to_each_other_backwards() {
    let vendor = Vendor::new();
    let account = part("POST accounts HTTP/1.1", json!({ "name": "Umbrella" }));
    let contact = |to: &str| {
        part(
            "POST contacts HTTP/1.1",
            json!({ "lastname": "Wesker", "parentcustomerid_account@odata.bind": to }),
        )
    };
    let reply = send(&vendor, &[set(&[account.clone(), contact("$1")])], "").await;
    assert_eq!(statuses(&reply), [204, 204], "{}", reply.text);
    let found = vendor
        .rows("contacts?$filter=parentcustomerid_account/name eq 'Umbrella'")
        .await;
    assert_eq!(found.len(), 1);
    let reply = send(&vendor, &[set(&[contact("$2"), account])], "").await;
    assert_eq!(reply.status, 400);
    assert!(
        reply
            .text
            .contains("Content-ID Reference: '$2' does not exist in the batch context.")
    );
}

#[tokio::test]
async fn what_is_no_batch() {
    let vendor = Vendor::new();
    let get = part("GET WhoAmI HTTP/1.1", Value::Null);
    refused(
        &send(&vendor, &[set(std::slice::from_ref(&get))], "").await,
        400,
        "0x80048d19",
    );
    refused(
        &raw(&vendor, "application/json", "", "{}".to_owned()).await,
        400,
        "0x80048d19",
    );
    let lines = format!("--b\r\n{get}--b--\r\n").replace("\r\n", "\n");
    refused(
        &raw(&vendor, "multipart/mixed; boundary=b", "", lines).await,
        400,
        "0x80048d19",
    );
    let many: Vec<String> = (0..1_001).map(|_| get.clone()).collect();
    refused(&send(&vendor, &many, "").await, 400, "0x80060888");
}
