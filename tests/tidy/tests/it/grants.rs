//! What each function may do in AWS: exactly what its use cases do.

use std::collections::{BTreeMap, BTreeSet};

use hub_aws::store::{GLOBAL_CLASSES, TENANT_CLASSES};
use hub_tidy::{Offender, Tree, assert_none, yaml::Node};

use crate::template::{TEMPLATE, Template, events, referred};

/// The classes of keys that a function's use cases touch, by the calls that do it.
struct Declared {
    function: &'static str,
    /// `GetItem`, `BatchGetItem`, `Query`, `ConditionCheckItem`.
    reads: &'static [&'static str],
    /// `PutItem`, `UpdateItem`, `DeleteItem`, conditional or not.
    writes: &'static [&'static str],
    /// `PartiQLInsert`, `PartiQLUpdate`: the claims and outcomes of a batch.
    statements: &'static [&'static str],
}

/// Taken from `shared/engine`. A condition of a write reads nothing, nor does what a write returns.
const DECLARED: &[Declared] = &[
    // `ingest::accept`: the organization must be there, or begins here; an event that is there
    // already is read; a session is read, merged and written.
    Declared {
        function: "ingest",
        reads: &["org", "event", "session"],
        writes: &["org", "event", "session"],
        statements: &[],
    },
    // `dispatch::dispatch`: as ingest for raw events; and the connections and webhooks an event goes to. Syncs are
    // counted where the plan limits them, and a delivery without room is marked as held.
    Declared {
        function: "dispatch",
        reads: &["org", "event", "session", "conn", "hook"],
        writes: &["org", "event", "session", "usage", "dlv"],
        statements: &[],
    },
    // `connections::create` (the organization is there; its plan has room; the lease while credentials are
    // written; the tokens and the account of one that needs no browser), `update`, `list`, `get`,
    // `approve`; `lifecycle` (tokens are refreshed, and deleted); `deliveries::list` and `get` (delivery,
    // session, connection, mapping; a look-up at the CRM counts for its limits), `retry` (a delivery is opened,
    // marked, and its mark taken away; its events are counted); `webhooks` (the lease while a secret is
    // written; that the organization has some is noted beside it; events that one missed); `audit::export`.
    Declared {
        function: "api",
        reads: &[
            "org", "conn", "map", "dlv", "session", "token", "hook", "usage", "audit", "evid",
            "limit", "event",
        ],
        writes: &[
            "conn", "lease", "token", "account", "hook", "usage", "limit", "dlv", "org",
        ],
        statements: &[],
    },
    // `connect::begin` and `finish`: a state is put, bound, and taken by a delete that returns it; tokens
    // are put whole, and read for the first call; the lease while a refresh token is kept in the
    // credentials; `connect::offered` names the organization; `lifecycle::uninstalled` finds connections by
    // their account.
    Declared {
        function: "oauth",
        reads: &["org", "conn", "token", "oauth", "account"],
        writes: &["conn", "token", "lease", "oauth", "account"],
        statements: &[],
    },
    // `deliver::deliver`: session, connection and mapping are read; tokens read and refreshed; a
    // connection moves to another host or is parked; ledger entries by statements alone. A sync that nothing
    // came of is given back, where the plan limits them. `limits::permit`: leases of the CRM account's limits. A
    // delivery that nobody could begin is marked as held. `deliver::events`: the webhook and what is kept of the event are
    // read; a webhook whose receiver is gone is turned off.
    Declared {
        function: "deliver",
        reads: &[
            "session", "conn", "map", "token", "org", "usage", "limit", "hook", "event",
        ],
        writes: &["conn", "token", "usage", "limit", "dlv", "hook"],
        statements: &["dlv"],
    },
    // `stream::derive` (audit: a head is read, and evidence where a change may be known; entries are appended
    // with the mark that a checkpoint is due; when a connection delivered last) and `tick::tick` (marks are queried, a checkpoint is put, the
    // mark is deleted). `held::release`: the index, the organization, its connections and count are
    // read; the count, the delivery's mark and the note of a connection's release are written. `daily::look` (the
    // index; tokens are refreshed as deliver does, webhooks read, reminders put); `notices::derive` (what webhooks get is kept as
    // an event). The changes
    // come with the stream. `redrive::redrive`: a delivery is read and opened.
    Declared {
        function: "batch",
        reads: &[
            "audit", "evid", "org", "conn", "usage", "dlv", "token", "hook", "event", "unsealed",
            "held", "daily",
        ],
        writes: &[
            "audit", "evid", "usage", "dlv", "conn", "token", "notice", "event", "unsealed",
            "daily",
        ],
        statements: &[],
    },
];

