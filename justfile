# Everything a developer or a pipeline runs, by name. `just --list` shows it.

set shell := ["bash", "-euo", "pipefail", "-c"]

# The tests that start PostgreSQL, Redis or several nodes; Cargo tests and checks them by name only
servers := "--test postgres --test redis --test servers --test cluster"

# The fast suite: no server, no network, nothing installed but Rust
default: test

# Start the server on its embedded default
run:
    cargo run --release

# Every test of the workspace
test:
    cargo test --workspace

# What libraries and programs ignore starts servers too; what other tests ignore has a recipe of its own, or says why.
# The tests of PostgreSQL, Redis and several nodes: they start servers of their own, and fail when there are none to start
test-servers:
    .ci/servers
    cargo test --locked --workspace {{servers}}
    cargo test --locked --workspace --lib --bins -- --ignored

# The web client's core without a browser: against a scripted server, recorded frames and the real one
test-ui:
    .ci/chromium
    just binaries
    cd crates/chat-web/ui-tests && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund && node --test sync/

# The web client in Chromium: stories of people, accessibility, budgets; it installs what is missing, or fails
browser:
    .ci/browser

# Formatting, lints and documentation, without a warning
check: fmt clippy doc

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
    cargo clippy --workspace {{servers}} --all-features --locked -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Licences, sources, bans and advisories of the dependencies
deny:
    cargo fetch --locked
    cargo-deny --offline check bans licenses sources

# Words that are spelled wrong
spelling:
    typos

# The pipeline's file: its schema, its jobs for each kind of pipeline, every line of it a recipe here
pipeline:
    .ci/pipeline

# The pipeline's jobs `check` and `test` as GitLab would run them, on this machine
pipeline-jobs:
    .ci/gitlab --force-shell-executor --variable CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" check test

# Line coverage of the fast suite, as Cobertura and JUnit reports in target/coverage
coverage:
    .ci/coverage

# Build the image, push it, note its digest
push:
    .ci/push

# Roll an image out to Kubernetes; taken back when it does not come up
deploy:
    .ci/deploy

# Everything in deploy/, run by real programs
verify-deploy: && verify-running
    .ci/references
    .ci/image
    .ci/servers

# Both mostly wait, so both at once
[private, parallel]
verify-running: verify-containers verify-records

[private]
verify-containers:
    .ci/compose
    .ci/kubernetes

[private]
verify-records:
    .ci/observability
    .ci/restore

# The server, its tools and the tests' helpers, not optimised. The whole workspace at once, as the tests are built: with fewer
# packages cargo would choose fewer features and build most dependencies a second time.
binaries *args:
    cargo build --locked --workspace --bins --examples {{args}}

# The server and its tools, optimised
build:
    cargo build --release --locked -p chat-server -p chat-bench

# The Autobahn cases against the product's own socket loop
conformance:
    .ci/conformance

# The served documents, by the validators of their standards
documents:
    .ci/documents

# The verifier against a build that is sound, and against three that are not
prove:
    .ci/prove

# The same for a cluster, under every fault
prove-cluster:
    .ci/servers
    .ci/prove-cluster

# Searching among a hundred thousand messages in several languages: complete, and p95 below 50 ms, in both stores
prove-search:
    .ci/servers
    cargo test --locked --release --workspace --test sqlite --test postgres -- --ignored --nocapture search::prove_search

# Fuzz one target for a while: frame_guard, json_frame, cursor
fuzz target seconds="60":
    cd crates/chat-web/fuzz && RUSTC_BOOTSTRAP=1 cargo-fuzz run --fuzz-dir . {{target}} -- -max_total_time={{seconds}}
