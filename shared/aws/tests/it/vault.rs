//! The vault. What needs faults, counts or hours is in process only.

use std::sync::Arc;

use hub_aws::{
    AwsError, Vault, seal,
    vault::{OauthClient, Platform, WebhookSecret},
};
use secrecy::ExposeSecret;
use tokio::sync::Notify;

use crate::{
    harness::{Harness, suite},
    wire::Fate,
};

suite! {
    second_opinion_vault:
    an_organization_is_created_once,
    what_is_missing_is_not_found_until_it_exists,
    a_change_is_current_at_once,
    a_writer_whose_lease_ran_out_is_refused,
    writers_side_by_side_lose_nothing,
    a_writer_that_died_before_the_move_changed_nothing,
    a_lost_answer_can_be_repeated,
    unknown_fields_survive_a_change,
    the_platform_s_secret_can_be_replaced,
}

const ORG: &str = "org_1";
const LEASE: &str = "lease-1";

fn set(connection: &str, token: &str) -> impl FnOnce(&mut hub_aws::vault::Credentials) {
    move |credentials| {
        credentials
            .refresh_tokens
            .insert(connection.to_owned(), token.into());
    }
}

async fn token(vault: &Vault, connection: &str) -> Option<String> {
    let credentials = vault.credentials(ORG).await.unwrap();
    credentials
        .refresh_tokens
        .get(connection)
        .map(|token| token.expose_secret().to_owned())
}

async fn an_organization_is_created_once(on: Harness) {
    let vault = on.vault();
    vault.create_organization(ORG).await.unwrap();
    let data = vault.data(ORG).await.unwrap();
    let sealed = seal::seal(&data, &on.entropy, b"org_1", b"plain").unwrap();
    vault.create_organization(ORG).await.unwrap();

    let fresh = on.vault();
    let data = fresh.data(ORG).await.unwrap();
    assert_eq!(data.generation(), 1);
    assert_eq!(
        seal::open(&data, b"org_1", &sealed).unwrap().as_slice(),
        b"plain"
    );

    fresh.create_organization("org_2").await.unwrap();
    let token_key = fresh
        .credentials(ORG)
        .await
        .unwrap()
        .token_key
        .ring()
        .unwrap();
    for other in [&token_key, &*fresh.data("org_2").await.unwrap()] {
        assert!(
            seal::open(other, b"org_1", &sealed).is_err(),
            "every key is another"
        );
    }
}

async fn what_is_missing_is_not_found_until_it_exists(on: Harness) {
    let vault = on.vault();
    assert!(matches!(
        vault.data(ORG).await,
        Err(AwsError::NotFound { .. })
    ));
    assert!(matches!(
        vault.credentials(ORG).await,
        Err(AwsError::NotFound { .. })
    ));
    assert!(matches!(
        vault.platform().await,
        Err(AwsError::NotFound { .. })
    ));
    let changed = vault.update_credentials(ORG, LEASE, |_| ()).await;
    assert!(matches!(changed, Err(AwsError::NotFound { .. })));
    vault.create_organization(ORG).await.unwrap();
    vault.data(ORG).await.unwrap();
    vault.credentials(ORG).await.unwrap();
}

async fn a_change_is_current_at_once(on: Harness) {
    let vault = on.vault();
    vault.create_organization(ORG).await.unwrap();
    vault.credentials(ORG).await.unwrap();
    let key = vault
        .credentials(ORG)
        .await
        .unwrap()
        .token_key
        .ring()
        .unwrap();
    let sealed = seal::seal(&key, &on.entropy, b"", b"plain").unwrap();
    for (connection, value) in [
        ("conn_1", "first"),
        ("conn_2", "second"),
        ("conn_1", "third"),
    ] {
        let returned = vault
            .update_credentials(ORG, LEASE, set(connection, value))
            .await
            .unwrap();
        assert_eq!(returned.refresh_tokens[connection].expose_secret(), value);
    }
    for vault in [vault, on.vault()] {
        assert_eq!(token(&vault, "conn_1").await.as_deref(), Some("third"));
        assert_eq!(token(&vault, "conn_2").await.as_deref(), Some("second"));
        let key = vault
            .credentials(ORG)
            .await
            .unwrap()
            .token_key
            .ring()
            .unwrap();
        assert!(
            seal::open(&key, b"", &sealed).is_ok(),
            "the token key stays"
        );
    }
}

