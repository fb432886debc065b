//! The clients of production: what they take from the environment.

use std::{env, process::Command, sync::Arc};

use hub_aws::{Clients, Clock, Entropy, Vault};
use hub_local_aws::LocalAws;

/// The environment belongs to the process, so the test runs itself again as a child, with one of
/// its own.
const CHILD: &str = "HUB_TEST_CHILD";

#[tokio::test]
async fn production_clients_come_from_the_environment() {
    if env::var(CHILD).is_ok() {
        let clients = Clients::from_env().await;
        let vault = Vault::new(
            clients.secrets,
            "from-env",
            Clock::system(),
            Entropy::system(),
        );
        vault.create_organization("org_1").await.unwrap();
        return;
    }
    let local = LocalAws::new(Arc::new(|| Clock::system().now())).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let aws = local.clone();
    let server = tokio::spawn(async move { aws.serve(listener, std::future::pending()).await });

    let child = tokio::task::spawn_blocking(move || {
        Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "clients::production_clients_come_from_the_environment",
            ])
            .env_clear()
            .env(CHILD, "1")
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "AKIAENV")
            .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
            .env("AWS_SESSION_TOKEN", "not-a-token")
            .output()
            .unwrap()
    });
    let output = child.await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(local.secret_versions("from-env/org_1/data"), 1);
    server.abort();
}