const READS: &[&str] = &["GetItem", "BatchGetItem", "Query", "ConditionCheckItem"];
const WRITES: &[&str] = &["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"];
const STATEMENTS: &[&str] = &["PartiQLInsert", "PartiQLUpdate"];
/// What Lambda reads the stream with, for a function that has it as a source. Streams know no keys.
const STREAM: &[&str] = &[
    "DescribeStream",
    "GetRecords",
    "GetShardIterator",
    "ListStreams",
];

/// The index of held work, as a resource.
const INDEX: &str = "${Table.Arn}/index/held";

/// A statement of a policy that allows something.
fn allowing(policy: &Node) -> Vec<&Node> {
    policy
        .all()
        .into_iter()
        .filter(|node| {
            node.get("Effect").and_then(Node::text) == Some("Allow") && node.get("Action").is_some()
        })
        .collect()
}

fn actions(statement: &Node) -> Vec<&str> {
    statement.get("Action").map(Node::texts).unwrap_or_default()
}

/// The statements of the role of a function, also those that other resources add to it.
fn statements<'a>(template: &'a Template, function: &'a Node) -> Vec<&'a Node> {
    let role = function
        .at(&["Properties", "Role"])
        .map(referred)
        .unwrap_or_default();
    let own = template
        .resource(role)
        .and_then(|role| role.at(&["Properties", "Policies"]));
    let added = template.resources().into_iter().filter_map(|(_, node)| {
        let is_policy = node.get("Type").and_then(Node::text) == Some("AWS::IAM::RolePolicy");
        (is_policy && node.at(&["Properties", "RoleName"]).map(referred) == Some(role))
            .then_some(node)
    });
    own.into_iter().chain(added).flat_map(allowing).collect()
}

/// The class of a pattern of leading keys, if it is one we use.
fn class(pattern: &str) -> Option<&'static str> {
    let (organization, rest) = pattern.split_once('#')?;
    let name = rest.strip_suffix("#*")?;
    let known = match organization {
        "org_*" => TENANT_CLASSES,
        "-" => GLOBAL_CLASSES,
        _ => return None,
    };
    known.iter().find(|known| **known == name).copied()
}

