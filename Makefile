# `make help` lists what there is. Set-up steps leave a stamp and are done again when what they depend on changes.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/visavis
# Outside the checkout, so that a fresh clone compiles only what is its own.
export CARGO_TARGET_DIR ?= $(CACHE)/target

BIN := .venv/bin
STAMPS := .stamps
LIVEKIT_SERVER := $(CACHE)/livekit-server-1.13.5
export TEST_LIVEKIT_SERVER ?= $(LIVEKIT_SERVER)
AGENTS := $(CACHE)/livekit-agents
export TEST_AGENTS_PYTHON ?= $(AGENTS)/bin/python

RUST := $(shell find crates -name '*.rs' -o -name 'Cargo.toml') Cargo.toml Cargo.lock
WEB := $(shell find web -path '*/node_modules' -prune -o -type f -print)

say = @printf '\033[1m▸ %s\033[0m\n'

.PHONY: help run wheel test test-python test-rust test-web test-browser test-conformance conformance lint fmt bench bench-control faults lighthouse soak clean \
	setup setup-test browsers servers livekit-server

##@ To use it
run: setup ## Set up what is missing, serve, and print the address (ARGS="--port 8000" for flags)
	@# On a terminal in a process group of its own: Ctrl-C is then the server's alone, and so is the exit status.
	@if [ -t 0 ]; then set -m; fi; $(BIN)/visavis dev $(ARGS); exit $$?

wheel: $(STAMPS)/python $(STAMPS)/web ## Build the wheel, page and media core inside, into dist/
	$(say) 'Wheel'
	@$(BIN)/maturin build --release --out dist

##@ To change it
test: setup-test ## Run every test: Python, Rust, web, browser, conformance
	@$(BIN)/python tools/run_tests.py

test-python: setup-test ## Run the Python tests
	@$(BIN)/python tools/run_tests.py units python

test-rust: $(STAMPS)/python-dev ## Run the Rust tests
	@$(BIN)/python tools/run_tests.py rust

test-web: $(STAMPS)/python-dev $(STAMPS)/web ## Run the web app's unit tests
	@$(BIN)/python tools/run_tests.py web

test-browser: setup-test ## Run the tests in Chromium and Firefox
	@$(BIN)/python tools/run_tests.py browser

test-conformance: setup-test ## Run the protocol's cases against our server and livekit-server
	@$(BIN)/python tools/run_tests.py conformance

conformance: setup-test ## Run all of the clients' tests at both servers, slow ones too; write docs/compatibility.md
	@$(BIN)/python tools/conformance.py $(ARGS)

faults: setup-test ## Take away each part of a cluster in turn: what do people and lists notice? (minutes)
	@$(BIN)/python -m pytest -m "" -s tests/cluster/test_proof.py $(ARGS)

lint: setup-test ## Check style and types of everything
	$(say) 'Python'
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright
	$(say) 'Rust'
	@cargo fmt --check && cargo clippy --workspace --all-targets -- -D warnings
	$(say) 'TypeScript'
	@cd web && npm run --silent lint
	@cd tests/browser && npm run --silent check

fmt: setup-test ## Format everything
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix --silent . || true
	@cargo fmt
	@cd web && npm run --silent fmt
	@cd tests/browser && npx prettier --log-level warn --write .

bench: setup-test ## Measure our server and livekit-server side by side, into docs/benchmarks (ARGS="--quick video-150")
	@$(BIN)/python bench/run.py $(ARGS)

bench-control: setup-test ## 100 000 people against 1, 2 and 4 app processes in front of a cluster (ARGS="--quick --people 2000")
	@PYTHONPATH=bench $(BIN)/python -m control $(ARGS)

lighthouse: setup-test ## Have Lighthouse judge home, a room, /test and /admin; fails under 95 (ARGS="--out folder home")
	@cd tests/browser && npm run --silent lighthouse -- $(ARGS)

soak: setup-test ## Ten minutes in a room of 50 whose people come and go: does the page grow? (ARGS="--minutes 2 --people 24")
	@cd tests/browser && npm run --silent soak -- $(ARGS)

clean: ## Remove what was built in the checkout (the caches in ~/.cache/visavis stay)
	@rm -rf .venv $(STAMPS) dist src/visavis/web src/visavis/*.so web/node_modules tests/browser/node_modules \
		tests/hub/node/node_modules .pytest_cache .ruff_cache

help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up -----------------------------------------------------------------------------------------------------------

setup: $(STAMPS)/core $(STAMPS)/web

setup-test: setup $(STAMPS)/python-dev $(STAMPS)/test-clients $(STAMPS)/agents browsers servers livekit-server

$(STAMPS)/tools:
	@tools/check_tools.sh $(PYTHON)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/python: pyproject.toml | $(STAMPS)/tools
	$(say) 'Python environment'
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/pip install --quiet 'maturin>=1.9,<2'
	@touch $@

$(STAMPS)/python-dev: $(STAMPS)/python
	$(say) 'Python tools and clients of the tests'
	@$(BIN)/pip install --quiet --group dev
	@touch $@

$(STAMPS)/core: $(RUST) $(STAMPS)/python README.md
	$(say) 'Media core (Rust, release mode; minutes when it is the first time)'
	@$(BIN)/maturin develop --release
	@touch $@

$(STAMPS)/web-packages: web/package-lock.json | $(STAMPS)/tools
	$(say) 'Packages of the web app'
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/web: $(WEB) $(STAMPS)/web-packages
	$(say) 'Web app'
	@cd web && npm run --silent build
	@touch $@

$(STAMPS)/test-clients: tests/browser/package-lock.json tests/hub/node/package-lock.json | $(STAMPS)/tools
	$(say) 'JavaScript clients of the tests'
	@cd tests/browser && npm ci --no-audit --no-fund --loglevel=error
	@cd tests/hub/node && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/agents: pyproject.toml | $(STAMPS)/tools # Of its own, for it pins the client's version; 400 MB
	$(say) 'livekit-agents'
	@[ -x $(AGENTS)/bin/python ] || $(PYTHON) -m venv $(AGENTS)
	@$(AGENTS)/bin/pip install --quiet --upgrade 'pip>=25.1'
	@$(AGENTS)/bin/pip install --quiet --group agents
	@mkdir -p $(STAMPS) && touch $@

browsers: # Chromium and Firefox, from the distribution
	@tools/install_browsers.sh

servers: # PostgreSQL, Redis and balancers, from the distribution
	@tools/install_servers.sh

livekit-server: $(LIVEKIT_SERVER) # The real one, judge of ours

$(LIVEKIT_SERVER): tools/livekit-server/go.mod tools/livekit-server/go.sum
	$(say) 'livekit-server 1.13.5 from its Go module (minutes, once)'
	@mkdir -p $(CACHE)
	@cd tools/livekit-server && go build -o $@ github.com/livekit/livekit-server/cmd/server
	@touch $@
