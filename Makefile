# The commands of this project; `make help` lists them.

PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,\
	$(shell $(name) -c 'import sys; sys.version_info < (3, 11) or print("$(name)")' 2>/dev/null)) python3)
UV := $(shell command -v uv 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin

hash = $(shell cat $(1) | cksum | cut -d' ' -f1)
PORTAL_READY := $(VENV)/.portal-$(call hash,requirements/base.txt)
TOOLS_READY := $(VENV)/.tools-$(call hash,requirements/base.txt requirements/s3.txt requirements/dev.txt)
install = $(if $(UV),$(UV) pip install --python $(BIN)/python,$(BIN)/python -m pip install --disable-pip-version-check --no-compile) -r $(1)

# Without the compiled code that Python keeps beside each module every process of tests would start 3 s later.
unexport PYTHONDONTWRITEBYTECODE

WITHOUT_SERVICES := env -u DATABASE_URL -u REDIS_URL -u CELERY_BROKER_URL ENVIRONMENT=test
WITH_SERVICES := env ENVIRONMENT=test \
	DATABASE_URL=$${DATABASE_URL:-postgres://postgres@127.0.0.1:5432/postgres} REDIS_URL=$${REDIS_URL:-redis://127.0.0.1:6379/0}
PATHS := langorch orchestration procedures approvals agents tenants tests benchmarks manage.py

.DEFAULT_GOAL := help
.PHONY: help run web worker beat test test-services chaos e2e lint types bench

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PORT=8001 VAR_DIR=var/second make run    a second portal beside the first"
	@echo "  make test PART=waiting                   a part of the tests; the others are PART=computing"
	@echo "  On PostgreSQL and Redis set DATABASE_URL and REDIS_URL, then start web, worker (as many as you like)"
	@echo "  and beat, each as a process of its own."

run: $(PORTAL_READY) ## the whole portal in one process, on http://127.0.0.1:8000
	@exec $(BIN)/python manage.py portal

web: $(PORTAL_READY) ## pages, API and live updates; needs DATABASE_URL and REDIS_URL
	@exec $(BIN)/python manage.py web

worker: $(PORTAL_READY) ## drives runs; needs DATABASE_URL and REDIS_URL
	@exec $(BIN)/python manage.py worker

beat: $(PORTAL_READY) ## timers and sweeps; needs DATABASE_URL and REDIS_URL
	@exec $(BIN)/python manage.py beat

test: $(TOOLS_READY) ## all tests but those in a browser, on SQLite, without any service
	$(WITHOUT_SERVICES) $(BIN)/python -m tests.suite "not services and not browser" $(PART)

test-services: $(TOOLS_READY) ## the same tests and those of separate processes, on PostgreSQL and Redis
	$(WITH_SERVICES) $(BIN)/python -m tests.suite "not browser" $(PART)

chaos: $(TOOLS_READY) ## kill and restart workers, database and broker for an hour, on PostgreSQL and Redis
	$(WITH_SERVICES) $(BIN)/python -m tests.chaos $(SCENARIOS)

e2e: $(TOOLS_READY) ## walk the pages in Chromium and keep screenshots
	$(WITHOUT_SERVICES) $(BIN)/python -m pytest -m browser tests/e2e

lint: $(TOOLS_READY) ## style, format and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(TOOLS_READY) ## mypy, strict
	$(BIN)/mypy $(PATHS)

bench: $(TOOLS_READY) ## speed beside raw LangGraph and DBOS, on SQLite and PostgreSQL, as a table of targets
	$(BIN)/python -m benchmarks $(PARTS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "LangOrch needs Python 3.11 or newer; say which with PYTHON=..."; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(if $(UV),$(UV) venv --quiet --seed --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))

$(PORTAL_READY): | $(BIN)/python
	@echo "Installing what the portal needs (about a minute the first time)"
	@$(call install,requirements/base.txt)
	@rm -f $(VENV)/.portal-* && touch $@

$(TOOLS_READY): $(PORTAL_READY)
	@echo "Installing what tests and linters need"
	@$(call install,requirements/dev.txt)
	@rm -f $(VENV)/.tools-* && touch $@
