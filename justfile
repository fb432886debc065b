# What people run; CI runs the same stages (.ci/run).

set shell := ["bash", "-euo", "pipefail", "-c"]

export PATH := justfile_directory() / ".dev/venv/bin:" + justfile_directory() / ".dev/bin:" + env("PATH")
export SAM_CLI_TELEMETRY := "0"

# the recipes
default:
    @just --list --unsorted

# install what tests and CI need into .dev (`just install deploy`: also what `sam build` needs)
install *what:
    .ci/install {{ what }}

# format the code
fmt:
    cargo fmt --all

# the checks that run no code of ours
lint:
    .ci/run fmt clippy docs deny machete typos shellcheck

# the test command of README.md
test:
    cargo test --workspace --locked

# the fake CRMs alone, all or the named ones (docs/SANDBOX.md)
sandbox *crms:
    cargo run --locked -- sandbox {{ crms }}

# the vendors' client libraries against the fake CRMs; `just clients jsforce` runs one, `just clients page` the manual's snippets
clients *libraries:
    tests/clients/run.py {{ libraries }}

# generated requests against the hub on this machine, made from docs/openapi.json
schemathesis *options:
    tests/schemathesis/run.py {{ options }}

# renew docs/openapi.json after a route or a view has changed
openapi:
    cargo run --locked --quiet -- openapi >.dev/openapi.json && cp .dev/openapi.json docs/openapi.json

# one or more stages of CI by name
stage +names:
    .ci/run {{ names }}

# all of CI
ci:
    .ci/run

# the main job once, on free ports
demo *options:
    cargo run --locked -- demo --ports random {{ options }}

# what the hub costs, how it keeps limits, how it grows (docs/BENCH.md); `just bench --json`
bench *options:
    cargo run --release --locked -- bench {{ options }}

# one function in a container, on a file of events/; needs Docker, and `surroundings` (docs/DEPLOY.md)
invoke file host="172.17.0.1":
    make release
    infra/local.py .dev/functions.json >.dev/local.json
    cargo run --locked --quiet -- --host {{ host }} event {{ file }} | \
        sam local invoke "$(basename {{ file }} | cut -d. -f1)" -t .dev/local.json -e -

# the large numbers, in stages that are taken up where they were left
nightly *stages:
    .ci/nightly {{ stages }}

# check template.yaml
template:
    .ci/run template

# note the sizes of the functions' release binaries
sizes:
    .ci/run release || true
    python3 infra/sizes.py --update

# build what is deployed
build:
    sam build
