# Hubwire. `make help` lists the commands; `make run` and `make test` work in a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PARALLEL := --numprocesses auto --dist loadfile # each file of tests on one core
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help

run: set-up ## set up and start Hubwire on 127.0.0.1:8080; without HUBSPOT_ACCESS_TOKEN it is the sandbox
	@$(BIN)/hubwire serve

test: set-up tools ## set up (Debian and npm packages too, when root) and run the tests
	$(BIN)/pytest $(PARALLEL) --ignore=tests/browser
	$(BIN)/pytest $(PARALLEL) tests/browser # apart: the browser driver keeps an event loop of its own running

test-lowest: tools ## the receiver's and contract tests with the lowest versions that pyproject.toml allows
	@PYTHON=$(PYTHON) scripts/lowest

test-slow: set-up tools ## the long runs: crashes at random times, fuzzing, large backlogs
	$(BIN)/pytest -m slow --ignore=tests/browser
	$(BIN)/pytest -m slow tests/browser
	$(BIN)/python benchmarks/fuzz_receive.py --minutes 10

check: set-up ## format, lint, types, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m hubwire.reference --check

docs: set-up ## write the generated reference pages, and the documentation as a site in build/site
	$(BIN)/python -m hubwire.reference
	scripts/site

bench: set-up ## calls, events per CPU-second, memory: the corpus and a million events against the emulator
	$(BIN)/python benchmarks/bench_delivery.py

bench-receive: set-up tools ## durable acknowledged messages per second, beside the ceilings of this machine
	$(BIN)/python benchmarks/bench_receive.py

bench-backends: set-up tools ## SQLite, PostgreSQL, JetStream side by side, and what a second receiver adds
	$(BIN)/python benchmarks/bench_backends.py

bench-device: set-up tools ## bytes and time to a ready page in Chromium, beside the classic layout
	$(BIN)/python benchmarks/bench_device.py

set-up: $(STAMP)
	@$(BIN)/python -m hubwire.device.build --quiet

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Hubwire needs Python 3.11 or newer (PYTHON=python3.12 make …)"; exit 1; }
	@echo "Setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgres,nats,files]'
	@touch $@

tools: ## Debian packages that the tests use, when root; what is missing is skipped visibly
	@scripts/tools

clean: ## remove what set-up and tests made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: run test test-lowest test-slow check docs bench bench-receive bench-backends bench-device set-up tools clean help