/// Statements on the table that bind less than they must, and the classes that each kind of call has.
fn granted<'a>(
    statements: &[&'a Node],
    found: &mut Vec<Offender>,
) -> BTreeMap<&'static str, BTreeMap<&'static str, &'a Node>> {
    let mut classes: BTreeMap<&str, BTreeMap<&str, &Node>> = BTreeMap::new();
    for statement in statements {
        let on_table: Vec<&str> = actions(statement)
            .into_iter()
            .filter_map(|action| action.strip_prefix("dynamodb:"))
            .collect();
        let on_stream = statement.get("Resource").and_then(Node::text) == Some("Table.StreamArn")
            && on_table.iter().all(|action| STREAM.contains(action));
        if on_table.is_empty() || on_stream {
            continue;
        }
        let mut wrong = |line: usize, what: String| found.push(Offender::new(TEMPLATE, line, what));
        if statement
            .at(&["Condition", "Null", "dynamodb:LeadingKeys"])
            .and_then(Node::text)
            != Some("false")
        {
            wrong(
                statement.line,
                "a grant on the table without `Null: false`: a call without keys would pass"
                    .to_owned(),
            );
        }
        // An index binds by the partition keys of its own.
        let on_index = statement.get("Resource").and_then(Node::text) == Some(INDEX);
        if !on_index && statement.get("Resource").map(referred) != Some("Table") {
            wrong(statement.line, "a grant on more than the table".to_owned());
        }
        let keys = statement.at(&[
            "Condition",
            "ForAllValues:StringLike",
            "dynamodb:LeadingKeys",
        ]);
        let Some(keys) = keys else {
            wrong(
                statement.line,
                "a grant on the table that names no classes of keys".to_owned(),
            );
            continue;
        };
        for key in keys.items() {
            let pattern = key.text().unwrap_or_default();
            let Some(class) = class(pattern) else {
                wrong(
                    key.line,
                    format!("`{pattern}` is no class of keys that the store has"),
                );
                continue;
            };
            for action in &on_table {
                let kinds = [
                    ("reads", READS),
                    ("writes", WRITES),
                    ("statements", STATEMENTS),
                ];
                match kinds.iter().find(|(_, actions)| actions.contains(action)) {
                    Some((kind, _)) => drop(classes.entry(kind).or_default().insert(class, key)),
                    None => wrong(
                        statement.line,
                        format!("dynamodb:{action} is no call of the store"),
                    ),
                }
            }
        }
    }
    classes
}

/// Whether the table's stream is among the sources of a function, and whether its role may read it.
fn stream(function: &Node, statements: &[&Node]) -> (bool, bool) {
    let is_source = events(function).any(|event| {
        event.at(&["Properties", "Stream"]).and_then(Node::text) == Some("Table.StreamArn")
    });
    let may = statements
        .iter()
        .any(|statement| actions(statement).contains(&"dynamodb:GetRecords"));
    (is_source, may)
}

fn unlike_declared(tree: &Tree, declared: &[Declared]) -> Vec<Offender> {
    let template = Template::of(tree);
    let mut found = Vec::new();
    for (name, function) in template.functions() {
        let statements = statements(&template, function);
        let granted = granted(&statements, &mut found);
        let (is_source, may) = stream(function, &statements);
        if is_source != may {
            found.push(Offender::new(
                TEMPLATE,
                function.line,
                format!("{name} reads the table's stream by one of source and policy alone"),
            ));
        }
        let Some(declared) = declared.iter().find(|declared| declared.function == name) else {
            found.push(Offender::new(
                TEMPLATE,
                function.line,
                format!("{name} has no entry in DECLARED of tests/tidy"),
            ));
            continue;
        };
        for (kind, wanted) in [
            ("reads", declared.reads),
            ("writes", declared.writes),
            ("statements", declared.statements),
        ] {
            let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
            let has = granted.get(kind).cloned().unwrap_or_default();
            for (class, key) in &has {
                if !wanted.contains(class) {
                    found.push(Offender::new(
                        TEMPLATE,
                        key.line,
                        format!(
                            "{name} {kind} `{class}` by its policy, and no use case of it does"
                        ),
                    ));
                }
            }
            for class in wanted.iter().filter(|class| !has.contains_key(*class)) {
                found.push(Offender::new(
                    TEMPLATE,
                    function.line,
                    format!(
                        "{name} {kind} `{class}` by its use cases, and its policy does not let it"
                    ),
                ));
            }
        }
    }
    found
}

