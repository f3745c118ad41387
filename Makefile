# The verbs of the README, by who needs them. Everything is installed inside the project, at pinned versions; only the first run is slow.
# A verb installs what it needs and nothing else.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

PYTHON ?= python3
# pip takes only files whose hash is in the list. `pip check` fails if the list lacks something.
BY_HASH := --quiet --require-hashes --no-deps
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .tools/cargo-deny-$(CARGO_DENY_VERSION)
CARGO_FUZZ_VERSION := 0.13.2
CARGO_FUZZ := .tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)
CARGO_AUDITABLE_VERSION := 0.7.7
CARGO_AUDITABLE := .tools/cargo-auditable-$(CARGO_AUDITABLE_VERSION)
CARGO_CYCLONEDX_VERSION := 0.5.9
CARGO_CYCLONEDX := .tools/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)
RUST_AUDIT_INFO_VERSION := 0.5.4
RUST_AUDIT_INFO := .tools/rust-audit-info-$(RUST_AUDIT_INFO_VERSION)
MDBOOK_VERSION := 0.5.4
MDBOOK := .tools/mdbook-$(MDBOOK_VERSION)
CFN_GUARD_VERSION := 3.1.2
CFN_GUARD := .tools/cfn-guard-$(CFN_GUARD_VERSION)
CHECKOV := .tools/checkov-python
STACK_PYTHON := .tools/stack-python
STACK_SIGN_IN := tools/stack/sign-in
LINKS_PYTHON := .tools/links-python
BENCH_PYTHON := .tools/bench-python
RELEASE_PYTHON := .tools/release-python
COLD_PYTHON := .tools/cold-python
COLD_NODE := benches/cold/node
SERVE_PYTHON := .tools/serve-python
SERVE_NODE := benches/serve/node
OHA_VERSION := 1.16.0
OHA := .tools/oha-$(OHA_VERSION)

WEB := clients/web
VERIFIERS := tools/harness/verifiers
PROOFS := tests/browser
PACKAGES := tests/packages
DEMO_ISSUER := tools/demo-issuer
DEMO_AGENTS := tools/demo-agents
# What the demo runs beside the API and the pages.
DEMO_PROGRAMS := $(DEMO_ISSUER)/node_modules/.installed $(DEMO_AGENTS)/node_modules/.installed $(VERIFIERS)/node_modules/.installed
BOOK := tools/book

.PHONY: help has-rust has-release-tools has-free-port has-free-demo-port setup run demo watch watch-aws stack test test-clients test-rust test-browser photographs faults soak test-image test-stack test-arm64 test-release check fuzz load bench bench-check bench-growth bench-jwt bench-limit bench-renewals bench-cold bench-serve validate docs book prose build deploy release version clean

help: ## Lists the verbs
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Run it

PORT ?= 9000
DEMO_PORT ?= 5173
export PORT DEMO_PORT
# cargo says what it compiles. Nothing else would show for some minutes that anything happens.
BUILDING := echo "Building. The first time this takes some minutes."
BUILD_SERVER := $(BUILDING) && cargo build --package tokenmint
BUILD_WATCH := $(BUILDING) && cargo build --workspace --bins
TOKENMINT = $${CARGO_TARGET_DIR:-target}/debug/tokenmint

run: has-rust has-free-port ## Serves the API on port 9000 with built-in local credentials. Needs Rust and a C compiler (IDENTITY=jwt JWT_ISSUER=… JWT_AUDIENCE=…: your own users; PORT=n: another port)
	@$(BUILD_SERVER)
	@exec tools/local-run.sh $(TOKENMINT)

demo: has-rust has-free-port has-free-demo-port $(WEB)/node_modules/.installed $(DEMO_PROGRAMS) ## Serves the API and, on port 5173, a page for each SDK and one for agents, with a sign-in (JWT_ISSUER=… DEMO_CLIENT_ID=…: your own provider; PORT=n, DEMO_PORT=n: other ports)
	@$(BUILD_SERVER)
	@exec tools/demo.sh $(TOKENMINT)

watch: has-rust has-free-port .venv/.installed ## Serves the Lambda functions on port 9000 in an emulator of Lambda, for events and warm-ups
	@$(BUILD_WATCH)
	@cargo run --quiet --bin watch

watch-aws: has-rust has-free-port .venv/.installed ## Like `watch`, with credentials from a local Secrets Manager API
	@$(BUILD_WATCH)
	@cargo run --quiet --bin watch -- --aws

