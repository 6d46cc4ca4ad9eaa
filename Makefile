# What a person types here. `make` lists it.

PYTHON ?= python3
BIN := .venv/bin

RUAMILL := $(BIN)/ruamill --config fixtures/demo.toml

# Nothing here may see the settings of a ruamill that is in use on this machine.
unexport $(filter RUAMILL_%,$(.VARIABLES))

.PHONY: help demo test lint servers fuzz soak bench screenshots clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The sample mailbox comes in two parts: what the letter tells of is the second.
LAST_WEEK := 2026-11-09

demo: .venv/installed ## poll a sample mailbox; show who sends as its domain, and what to do
	@rm -rf build/demo && mkdir -p build/demo
	@$(BIN)/python fixtures/make_sample_mailbox.py build/demo/Maildir --before $(LAST_WEEK)
	@$(RUAMILL) poll
	@date -u +%FT%T.%6N > build/demo/since
	@$(BIN)/python fixtures/make_sample_mailbox.py build/demo/Maildir --since $(LAST_WEEK)
	@$(RUAMILL) poll
	@$(BIN)/python -m fixtures.registries --data fixtures/registries/demo.toml -- $(RUAMILL) enrich
	@$(RUAMILL) sources
	@$(RUAMILL) readiness example.org
	@$(RUAMILL) summary --since "$$(cat build/demo/since)" --html build/demo/letter.html --text build/demo/letter.txt
	@echo "To look at it all: $(BIN)/ruamill --database sqlite:///build/demo/ruamill.db web"

test: lint servers ## lint, then every test; installs Dovecot and PostgreSQL if it may
	@DMARC_CORPUS="$(DMARC_CORPUS)" $(BIN)/pytest

lint: .venv/developing ## ruff, mypy, import-linter
	@echo "ruff, mypy, import-linter"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@report=$$($(BIN)/lint-imports --no-logo) || { echo "$$report"; exit 1; }

servers:
	@tests/install-servers.sh

fuzz: .venv/developing ## ten minutes of the fuzzer; it goes on where it was
	@$(BIN)/python -m tests.fuzz.run --seconds 600

soak: servers .venv/developing ## half an hour of a running daemon and everything that can go wrong
	@$(BIN)/python -m tests.soak.run --minutes 30

bench: servers .venv/installed ## time and memory against the floor and parsedmarc; three quarters of an hour
	@$(BIN)/python -m bench.run

screenshots: .venv/developing ## the pictures of docs/, by Chromium
	@$(BIN)/python -m tests.ingest.browser.screenshots

clean: ## remove what was built, except .venv
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "ruamill needs Python 3.11 or later; name one with: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "Python cannot make virtual environments here: apt-get install python3-venv"; exit 1; }
	@echo "Installing ruamill into .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq --disable-pip-version-check --editable .
	@touch $@

# pip reads dependency groups from 25.1 on.
.venv/developing: .venv/installed
	@echo "Installing what the tests need into .venv"
	@$(BIN)/pip install -qq --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/pip install -qq --disable-pip-version-check --group dev
	@touch $@
