# `make help` lists what can be made. Needs Python 3.11 or 3.12, make, and Maven for the first `make up`.

BROKERS ?= $(TIDEMARK_BROKERS)
ifneq ($(BROKERS),)
export TIDEMARK_BROKERS := $(BROKERS)
endif
DATA ?=
PART ?=
EVENTS ?= 10
QUESTIONS ?= 400
ALERTMANAGER_VERSION := 0.28.1

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CLIENTS := $(VENV)/.installed-clients
ALERTMANAGER := .tidemark/alertmanager-$(ALERTMANAGER_VERSION)
BENCHES := freshness collector campaign_job graphql_cost price comparisons experiment_job experiment_results alert_ticks

# what needs no cluster is tested beside what does, which mostly waits; its output comes afterwards
TESTED := QUESTIONS=$(QUESTIONS) $(BIN)/pytest --hypothesis-profile=thorough tests/unit tests/integration tests/faults
ORDINARY := not real and not clients and not alertmanager

# the first that runs and is 3.11 or 3.12; a pyenv shim exists even where its Python does not
FIND_PYTHON = for python in python3.12 python3.11 python3; do \
	if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; \
	then echo $$python; break; fi; done

.DEFAULT_GOAL := help
.PHONY: help venv up down status logs test unit lint schema bench bench-dashboard bench-alerts test-alerts test-clients test-alertmanager test-real clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(INSTALLED) ## create .venv and install everything by name

$(INSTALLED): pyproject.toml
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
		echo "Python 3.11 or 3.12 with its venv module is missing; install it (Debian, Ubuntu: apt install python3 python3-venv)." >&2; \
		exit 1; \
	fi; \
	if [ ! -x $(BIN)/python ]; then echo "Creating $(VENV) with $$($$python --version)."; $$python -m venv $(VENV); fi
	@echo "Installing Tidemark's packages into $(VENV) (about 1 GB; a few minutes the first time)."
	@$(BIN)/python -m pip install --disable-pip-version-check --editable '.[local,dev]'
	@touch $(INSTALLED)

$(CLIENTS): $(INSTALLED)
	@$(BIN)/python -m pip install --disable-pip-version-check --editable '.[local,dev,clients]'
	@touch $(CLIENTS)

up: $(INSTALLED) ## start the whole chain and wait until it is ready (BROKERS=3 for three brokers)
	@$(BIN)/tidemark up

down: $(INSTALLED) ## end it; the data stays
	@$(BIN)/tidemark down

status: $(INSTALLED) ## what each part does
	@$(BIN)/tidemark status $(PART)

logs: $(INSTALLED) ## the last lines of the parts' logs (PART=collector for one)
	@$(BIN)/tidemark logs $(PART)

lint: $(INSTALLED) ## ruff and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

unit: $(INSTALLED) ## what needs nothing started, in under a minute
	@$(BIN)/pytest tests/unit

test: $(INSTALLED) ## everything, real components included, on ports and folders of its own; QUESTIONS=2000 asks more
	@others=$$(mktemp); $(TESTED) -m "$(ORDINARY) and not cluster" > $$others 2>&1 & beside=$$!; \
	$(TESTED) -m "$(ORDINARY) and cluster"; cluster=$$?; \
	wait $$beside; alone=$$?; cat $$others; rm $$others; exit $$((cluster || alone))

test-alerts: $(INSTALLED) ## alerts while the service is killed 50 times, and while Flink stands still for three minutes (15 minutes)
	@KILLS=50 STALL_SECONDS=180 $(BIN)/pytest -s tests/faults/test_alerts.py

test-clients: $(CLIENTS) ## real SDKs at the collector, real GraphQL clients at the service (needs Node 20)
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null || \
		{ echo "Node 20 or newer is missing (with npm), and the JavaScript clients run on it; install it from your system or nodejs.org." >&2; exit 1; }
	@for folder in tests/clients tests/web; do (cd $$folder && npm install --no-audit --no-fund) || exit 1; done
	@$(BIN)/pytest -m clients tests

test-alertmanager: $(INSTALLED) $(ALERTMANAGER)/.built ## alerts at a real Alertmanager (needs Go; built once, about two minutes)
	@ALERTMANAGER="$(abspath $(ALERTMANAGER))" $(BIN)/pytest -m alertmanager tests/alertmanager

$(ALERTMANAGER)/.built:
	@command -v go >/dev/null || \
		{ echo "Go 1.22 or newer is missing, and Alertmanager is built with it; install it from your system or go.dev." >&2; exit 1; }
	@echo "Building Alertmanager $(ALERTMANAGER_VERSION) and amtool into $(ALERTMANAGER) (about two minutes the first time)."
	@GOBIN="$(abspath $(ALERTMANAGER))" go install \
		$(foreach name,alertmanager amtool,github.com/prometheus/alertmanager/cmd/$(name)@v$(ALERTMANAGER_VERSION))
	@touch $@

test-real: $(INSTALLED) ## the real files through the whole chain (DATA=../shared/data)
	@if [ -z "$(DATA)" ]; then echo "DATA is missing: name the folder of the real files, make test-real DATA=../shared/data." >&2; exit 1; fi
	@for file in ad_clicks.csv.gz ad_campaigns.csv.gz ab_data.csv.gz; do \
		if [ ! -f "$(DATA)/$$file" ]; then echo "$(DATA)/$$file is missing; DATA must name the folder of the real files." >&2; exit 1; fi; done
	@DATA="$(abspath $(DATA))" $(BIN)/pytest -m real tests

bench: $(INSTALLED) ## each figure as a ratio to a baseline of the same run
	@for name in $(BENCHES); do echo "== $$name"; $(BIN)/python bench/$$name.py || exit 1; done

bench-dashboard: $(INSTALLED) ## 20 viewers on a cluster of its own (EVENTS=10 million, or 1,10,50 for growth)
	@$(BIN)/python bench/dashboard.py --events $(EVENTS)

bench-alerts: $(INSTALLED) ## how soon alerts are told under load, on a cluster of its own
	@$(BIN)/python bench/alert_latency.py

schema: $(INSTALLED) ## rewrite the committed schemas: GraphQL's from the catalogue, ClickHouse's from the migrations
	@$(BIN)/python -m tidemark.api.sdl
	@folder=$$(mktemp -d) && $(BIN)/python -m tidemark.store.schema $$folder > clickhouse/tidemark/store/schema.sql; rm -rf $$folder

clean: ## end the cluster, remove .venv and .tidemark with all data
	@if [ -x $(BIN)/tidemark ]; then $(BIN)/tidemark down; fi
	@rm -rf $(VENV) .tidemark .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/clients/node_modules tests/web/node_modules