stack: setup $(STACK_PYTHON)/.installed $(STACK_SIGN_IN)/node_modules/.installed ## Deploys the whole stack to AWS on this machine (an emulator), signs a user in, and stays until Ctrl-C
	@.venv/bin/python tools/stack/stack.py

##@ Prove it

test: test-clients test-rust test-packages test-image faults test-browser ## Runs all tests but test-stack, test-arm64, test-swift and test-release. Needs root

test-clients: $(WEB)/node_modules/.installed ## Runs the web client's tests
	cd $(WEB) && npm run --silent check && npm run --silent demo:build && npm run --silent test

test-rust: setup clients/kotlin/node_modules/.installed ## Runs the tests of the crates, and the end-to-end tests of the functions
	cargo build --workspace --bins
	cargo test --workspace --lib -- --show-output
	cargo test --workspace --test it --test allocations -- --skip faults::

test-packages: setup $(WEB)/node_modules/.installed $(PACKAGES)/node_modules/.installed ## Installs the web client's package into new apps with Vite, Next.js and Metro. Each gets tokens from the service
	tools/debian-packages.sh chromium
	cargo build --workspace --bins
	node --test --test-reporter=spec $(PACKAGES)/web.test.mjs

# These tests measure, so they run one after the other, with nothing else.
faults: setup ## Lets Secrets Manager fail in every way, and opens 10,000 connections to the server, while requests go on. Prints what came of it (two minutes)
	tools/debian-packages.sh libfaketime
	cargo test --workspace --test it -- faults:: --test-threads=1 --nocapture

soak: ## Like `faults`, for a quarter of an hour
	SOAK=12 $(MAKE) --no-print-directory faults

test-browser: setup book $(WEB)/node_modules/.installed $(PROOFS)/node_modules/.installed $(DEMO_PROGRAMS) ## Runs the vendors' SDKs and UI kits in Chromium against the service, and verifies what they send. Starts agents at a stand-in for Agora's REST API. Attacks the local run from pages. Looks at each page of the book with axe
	tools/debian-packages.sh chromium
	cargo build --workspace --bins
	$(WEB)/node_modules/.bin/tsc --project tests/browser/pages
	node --test --test-reporter=spec tests/browser/book.test.mjs
	node --test --test-reporter=spec tests/browser/strangers.test.mjs
	node --test --test-reporter=spec tests/browser/sign-in.test.mjs
	node --test --test-reporter=spec tests/browser/agents.test.mjs
	node --test --test-reporter=spec tests/browser/proofs.test.mjs
	node --test --test-reporter=spec tests/browser/other-servers.test.mjs

photographs: setup $(WEB)/node_modules/.installed $(PROOFS)/node_modules/.installed ## Photographs the demo for the README (docs/images)
	tools/debian-packages.sh chromium
	cargo build --workspace --bins
	PHOTOGRAPHS=1 node --test --test-reporter=spec --test-name-pattern='photograph for the README' tests/browser/proofs.test.mjs

# The profile `dev` compiles in 5 minutes of one core, and `server` in 12. With `server` this tests the image that people get, and its size.
test-image: setup ## Builds the container's image without Docker, and runs it as its own user with a read-only root. Needs root (PROFILE=server: the program as it is shipped)
	tools/debian-packages.sh musl image
	PROFILE=$(or $(PROFILE),dev) cargo test --workspace --test it -- --ignored --nocapture image::

test-stack: setup $(STACK_PYTHON)/.installed $(STACK_SIGN_IN)/node_modules/.installed ## Deploys, uses, changes and deletes the whole stack on this machine, as the tutorial and the pages for operators say (twelve minutes)
	.venv/bin/python tests/stack/test.py
	.venv/bin/python tests/stack/production.py

test-swift: setup ## Compiles the Swift client, runs its tests, and installs it into a new project. If there is no Swift, it unpacks Debian's (3 GB; needs root)
	@code=0; tools/swift.sh --install || code=$$?; \
	case $$code in 0) cargo test --workspace --test it -- --ignored --nocapture the_swift_client ;; 77) ;; *) exit $$code ;; esac

test-arm64: setup build ## Runs the arm64 functions that would be deployed, on an emulated processor
	tools/debian-packages.sh arm64
	cargo test --workspace --test it -- --ignored arm64

