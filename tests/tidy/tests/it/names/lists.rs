//! Where else than in its own files a CRM may be named.

use crate::template::TEMPLATE;

/// The files in which every CRM has its line, with what it says. A new CRM touches these and its own files, and nothing
/// else; `docs/ADD-A-CRM.md` has them all.
pub(super) const LISTS: &[(&str, &str)] = &[
    ("shared/connectors/src/lib.rs", "a word in the registry"),
    (
        "local/sandbox/src/lib.rs",
        "a module and a line in the sandbox's registry",
    ),
    (TEMPLATE, "a word in the list `Crms`"),
    ("CHANGELOG.md", "that it is there"),
    (
        "README.md",
        "the sentence of destinations, with the setup guide",
    ),
    ("docs/SANDBOX.md", "a row in its tables, and a section"),
    ("docs/openapi.json", "generated from the registry"),
    (
        "local/sandbox/tests/it/main.rs",
        "the module of its fake's stories",
    ),
    (
        "shared/connectors/tests/it/specs/mod.rs",
        "the module that checks its requests",
    ),
    (
        "tests/e2e/tests/it/cost.rs",
        "what a session costs, counted",
    ),
];

/// What names whichever was measured, and this file.
pub(super) const MEASURED: [&str; 4] = [
    "docs/BENCH.md",
    "docs/PROOF.md",
    "docs/proof.json",
    "tests/tidy/tests/it/names/lists.rs",
];

/// The CRMs that stories and documents are told with, where any would do. They may be named in any of them.
pub(super) const ORDINARY: [&str; 2] = ["salesforce", "hubspot"];

/// What is about a particularity that other CRMs have, or needs something of theirs: these and no more.
pub(super) const STORIES: &[(&str, &[&str])] = &[
    // Somebody promises something by the day of that name.
    (
        "events/payloads/session.completed.meeting.json",
        &["monday"],
    ),
    (
        "local/hub/tests/it/sandbox.rs",
        &["copper", "pipedrive", "zoho"],
    ),
    ("shared/aws/tests/it/store/outcomes.rs", &["dynamics365"]),
    (
        "shared/connectors/tests/it/authorization.rs",
        &["copper", "freshsales", "monday", "pipedrive"],
    ),
    // The vendors' clients.
    ("tests/clients/package-lock.json", &["pipedrive"]),
    ("tests/clients/package.json", &["pipedrive"]),
    (
        "tests/e2e/src/vendor.rs",
        &["copper", "dynamics365", "pipedrive", "zoho"],
    ),
    ("tests/e2e/tests/it/aging.rs", &["copper", "monday"]),
    ("tests/e2e/tests/it/attacks/callbacks.rs", &["copper"]),
    (
        "tests/e2e/tests/it/attacks/codes.rs",
        &["dynamics365", "monday"],
    ),
    (
        "tests/e2e/tests/it/attacks/lifecycle.rs",
        &["copper", "pipedrive"],
    ),
    (
        "tests/e2e/tests/it/attacks/servers.rs",
        &["pipedrive", "zoho"],
    ),
    ("tests/e2e/tests/it/attacks/states.rs", &["zoho"]),
    (
        "tests/e2e/tests/it/attacks/tokens.rs",
        &["monday", "pipedrive"],
    ),
    ("tests/e2e/tests/it/authorizing/life.rs", &["freshsales"]),
    (
        "tests/e2e/tests/it/authorizing/reconnected.rs",
        &["pipedrive"],
    ),
    (
        "tests/e2e/tests/it/authorizing/refused.rs",
        &["dynamics365"],
    ),
    (
        "tests/e2e/tests/it/authorizing/regions.rs",
        &["dynamics365", "freshsales", "pipedrive", "zoho"],
    ),
    (
        "tests/e2e/tests/it/authorizing/scopes.rs",
        &["dynamics365", "freshsales"],
    ),
    ("tests/e2e/tests/it/chosen.rs", &["dynamics365"]),
    (
        "tests/e2e/tests/it/refreshing.rs",
        &["dynamics365", "monday", "pipedrive", "zoho"],
    ),
    (
        "tests/e2e/tests/it/refreshing/dying.rs",
        &["dynamics365", "monday"],
    ),
    ("tests/e2e/tests/it/week.rs", &["dynamics365", "pipedrive"]),
    // Words as that vendor spells them.
    ("typos.toml", &["freshsales"]),
];