async fn a_writer_whose_lease_ran_out_is_refused(on: Harness) {
    let (slow, fast) = (on.vault(), on.vault());
    slow.create_organization(ORG).await.unwrap();
    let turn = Arc::new(Notify::new());
    on.wire
        .next("PutSecretValue", [Fate::Waits(Arc::clone(&turn))]);
    let overtakes = async {
        while on.wire.calls("PutSecretValue") == 0 {
            tokio::task::yield_now().await;
        }
        fast.update_credentials(ORG, "lease-2", set("conn_2", "fast"))
            .await
            .unwrap();
        turn.notify_one();
    };
    let update = slow.update_credentials(ORG, "lease-1", set("conn_1", "slow"));
    let (refused, ()) = tokio::join!(update, overtakes);
    assert!(
        matches!(refused, Err(AwsError::Conflict { .. })),
        "{refused:?}"
    );
    assert_eq!(token(&slow, "conn_1").await, None);
    assert_eq!(token(&slow, "conn_2").await.as_deref(), Some("fast"));

    slow.update_credentials(ORG, "lease-3", set("conn_1", "slow"))
        .await
        .unwrap();
    assert_eq!(token(&on.vault(), "conn_1").await.as_deref(), Some("slow"));
    assert_eq!(token(&on.vault(), "conn_2").await.as_deref(), Some("fast"));
}