# A part is build, contents, deploy, image, terraform or cdk. The last three need tools that this does not install.
PARTS ?= build contents deploy
test-release: has-release-tools $(RUST_AUDIT_INFO)/bin/rust-audit-info $(RELEASE_PYTHON)/.installed $(STACK_PYTHON)/.installed $(STACK_SIGN_IN)/node_modules/.installed ## Makes the release twice and compares each byte, looks into it, and deploys it with the AWS CLI alone. It takes more than an hour (PARTS=deploy: only deploys the present dist/, in a minute)
	@$(RELEASE_ENV) RELEASE_PYTHON=$(CURDIR)/$(RELEASE_PYTHON)/bin/python RUST_AUDIT_INFO=$(CURDIR)/$(RUST_AUDIT_INFO)/bin/rust-audit-info .venv/bin/python tests/release/run.py $(PARTS)

check: $(CARGO_DENY)/bin/cargo-deny validate docs prose ## Format, lints, documentation, prose, template, dependency policy
	cargo fmt --all --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo fmt --check --manifest-path benches/cold/plain/Cargo.toml
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --package benches --features verifier --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	$(CARGO_DENY)/bin/cargo-deny --locked check bans licenses sources
	$(CARGO_DENY)/bin/cargo-deny --locked --manifest-path fuzz/Cargo.toml check --allow unmatched-skip bans licenses sources

# The templates for what stands beside the stack. The second list is for us-east-1 alone.
BESIDE := deploy/deployer.yaml deploy/domain.yaml
BESIDE_US := deploy/edge.yaml
validate: template.json $(CHECKOV)/.installed $(CFN_GUARD)/bin/cfn-guard ## Checks template.yaml with SAM, cfn-lint, checkov and cfn-guard, the other templates in deploy/ with cfn-lint and checkov, deploy/kubernetes.yaml with Kubernetes' schemas, and what packs a release
	sam validate --lint --template template.json
	cfn-lint -- template.json $(BESIDE)
	cfn-lint --regions us-east-1 -- $(BESIDE_US)
	$(CHECKOV)/bin/checkov --config-file .checkov.yaml --file template.json $(BESIDE) $(BESIDE_US)
	$(CFN_GUARD)/bin/cfn-guard validate --rules tests/template.guard --data template.json --show-summary all
	kubernetes-validate --strict --quiet deploy/kubernetes.yaml
	python tests/release/packing.py

# RUSTC_BOOTSTRAP lets the stable compiler instrument code. New inputs that the fuzzer finds stay out of the repository.
FUZZ_SECONDS ?= 20
FUZZ := RUSTC_BOOTSTRAP=1 $(CARGO_FUZZ)/bin/cargo-fuzz
FUZZ_TARGET = $${CARGO_TARGET_DIR:-target}/fuzz
fuzz: $(CARGO_FUZZ)/bin/cargo-fuzz ## Fuzzes the token parser, the events, the policy and the JWT verifier with AddressSanitizer (FUZZ_SECONDS=n each)
	tools/debian-packages.sh c++
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
	$(FUZZ) build --target-dir $(FUZZ_TARGET)
	$(PYTHON) fuzz/dictionary.py >$(FUZZ_TARGET)/words.dict
	@for target in parse event claims jwt; do \
	found=$(FUZZ_TARGET)/corpus/$$target; mkdir -p $$found; echo "fuzz $$target, $(FUZZ_SECONDS) s:"; \
	$(FUZZ) run --target-dir $(FUZZ_TARGET) $$target $$found fuzz/corpus/$$target -- \
	-max_total_time=$(FUZZ_SECONDS) -seed=1 -dict=$(FUZZ_TARGET)/words.dict -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=64 -print_final_stats=1 \
	>$$found.log 2>&1 || { cat $$found.log; exit 1; }; \
	grep -E 'INITED|DONE|^stat::(number|average|peak)' $$found.log || exit 1; done

##@ Read it

