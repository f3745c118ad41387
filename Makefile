# The verbs of the README. Everything is installed inside the project, at pinned versions; only the first run is slow.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

PYTHON ?= python3
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .tools/cargo-deny-$(CARGO_DENY_VERSION)

.PHONY: help setup run run-aws test test-arm64 check validate build deploy clean

help: ## Lists the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## Serves the API on port 9000 with built-in local credentials (AUTH=jwt wants identities, PORT=n another port)
	cargo run --quiet --bin local

run-aws: setup ## The same with credentials from a local Secrets Manager API
	cargo run --quiet --bin local -- --aws

test: setup ## Runs every test
	cargo build --workspace --bins
	cargo test --workspace --lib -- --show-output
	cargo test --workspace --test it

test-arm64: setup build ## Runs the arm64 functions that would be deployed, on an emulated processor
	command -v qemu-aarch64 >/dev/null || (apt-get update -qq && apt-get install -y -qq --no-install-recommends qemu-user libc6-arm64-cross libgcc-s1-arm64-cross)
	cargo test --workspace --test it -- --ignored arm64

check: $(CARGO_DENY)/bin/cargo-deny validate ## Format, lints, documentation, template, dependency policy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	$(CARGO_DENY)/bin/cargo-deny --locked check bans licenses sources

validate: .venv/.installed ## Checks template.yaml with SAM and cfn-lint
	sam validate --lint
	cfn-lint template.yaml

build: .venv/.installed ## Builds the arm64 functions that `sam deploy` uploads
	rustup target add aarch64-unknown-linux-gnu
	sam build

deploy: build ## Deploys them (PARAMETERS='Name=value ...' the first time and to change; what isn't named stays)
	sam deploy $(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))

setup: .venv/.installed tests/node_modules/.installed clients/kotlin/node_modules/.installed ## Installs what the other verbs need

.venv/.installed: requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --requirement requirements.txt
	touch $@

%/node_modules/.installed: %/package.json %/package-lock.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

$(CARGO_DENY)/bin/cargo-deny:
	cargo install --quiet --locked --root $(CARGO_DENY) cargo-deny@$(CARGO_DENY_VERSION)

clean: ## Removes all that was built or installed
	rm -rf target .aws-sam .venv .tools tests/node_modules clients/*/node_modules