async fn writers_side_by_side_lose_nothing(on: Harness) {
    on.vault().create_organization(ORG).await.unwrap();
    let write = |connection: &'static str| {
        let vault = on.vault();
        async move {
            loop {
                match vault
                    .update_credentials(ORG, LEASE, set(connection, connection))
                    .await
                {
                    Ok(_) => return,
                    Err(AwsError::Conflict { .. }) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    };
    tokio::join!(write("conn_1"), write("conn_2"), write("conn_3"));
    let vault = on.vault();
    for connection in ["conn_1", "conn_2", "conn_3"] {
        assert_eq!(token(&vault, connection).await.as_deref(), Some(connection));
    }
}

async fn a_writer_that_died_before_the_move_changed_nothing(on: Harness) {
    let vault = on.vault();
    vault.create_organization(ORG).await.unwrap();
    on.wire
        .next("UpdateSecretVersionStage", [Fate::LostRequest]);
    let error = vault
        .update_credentials(ORG, LEASE, set("conn_1", "lost"))
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(token(&vault, "conn_1").await, None);
    vault
        .update_credentials(ORG, LEASE, set("conn_2", "kept"))
        .await
        .unwrap();
    let vault = on.vault();
    assert_eq!(token(&vault, "conn_1").await, None);
    assert_eq!(token(&vault, "conn_2").await.as_deref(), Some("kept"));
}

async fn a_lost_answer_can_be_repeated(on: Harness) {
    let vault = on.vault();
    vault.create_organization(ORG).await.unwrap();
    for operation in [
        "GetSecretValue",
        "PutSecretValue",
        "UpdateSecretVersionStage",
    ] {
        on.wire.next(operation, [Fate::LostAnswer]);
        let error = vault
            .update_credentials(ORG, LEASE, set("conn_1", operation))
            .await
            .unwrap_err();
        assert!(error.is_transient(), "{operation}: {error:?}");
        vault
            .update_credentials(ORG, LEASE, set("conn_1", operation))
            .await
            .unwrap();
        assert_eq!(
            token(&on.vault(), "conn_1").await.as_deref(),
            Some(operation)
        );
    }
    for lost in [vec![Fate::LostAnswer], vec![Fate::Passes, Fate::LostAnswer]] {
        on.wire.next("CreateSecret", lost);
        assert!(
            vault
                .create_organization("org_2")
                .await
                .unwrap_err()
                .is_transient()
        );
    }
    vault.create_organization("org_2").await.unwrap();
    vault.data("org_2").await.unwrap();
    vault.credentials("org_2").await.unwrap();
}

async fn unknown_fields_survive_a_change(on: Harness) {
    let vault = on.vault();
    vault.create_organization(ORG).await.unwrap();
    let name = format!("{}vault/{ORG}/credentials", on.unique);
    let secrets = &on.clients.secrets;
    let text = secrets
        .get_secret_value()
        .secret_id(&name)
        .send()
        .await
        .unwrap()
        .secret_string
        .unwrap();
    let mut newer: serde_json::Value = serde_json::from_str(&text).unwrap();
    newer["certificates"] = serde_json::json!({ "conn_1": "pem" });
    newer["token_key"]["hsm"] = true.into();
    secrets
        .put_secret_value()
        .secret_id(&name)
        .secret_string(newer.to_string())
        .send()
        .await
        .unwrap();

    vault
        .update_credentials(ORG, LEASE, set("conn_1", "token"))
        .await
        .unwrap();
    let text = secrets
        .get_secret_value()
        .secret_id(&name)
        .send()
        .await
        .unwrap()
        .secret_string
        .unwrap();
    newer["refresh_tokens"]["conn_1"] = "token".into();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap(),
        newer
    );
}

async fn the_platform_s_secret_can_be_replaced(on: Harness) {
    let vault = on.vault();
    let client = OauthClient {
        client_id: "id".into(),
        client_secret: "s".into(),
        ..OauthClient::default()
    };
    let mut platform = Platform {
        webhook: WebhookSecret {
            current: "whsec_1".into(),
            ..WebhookSecret::default()
        },
        apps: [("hubspot".to_owned(), client)].into(),
        ..Platform::default()
    };
    vault.put_platform(&platform).await.unwrap();
    assert_eq!(
        vault
            .platform()
            .await
            .unwrap()
            .webhook
            .current
            .expose_secret(),
        "whsec_1"
    );
    platform.webhook.previous = Some(std::mem::replace(
        &mut platform.webhook.current,
        "whsec_2".into(),
    ));
    vault.put_platform(&platform).await.unwrap();
    for vault in [vault, on.vault()] {
        let read = vault.platform().await.unwrap();
        assert_eq!(read.webhook.current.expose_secret(), "whsec_2");
        assert_eq!(
            read.webhook.previous.as_ref().unwrap().expose_secret(),
            "whsec_1"
        );
        assert_eq!(read.apps["hubspot"].client_secret.expose_secret(), "s");
    }
}

#[tokio::test(start_paused = true)]
async fn reads_are_cached_for_minutes() {
    let on = Harness::in_process();
    let vault = on.vault();
    vault.create_organization(ORG).await.unwrap();
    let reads = || on.wire.calls("GetSecretValue");
    for (seconds, expected) in [(0, 2), (299, 2), (1, 3), (299, 3), (1, 5), (0, 5)] {
        on.wait_s(seconds).await;
        vault.data(ORG).await.unwrap();
        vault.credentials(ORG).await.unwrap();
        assert_eq!(
            reads(),
            expected,
            "data after 600 s, credentials after 300 s"
        );
    }
    vault.forget(ORG);
    vault.data(ORG).await.unwrap();
    vault.credentials(ORG).await.unwrap();
    assert_eq!(reads(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_nothing_writes_nothing() {
    let on = Harness::in_process();
    let vault = on.vault();
    vault.create_organization(ORG).await.unwrap();
    vault
        .update_credentials(ORG, LEASE, set("conn_1", "token"))
        .await
        .unwrap();
    vault
        .update_credentials(ORG, LEASE, set("conn_1", "token"))
        .await
        .unwrap();
    assert_eq!(on.wire.calls("PutSecretValue"), 1);
}

#[tokio::test(start_paused = true)]
async fn versions_of_yesterday_make_room() {
    let on = Harness::in_process();
    let vault = on.vault();
    vault.create_organization(ORG).await.unwrap();
    for day in 0..4 {
        for change in 0..60 {
            vault
                .update_credentials(ORG, LEASE, set("conn_1", &format!("{day}-{change}")))
                .await
                .unwrap();
        }
        on.wait_s(25 * 60 * 60).await;
    }
    let name = format!("{}vault/{ORG}/credentials", on.unique);
    assert!(on.local.unwrap().secret_versions(&name) <= 100);
}

#[tokio::test(start_paused = true)]
async fn an_organization_s_id_is_no_path() {
    let on = Harness::in_process();
    let vault = on.vault();
    for org in ["", "org_1/credentials", "org_*", "org 1", "örg"] {
        assert!(
            matches!(vault.data(org).await, Err(AwsError::Refused { .. })),
            "{org}"
        );
        assert!(
            matches!(
                vault.create_organization(org).await,
                Err(AwsError::Refused { .. })
            ),
            "{org}"
        );
    }
    assert_eq!(
        on.wire.calls("GetSecretValue") + on.wire.calls("CreateSecret"),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_broken_secret_is_not_shown() {
    let on = Harness::in_process();
    let name = format!("{}vault/{ORG}/credentials", on.unique);
    let broken = r#"{"token_key":{"current":"s3cret"}}"#;
    on.clients
        .secrets
        .create_secret()
        .name(name)
        .secret_string(broken)
        .send()
        .await
        .unwrap();
    let error = on.vault().credentials(ORG).await.unwrap_err();
    assert_eq!(error.to_string(), "credentials secret cannot be read");
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[tokio::test(start_paused = true)]
async fn debug_of_a_filled_vault_shows_no_secret() {
    let on = Harness::in_process();
    let vault = on.vault();
    vault.create_organization(ORG).await.unwrap();
    vault
        .update_credentials(ORG, LEASE, set("conn_1", "s3cret"))
        .await
        .unwrap();
    vault.data(ORG).await.unwrap();
    let shown = format!(
        "{vault:?} {:?} {:?}",
        vault.credentials(ORG).await,
        vault.data(ORG).await
    );
    assert!(
        shown.contains("conn_1") && !shown.contains("s3cret"),
        "{shown}"
    );
}
