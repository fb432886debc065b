//! Secrets Manager, above all where winterbaume alone is not like AWS.

use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;

use crate::world::{World, pass};

/// Tokens are 32 characters or more, as AWS wants them.
fn token(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

async fn create(world: &World, name: &str, value: &str) {
    let create = world
        .secrets
        .create_secret()
        .name(name)
        .secret_string(value)
        .client_request_token(token(0));
    let created = create.send().await.unwrap();
    assert_eq!(
        created.version_id,
        Some(token(0)),
        "the version's id is the token"
    );
}

async fn put(world: &World, n: u32, value: &str, stage: &str) -> bool {
    let put = world
        .secrets
        .put_secret_value()
        .secret_id("s")
        .secret_string(value)
        .client_request_token(token(n));
    put.version_stages(stage).send().await.is_ok()
}

async fn get(world: &World, stage: &str) -> GetSecretValueOutput {
    world
        .secrets
        .get_secret_value()
        .secret_id("s")
        .version_stage(stage)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_secret_is_created_once_and_read() {
    let world = World::new();
    create(&world, "s", "one").await;
    let again = world
        .secrets
        .create_secret()
        .name("s")
        .secret_string("two")
        .client_request_token(token(1));
    assert!(
        again
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_resource_exists_exception()
    );
    let repeat = world
        .secrets
        .create_secret()
        .name("s")
        .secret_string("one")
        .client_request_token(token(0));
    assert_eq!(
        repeat.send().await.unwrap().version_id,
        Some(token(0)),
        "a repeat is no error"
    );
    assert_eq!(
        get(&world, "AWSCURRENT").await.secret_string.as_deref(),
        Some("one")
    );
    let none = world
        .secrets
        .get_secret_value()
        .secret_id("none")
        .send()
        .await
        .unwrap_err();
    assert!(none.into_service_error().is_resource_not_found_exception());
    let none = world
        .secrets
        .put_secret_value()
        .secret_id("none")
        .secret_string("x")
        .send()
        .await
        .unwrap_err();
    assert!(none.into_service_error().is_resource_not_found_exception());
    assert_eq!(world.aws.counts().secret_calls, 6);
    assert_eq!(
        world.aws.counts().calls_of("secretsmanager.GetSecretValue"),
        2
    );
}

#[tokio::test]
async fn a_put_moves_current_and_previous() {
    let world = World::new();
    create(&world, "s", "one").await;
    for (n, value) in [(1, "two"), (2, "three"), (3, "four")] {
        assert!(put(&world, n, value, "AWSCURRENT").await);
    }
    assert_eq!(
        get(&world, "AWSCURRENT").await.secret_string.as_deref(),
        Some("four")
    );
    assert_eq!(
        get(&world, "AWSPREVIOUS").await.secret_string.as_deref(),
        Some("three")
    );
    let described = world
        .secrets
        .describe_secret()
        .secret_id("s")
        .send()
        .await
        .unwrap();
    let stages = described.version_ids_to_stages.unwrap();
    let previous = stages
        .values()
        .filter(|stages| stages.contains(&"AWSPREVIOUS".to_owned()))
        .count();
    assert_eq!(previous, 1);
    assert_eq!(world.aws.secret_versions("s"), 4);
    assert_eq!(world.aws.secret_versions("none"), 0);
}

#[tokio::test]
async fn current_moves_only_from_the_version_that_was_read() {
    let world = World::new();
    create(&world, "s", "one").await;
    assert!(put(&world, 1, "two", "writer-a").await);
    assert!(put(&world, 2, "other two", "writer-b").await);
    assert_eq!(
        get(&world, "AWSCURRENT").await.secret_string.as_deref(),
        Some("one")
    );
    let swap = |from: Option<u32>, to: u32| {
        let swap = world
            .secrets
            .update_secret_version_stage()
            .secret_id("s")
            .version_stage("AWSCURRENT");
        swap.set_remove_from_version_id(from.map(token))
            .move_to_version_id(token(to))
            .send()
    };
    swap(Some(0), 1).await.unwrap();
    let stale = swap(Some(0), 2).await.unwrap_err().into_service_error();
    assert!(stale.is_invalid_parameter_exception(), "{stale:?}");
    let silent = swap(None, 2).await.unwrap_err().into_service_error();
    assert!(silent.is_invalid_parameter_exception(), "{silent:?}");
    assert_eq!(
        get(&world, "AWSCURRENT").await.secret_string.as_deref(),
        Some("two")
    );
    assert_eq!(
        get(&world, "AWSPREVIOUS").await.secret_string.as_deref(),
        Some("one")
    );
    swap(Some(1), 2).await.unwrap();
    assert_eq!(
        get(&world, "AWSCURRENT").await.secret_string.as_deref(),
        Some("other two")
    );
}

#[tokio::test]
async fn a_token_stands_for_one_value() {
    let world = World::new();
    create(&world, "s", "one").await;
    assert!(put(&world, 1, "two", "AWSCURRENT").await);
    assert!(put(&world, 2, "three", "AWSCURRENT").await);
    assert!(
        put(&world, 1, "two", "AWSCURRENT").await,
        "a repeat is ignored"
    );
    assert_eq!(
        get(&world, "AWSCURRENT").await.secret_string.as_deref(),
        Some("three")
    );
    let put = world
        .secrets
        .put_secret_value()
        .secret_id("s")
        .secret_string("x")
        .client_request_token(token(1));
    assert!(
        put.send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_resource_exists_exception()
    );
    assert_eq!(world.aws.secret_versions("s"), 3);
}

#[tokio::test]
async fn an_update_is_a_put_with_a_description() {
    let world = World::new();
    create(&world, "s", "one").await;
    let update = world
        .secrets
        .update_secret()
        .secret_id("s")
        .description("d")
        .secret_string("two");
    let updated = update.client_request_token(token(1)).send().await.unwrap();
    assert_eq!(updated.version_id, Some(token(1)));
    assert_eq!(get(&world, "AWSPREVIOUS").await.version_id, Some(token(0)));
    let described = world
        .secrets
        .describe_secret()
        .secret_id("s")
        .send()
        .await
        .unwrap();
    assert_eq!(described.description.as_deref(), Some("d"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_holds_a_hundred_versions_a_day() {
    let world = World::new();
    create(&world, "s", "0").await;
    for n in 1..100 {
        assert!(put(&world, n, &n.to_string(), "AWSCURRENT").await);
    }
    assert_eq!(world.aws.secret_versions("s"), 100);
    let full = world
        .secrets
        .put_secret_value()
        .secret_id("s")
        .secret_string("x")
        .send()
        .await
        .unwrap_err();
    assert!(full.into_service_error().is_limit_exceeded_exception());
    pass(86_400).await;
    assert!(put(&world, 100, "100", "AWSCURRENT").await);
    assert_eq!(
        world.aws.secret_versions("s"),
        3,
        "the two with labels, and the new one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_can_be_taken_back_until_its_window_ends() {
    let world = World::new();
    create(&world, "s", "one").await;
    let delete = || {
        world
            .secrets
            .delete_secret()
            .secret_id("s")
            .recovery_window_in_days(7)
            .send()
    };
    let deleted = delete().await.unwrap();
    assert_eq!(
        deleted.deletion_date.unwrap().secs(),
        1_768_478_400 + 7 * 86_400
    );
    let get = || world.secrets.get_secret_value().secret_id("s").send();
    assert!(
        get()
            .await
            .unwrap_err()
            .into_service_error()
            .is_invalid_request_exception()
    );
    let create_again = world
        .secrets
        .create_secret()
        .name("s")
        .secret_string("x")
        .send()
        .await
        .unwrap_err();
    assert!(
        create_again
            .into_service_error()
            .is_invalid_request_exception()
    );
    assert!(!put(&world, 1, "two", "AWSCURRENT").await);
    pass(6 * 86_400).await;
    world
        .secrets
        .restore_secret()
        .secret_id("s")
        .send()
        .await
        .unwrap();
    pass(2 * 86_400).await;
    assert_eq!(get().await.unwrap().secret_string.as_deref(), Some("one"));

    delete().await.unwrap();
    pass(7 * 86_400).await;
    assert!(
        get()
            .await
            .unwrap_err()
            .into_service_error()
            .is_resource_not_found_exception()
    );
    assert_eq!(world.aws.secret_versions("s"), 0);
    create(&world, "s", "fresh").await;
    world
        .secrets
        .delete_secret()
        .secret_id("s")
        .force_delete_without_recovery(true)
        .send()
        .await
        .unwrap();
    assert!(
        get()
            .await
            .unwrap_err()
            .into_service_error()
            .is_resource_not_found_exception()
    );
}

#[tokio::test]
async fn a_binary_value_is_refused_instead_of_dropped() {
    let world = World::new();
    let blob = aws_sdk_secretsmanager::primitives::Blob::new([1, 2]);
    let create = world
        .secrets
        .create_secret()
        .name("s")
        .secret_binary(blob)
        .send()
        .await
        .unwrap_err();
    assert!(create.into_service_error().is_invalid_parameter_exception());
}

#[tokio::test]
async fn a_secret_is_found_by_its_arn_and_all_are_listed() {
    let world = World::new();
    for name in ["hub/a", "hub/b-second"] {
        create(&world, name, name).await;
    }
    let listed = world.secrets.list_secrets().send().await.unwrap();
    let listed = listed.secret_list.unwrap_or_default();
    let names: Vec<_> = listed.iter().filter_map(|one| one.name()).collect();
    assert_eq!(names, ["hub/a", "hub/b-second"]);
    for secret in &listed {
        let read = world
            .secrets
            .get_secret_value()
            .secret_id(secret.arn().unwrap());
        let read = read.send().await.unwrap();
        assert_eq!(read.secret_string(), secret.name());
    }
}