# The first check reads the pages as files, as a code host shows them. The second one reads the built book.
PAPERS := $(wildcard README.md SECURITY.md CONTRIBUTING.md CHANGELOG.md clients/*/README.md)
LINKS := $(LINKS_PYTHON)/bin/lychee --offline --include-fragments --no-progress
docs: book $(LINKS_PYTHON)/.installed ## Builds the book into target/book, and checks every link
	$(LINKS) $(PAPERS) docs
	$(LINKS) target/book

prose: $(BOOK)/node_modules/.installed ## Checks how the pages are written: sentences, words, how easy they are to read
	cd $(BOOK) && npm run --silent test
	node $(BOOK)/check-prose.mjs

book: $(MDBOOK)/bin/mdbook .venv/.installed
	python $(BOOK)/routes.py docs/reference/routes.md
	python $(BOOK)/accounts.py
	$(MDBOOK)/bin/mdbook build

##@ Measure it

bench: $(BENCH_PYTHON)/.installed $(VERIFIERS)/node_modules/.installed ## Measures minting beside its floor and the vendors' builders (two minutes; writes target/bench/mint.json)
	cargo bench --quiet --package benches --bench mint

bench-check: $(BENCH_PYTHON)/.installed $(VERIFIERS)/node_modules/.installed ## Fails if minting is a quarter slower than recorded, compared by ratios
	cargo bench --quiet --package benches --bench mint -- check

bench-renewals: ## Simulates when a million clients renew, and draws docs/images/renewals.svg
	cargo bench --quiet --package benches --bench renewals

bench-growth: ## Measures minting against the lengths of names and lists, and draws docs/images/mint-growth.svg
	cargo bench --quiet --package benches --bench mint -- growth

bench-jwt: ## Measures verifying a caller's JWT beside the bare signature, and refusing bad ones (writes target/bench/jwt.json)
	cargo bench --quiet --package benches --features verifier --bench jwt

bench-limit: ## Measures counting users' tokens: time for each token, memory for each user (writes target/bench/limit.json)
	cargo bench --quiet --package benches --features verifier --bench limit

bench-cold: .venv/.installed $(COLD_PYTHON)/.installed $(COLD_NODE)/bundle/main.cjs ## Measures cold starts and warm answers beside plain Rust, Node and Python (writes target/bench/cold.json)
	cargo bench --quiet --package benches --bench cold

bench-serve: $(SERVE_PYTHON)/.installed $(SERVE_NODE)/node_modules/.installed $(OHA)/bin/oha ## Measures the server beside bare axum, Node and Python, and whether its memory stays flat (seven minutes; writes target/bench/serve.json)
	tools/debian-packages.sh wrk
	OHA=$(CURDIR)/$(OHA)/bin/oha cargo bench --quiet --profile server --package benches --bench serve

load: has-rust ## Sends every route of the server load for SECONDS=10 each, and prints rate, p50, p99 and errors
	tools/debian-packages.sh wrk
	cargo build --workspace --bins
	cargo run --quiet --bin throughput

##@ Ship it

# SAM CLI and CloudFormation allow different things in loops. So both get the template with its loops written out.
template.json: .venv/.installed template.yaml tools/expand_template.py
	python tools/expand_template.py template.yaml >$@

# `make stack` has its own, for AWS on this machine.
SAM ?= sam

build: template.json ## Builds the arm64 functions that `sam deploy` uploads
	rustup target add aarch64-unknown-linux-gnu
	$(SAM) build

# A stack's code has a folder of its own in the bucket, because `sam delete` empties the whole folder. Without BUCKET, SAM makes a bucket (samconfig.toml).
deploy: build ## Deploys them (PARAMETERS='Name=value ...' for the first time and for changes; all others keep their values. STACK=name: another stack; ROLE=arn: CloudFormation's role; BUCKET=name: where the code goes; ASK=no: without a question, for pipelines)
	$(SAM) deploy $(if $(STACK),--stack-name $(STACK) --s3-prefix $(STACK)) $(if $(ROLE),--role-arn $(ROLE)) $(if $(BUCKET),--no-resolve-s3 --s3-bucket $(BUCKET)) $(if $(filter no,$(ASK)),--no-confirm-changeset) $(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))

# Functions for both processors of Lambda, and a server for both without any library.
RELEASE_TARGETS := {aarch64,x86_64}-unknown-linux-{gnu,musl}
RELEASE_ENV := RELEASE_TOOLS=$(CURDIR)/$(CARGO_AUDITABLE)/bin:$(CURDIR)/$(CARGO_CYCLONEDX)/bin

release: has-release-tools ## Makes dist/ from the last commit: packed functions, template, server, image, hashes, bills of materials. Half an hour (ARCHITECTURES=arm64: for one processor alone, to try it)
	@$(RELEASE_ENV) .venv/bin/python tools/release/release.py

version: ## Sets the version of every part, and dates CHANGELOG.md (VERSION=0.2.0)
	@$(PYTHON) tools/version.py "$$VERSION"

##@ Install and remove

has-rust:
	@tools/check-tools.sh rust

has-free-port:
	@tools/check-tools.sh port:$(PORT):PORT

has-free-demo-port:
	@tools/check-tools.sh port:$(DEMO_PORT):DEMO_PORT

has-release-tools: has-rust .venv/.installed $(CARGO_AUDITABLE)/bin/cargo-auditable $(CARGO_CYCLONEDX)/bin/cargo-cyclonedx
	@rustup target add $(RELEASE_TARGETS)

setup: has-rust .venv/.installed $(VERIFIERS)/node_modules/.installed ## Installs what the other verbs need

.venv/.installed: requirements.txt
	@PYTHON=$(PYTHON) tools/check-tools.sh python
	@echo "Installing Python's tools into .venv. This takes about two minutes."
	$(PYTHON) -m venv .venv
	.venv/bin/pip install $(BY_HASH) --requirement requirements.txt
	.venv/bin/pip check
	# A link to the linker for arm64, so that nobody has to ask Python for it each time.
	ln -sf "$$(.venv/bin/python -c 'import ziglang; print(ziglang.__path__[0])')/zig" .venv/bin/zig
	touch $@

%/node_modules/.installed: %/package.json %/package-lock.json
	@tools/check-tools.sh node
	@echo "Installing the packages of $*."
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

$(LINKS_PYTHON)/.installed: $(BOOK)/requirements.txt
$(CHECKOV)/.installed: tools/checkov/requirements.txt
$(STACK_PYTHON)/.installed: tools/stack/requirements.txt
$(BENCH_PYTHON)/.installed: benches/requirements.txt
$(RELEASE_PYTHON)/.installed: tests/release/requirements.txt
$(COLD_PYTHON)/.installed: benches/cold/python/requirements.txt
$(SERVE_PYTHON)/.installed: benches/serve/python/requirements.txt
.tools/%-python/.installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install $(BY_HASH) --requirement $^
	$(@D)/bin/pip check
	touch $@

$(COLD_NODE)/bundle/main.cjs: $(COLD_NODE)/node_modules/.installed $(COLD_NODE)/main.mjs $(COLD_NODE)/function.mjs
	cd $(COLD_NODE) && npm run --silent bundle

$(CARGO_DENY)/bin/cargo-deny:
	cargo install --quiet --locked --root $(CARGO_DENY) cargo-deny@$(CARGO_DENY_VERSION)

# Debug builds of these compile in a third of the time. They only start the compiler, or read a few files.
$(CARGO_AUDITABLE)/bin/cargo-auditable:
	cargo install --quiet --locked --debug --root $(CARGO_AUDITABLE) cargo-auditable@$(CARGO_AUDITABLE_VERSION)

$(CARGO_CYCLONEDX)/bin/cargo-cyclonedx:
	cargo install --quiet --locked --debug --root $(CARGO_CYCLONEDX) cargo-cyclonedx@$(CARGO_CYCLONEDX_VERSION)

$(RUST_AUDIT_INFO)/bin/rust-audit-info:
	cargo install --quiet --locked --debug --root $(RUST_AUDIT_INFO) rust-audit-info@$(RUST_AUDIT_INFO_VERSION)

# A debug build compiles in half the time, and makes the book in seconds. The features left out serve and watch a book.
$(MDBOOK)/bin/mdbook:
	cargo install --quiet --locked --debug --root $(MDBOOK) --no-default-features --features search mdbook@$(MDBOOK_VERSION)

# A debug build reads the rules in a third of a second.
$(CFN_GUARD)/bin/cfn-guard:
	cargo install --quiet --locked --debug --root $(CFN_GUARD) cfn-guard@$(CFN_GUARD_VERSION)

# It must be fast, so this is a release build, which takes some minutes. Without its TLS, this version does not compile.
$(OHA)/bin/oha:
	cargo install --quiet --locked --root $(OHA) oha@$(OHA_VERSION)

# cargo-fuzz only starts cargo and the targets, so a debug build is enough.
$(CARGO_FUZZ)/bin/cargo-fuzz:
	cargo install --quiet --locked --debug --root $(CARGO_FUZZ) cargo-fuzz@$(CARGO_FUZZ_VERSION)

clean: ## Removes everything that was built or installed
	rm -rf target dist .aws-sam .venv .tools template.json {$(VERIFIERS),$(PROOFS),$(PACKAGES),$(DEMO_ISSUER),$(DEMO_AGENTS),$(BOOK),$(STACK_SIGN_IN)}/node_modules clients/*/node_modules $(WEB)/dist $(WEB)/demo-dist $(COLD_NODE)/node_modules $(COLD_NODE)/bundle $(SERVE_NODE)/node_modules
