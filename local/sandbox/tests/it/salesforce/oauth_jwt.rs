//! The grants without a person: JWT bearer and client credentials.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::vendor::{BASE, Reply, Vendor};

const TOKEN: &str = "/services/oauth2/token";
const NOW: i64 = 1_795_165_200;

fn key() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).unwrap()
}

fn pem(key: &KeyPair) -> String {
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

fn assertion(key: &KeyPair, head: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(head), part(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn ask(vendor: &Vendor, assertion: &str) -> Reply {
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let fields = [("grant_type", grant), ("assertion", assertion)];
    vendor.form(TOKEN, &fields).await
}

fn claims(vendor: &Vendor) -> Value {
    let all = vendor.caller.sandbox.credentials();
    json!({ "iss": all["client_id"], "sub": all["username"], "aud": BASE, "exp": NOW + 180 })
}

fn refused(reply: &Reply, error: &str, description: &str) {
    let body = json!({ "error": error, "error_description": description });
    assert_eq!((reply.status, &reply.body), (400, &body));
}

#[tokio::test]
async fn an_assertion_is_taken_if_its_signature_is_good() {
    let (mut vendor, key, head) = (Vendor::new(), key(), json!({ "alg": "RS256" }));
    let good = assertion(&key, &head, &claims(&vendor));
    assert_eq!(
        ask(&vendor, &good).await.status,
        200,
        "no key is registered yet"
    );
    vendor
        .caller
        .sandbox
        .set(&json!({ "jwt_public_key": pem(&self::key()) }))
        .unwrap();
    refused(
        &ask(&vendor, &good).await,
        "invalid_grant",
        "invalid assertion",
    );
    vendor
        .caller
        .sandbox
        .set(&json!({ "jwt_public_key": pem(&key) }))
        .unwrap();
    let reply = ask(&vendor, &good).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let mut names: Vec<&String> = reply.body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        ["access_token", "id", "instance_url", "scope", "token_type"]
    );
    vendor.token = reply.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(vendor.get("/limits").await.status, 200);
    assert!(
        vendor
            .caller
            .sandbox
            .set(&json!({ "jwt_public_key": "x" }))
            .is_err()
    );
}

#[tokio::test]
async fn what_is_refused_of_assertions() {
    let (vendor, key, head) = (
        Vendor::new(),
        key(),
        json!({ "alg": "RS256", "typ": "JWT" }),
    );
    let rep = "rafael@liveprompt.example.sandbox";
    let settings = json!({ "jwt_public_key": pem(&key), "unapproved_users": [rep] });
    vendor.caller.sandbox.set(&settings).unwrap();
    for (name, value, error, description) in [
        (
            "iss",
            json!("3MVG9other"),
            "invalid_client_id",
            "client identifier invalid",
        ),
        (
            "aud",
            json!("https://evil.example"),
            "invalid_grant",
            "audience is invalid",
        ),
        ("exp", json!(NOW), "invalid_grant", "assertion has expired"),
        ("exp", json!(null), "invalid_grant", "assertion has expired"),
        (
            "exp",
            json!(NOW + 301),
            "invalid_grant",
            "assertion expires too late",
        ),
        (
            "sub",
            json!("nobody@liveprompt.example"),
            "invalid_grant",
            "user hasn't approved this consumer",
        ),
        (
            "sub",
            json!(rep),
            "invalid_grant",
            "user hasn't approved this consumer",
        ),
    ] {
        let mut claims = claims(&vendor);
        claims[name] = value;
        refused(
            &ask(&vendor, &assertion(&key, &head, &claims)).await,
            error,
            description,
        );
    }
    let claims = claims(&vendor);
    let good = assertion(&key, &head, &claims);
    let stranger = assertion(&self::key(), &head, &claims);
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    let other = assertion(&key, &json!({ "alg": "none" }), &claims);
    for bad in [
        stranger,
        unsigned,
        other,
        "e30.e30".to_owned(),
        String::new(),
    ] {
        refused(
            &ask(&vendor, &bad).await,
            "invalid_grant",
            "invalid assertion",
        );
    }
    assert_eq!(ask(&vendor, &good).await.status, 200);
    vendor
        .caller
        .sandbox
        .set(&json!({ "unapproved_users": [] }))
        .unwrap();
    let mut claims = claims;
    claims["sub"] = json!(rep);
    assert_eq!(
        ask(&vendor, &assertion(&key, &head, &claims)).await.status,
        200
    );
}

#[tokio::test]
async fn client_credentials_work_on_the_org_s_own_host_alone() {
    let vendor = Vendor::new();
    let all = vendor.caller.sandbox.credentials();
    let text = |name: &str| all[name].as_str().unwrap();
    let pair = STANDARD.encode(format!("{}:{}", text("client_id"), text("client_secret")));
    let send = async |host: &str, authorization: &str, body: String| {
        let request = Request::post(format!("{BASE}{TOKEN}")).header("host", host);
        let request = request.header("authorization", authorization);
        vendor
            .caller
            .send(request.body(Bytes::from(body)).unwrap())
            .await
    };
    let basic = format!("Basic {pair}");
    let grant = "grant_type=client_credentials";
    let in_body = format!(
        "{grant}&client_id={}&client_secret={}",
        text("client_id"),
        text("client_secret")
    );
    assert_eq!(
        send("127.0.0.1:4101", &basic, grant.to_owned())
            .await
            .status,
        200
    );
    assert_eq!(send("127.0.0.1:4101", "", in_body).await.status, 200);
    let wrong = "request not supported on this domain";
    for host in ["login.salesforce.com", "test.salesforce.com"] {
        let reply = send(host, &basic, grant.to_owned()).await;
        refused(&reply, "invalid_grant", wrong);
    }
    vendor
        .caller
        .sandbox
        .set(&json!({ "my_domain": false }))
        .unwrap();
    let reply = send("127.0.0.1:4101", &basic, grant.to_owned()).await;
    refused(&reply, "invalid_grant", wrong);
    let reply = send("127.0.0.1:4101", "", grant.to_owned()).await;
    refused(&reply, "invalid_client_id", "client identifier invalid");
}
