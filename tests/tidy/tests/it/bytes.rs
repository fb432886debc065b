//! Webhook bytes are verified before they are parsed.

use hub_tidy::{
    Offender, Tree, assert_none,
    rust::{Kind, Source, Token, close, lines_of, sequence},
};

const INGEST: &str = "shared/engine/src/ingest.rs";
const WEBHOOK: &str = "shared/engine/src/webhook.rs";
/// The route whose body is signed.
const ROUTE: &str = "/api/events";

/// The first parameter of `fn name` in `impl of`.
fn first_parameter<'a>(
    tokens: &[Token<'a>],
    of: &str,
    name: &str,
) -> Option<(usize, Vec<&'a str>)> {
    let open = (0..tokens.len()).find(|at| sequence(tokens, *at, &["impl", of, "{"]))? + 2;
    let body = tokens.get(open..close(tokens, open))?;
    let at = (0..body.len()).find(|at| sequence(body, *at, &["fn", name, "("]))?;
    let parameters = body.get(at + 3..close(body, at + 2))?;
    Some((
        body.get(at)?.line,
        parameters.iter().map(|token| token.text).collect(),
    ))
}

/// `Body::read` takes `Verified`, and nobody else can make one.
fn decoders(tree: &Tree) -> Vec<Offender> {
    let mut found = Vec::new();
    let ingest = tree
        .get(INGEST)
        .map(|text| Source::new(INGEST, text).code())
        .unwrap_or_default();
    match first_parameter(&ingest, "Body", "read") {
        Some((_, parameters)) if matches!(parameters.as_slice(), [_, ":", "Verified", "<", ..]) => {
        }
        Some((line, parameters)) => found.push(Offender::new(
            INGEST,
            line,
            format!("Body::read takes `{}`", parameters.concat()),
        )),
        None => found.push(Offender::new(INGEST, 0, "has no Body::read")),
    }
    let webhook = tree
        .get(WEBHOOK)
        .map(|text| Source::new(WEBHOOK, text).code())
        .unwrap_or_default();
    match lines_of(
        &webhook,
        &["pub", "struct", "Verified", "<", "T", ">", "(", "T", ")"],
    )
    .as_slice()
    {
        [_] => {}
        _ => found.push(Offender::new(
            WEBHOOK,
            0,
            "has no `pub struct Verified<T>(T)` with its field private",
        )),
    }
    found
}

/// The function that takes signed events decodes nothing itself.
fn functions(tree: &Tree) -> Vec<Offender> {
    let sources = tree.sources(&["functions"]);
    let folder = |path: &str| path.split('/').nth(1).unwrap_or_default().to_owned();
    let mut signed: Vec<String> = sources
        .iter()
        .filter(|source| {
            source
                .code()
                .iter()
                .any(|token| token.kind == Kind::Literal && token.string() == Some(ROUTE))
        })
        .map(|source| folder(source.path))
        .collect();
    signed.push("ingest".to_owned());
    let decoding: &[&[&str]] = &[
        &["from_slice"],
        &["from_reader"],
        &["serde_json", "::", "from_str"],
        // axum's extractor reads the body.
        &[":", "Json", "<"],
    ];
    let mut found = Vec::new();
    for source in sources
        .iter()
        .filter(|source| signed.contains(&folder(source.path)))
    {
        for texts in decoding {
            let lines = lines_of(&source.code(), texts);
            found.extend(lines.into_iter().map(|line| {
                Offender::new(
                    source.path,
                    line,
                    format!(
                        "`{}` decodes bytes here: leave it to the engine, which takes `Verified` ones",
                        texts.concat()
                    ),
                )
            }));
        }
    }
    found
}

#[test]
fn only_verified_bytes_are_decoded() {
    assert_none(
        "Body::read takes Verified bytes, and only `verify` makes them",
        &decoders(Tree::repository()),
    );
}

#[test]
fn no_function_decodes_a_signed_body_itself() {
    assert_none(
        "the function that takes signed events leaves decoding to the engine",
        &functions(Tree::repository()),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let tree = Tree::of(&[
        (
            INGEST,
            "impl Body {\n    fn new() {}\n    pub fn read(body: Bytes) -> Self {}\n}\n",
        ),
        (WEBHOOK, "pub struct Verified<T>(pub T);\n"),
        (
            "functions/ingest/src/lib.rs",
            "fn f(b: Bytes) {\n    serde_json::from_slice(&b)\n}\n#[cfg(test)]\nmod tests { fn g() { serde_json::from_slice() } }\n",
        ),
        (
            "functions/other/src/lib.rs",
            "fn r() { route(\"/api/events\", post(e)) }\nfn e(Json(b): Json<Value>) -> Json<X> {}\n",
        ),
        (
            "functions/api/src/lib.rs",
            "fn f() { serde_json::from_slice() }",
        ),
    ]);
    let places = |found: Vec<Offender>| -> Vec<String> {
        found
            .iter()
            .map(|o| format!("{}:{}", o.path, o.line))
            .collect()
    };
    assert_eq!(
        places(decoders(&tree)),
        [format!("{INGEST}:3"), format!("{WEBHOOK}:0")]
    );
    assert_eq!(
        places(functions(&tree)),
        [
            "functions/ingest/src/lib.rs:2",
            "functions/other/src/lib.rs:2"
        ]
    );
}