/// Grants of everything, and grants that are written elsewhere.
fn too_wide(tree: &Tree) -> Vec<Offender> {
    let template = Template::of(tree);
    let mut found = Vec::new();
    for (id, node) in template.resources() {
        for statement in allowing(node) {
            for action in actions(statement) {
                if action.contains('*')
                    || action.eq_ignore_ascii_case("dynamodb:Scan")
                    || statement.get("NotAction").is_some()
                {
                    found.push(Offender::new(
                        TEMPLATE,
                        statement.line,
                        format!("{id} allows `{action}`"),
                    ));
                }
            }
        }
        let is_function =
            node.get("Type").and_then(Node::text) == Some("AWS::Serverless::Function");
        let elsewhere = node
            .at(&["Properties", "ManagedPolicyArns"])
            .or_else(|| node.at(&["Properties", "Policies"]).filter(|_| is_function));
        found.extend(elsewhere.map(|policies| {
            Offender::new(
                TEMPLATE,
                policies.line,
                format!("{id} has policies that its role does not spell out"),
            )
        }));
    }
    found
}

#[test]
fn policies_grant_what_the_use_cases_touch() {
    assert_none(
        "a function's grants on the table are its declared classes, with `Null: false`",
        &unlike_declared(Tree::repository(), DECLARED),
    );
}

#[test]
fn no_policy_grants_everything() {
    assert_none(
        "no policy has Scan or a `*` action, and each is written out in its role",
        &too_wide(Tree::repository()),
    );
}

#[test]
fn classes_are_known_by_their_pattern() {
    assert_eq!(class("org_*#dlv#*"), Some("dlv"));
    assert_eq!(class("-#oauth#*"), Some("oauth"));
    for pattern in [
        "org_*#oauth#*",
        "-#dlv#*",
        "*#dlv#*",
        "org_*#dlv",
        "org_*#*#*",
        "org_*",
        "dlv",
    ] {
        assert_eq!(class(pattern), None, "{pattern}");
    }
}

#[test]
fn made_up_offenders_are_found() {
    let template = "\
Resources:
  AFunction:
    Type: AWS::Serverless::Function
    Properties: { Role: !GetAtt ARole.Arn }
  ARole:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: [x]
      Policies:
        - PolicyName: a
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [dynamodb:GetItem, dynamodb:Query]
                Resource: !GetAtt Table.Arn
                Condition:
                  \"Null\": { \"dynamodb:LeadingKeys\": \"false\" }
                  ForAllValues:StringLike:
                    dynamodb:LeadingKeys: [\"org_*#org#*\", \"org_*#conn#*\", \"org_*#other#*\"]
              - Effect: Allow
                Action: dynamodb:Scan
                Resource: \"*\"
              - !If
                - C
                - Effect: Allow
                  Action: sqs:*
                  Resource: \"*\"
                - !Ref AWS::NoValue
              - { Effect: Deny, Action: \"*\", Resource: \"*\" }
              - Effect: Allow
                Action: [dynamodb:GetRecords, dynamodb:ListStreams]
                Resource: !GetAtt Table.StreamArn
              - { Effect: Allow, Action: dynamodb:GetRecords, Resource: !GetAtt Table.Arn }
  More:
    Type: AWS::IAM::RolePolicy
    Properties:
      RoleName: !Ref ARole
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: dynamodb:PutItem
            Resource: !GetAtt Table.Arn
            Condition:
              ForAllValues:StringLike: { dynamodb:LeadingKeys: \"-#oauth#*\" }
";
    let tree = Tree::of(&[(TEMPLATE, template)]);
    let declared = [Declared {
        function: "a",
        reads: &["org", "dlv"],
        writes: &["oauth"],
        statements: &[],
    }];
    let lines = |found: Vec<Offender>| -> Vec<usize> {
        found.iter().map(|offender| offender.line).collect()
    };
    // An unknown class; Scan thrice (no Null, not the table, no keys); a stream's call on the table
    // twice (no Null, no keys); PutItem without Null; a stream that is no source; `conn` that is not
    // declared; `dlv` that is not granted.
    assert_eq!(
        lines(unlike_declared(&tree, &declared)),
        [19, 20, 20, 20, 33, 33, 40, 3, 19, 3]
    );
    assert_eq!(lines(too_wide(&tree)), [20, 25, 8]);
    assert_eq!(
        unlike_declared(&tree, &[]).last().unwrap().what,
        "a has no entry in DECLARED of tests/tidy"
    );
}
