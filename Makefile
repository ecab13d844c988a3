# Hubwire. `make help` lists the commands; `make run` and `make test` work in a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PARALLEL := --numprocesses auto --dist loadfile # each file of tests on one core
SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))

.DEFAULT_GOAL := help

run: runnable ## set up and start Hubwire on 127.0.0.1:8080; a sandbox without HUBSPOT_ACCESS_TOKEN
	@$(BIN)/hubwire serve

test: set-up tools ## set up (also Debian and npm packages, as root) and run the tests
	$(BIN)/pytest $(PARALLEL) --ignore=tests/browser
	$(BIN)/pytest $(PARALLEL) tests/browser # apart: the browser driver keeps an event loop of its own running

test-fast: set-up ## run the unit tests alone: seconds, after each change
	$(BIN)/pytest -q -p no:schemathesis -p no:hypothesispytest -p no:logging -p no:anyio tests/unit

test-lowest: tools ## run the receiver's and the contract tests with the lowest versions that pyproject.toml allows
	@PYTHON=$(PYTHON) scripts/lowest

test-compiled: compile ## run the tests of the compiled modules
	PYTHONPATH=build/compiled/site $(BIN)/python -c 'from hubwire.plan import planner; assert planner.__file__.endswith(".so")'
	PYTHONPATH=build/compiled/site $(BIN)/pytest -q $(PARALLEL) tests/unit/plan tests/unit/deliver tests/unit/manage \
	  tests/unit/test_message.py tests/conformance tests/cases tests/property/plan tests/property/deliver \
	  tests/property/test_everything_let_in.py tests/integration/rules tests/integration/test_isolation.py

compile: set-up ## build the wheel with compiled modules, in build/compiled: planning in half the CPU time
	@scripts/compile

test-slow: set-up tools ## run the long tests: random crashes, fuzzing, large backlogs, properties with a fresh seed
	@echo 'The seed of this run: make test-slow SEED=$(SEED)'
	$(BIN)/pytest tests/property -m 'slow or not slow' --write-figures --hypothesis-profile=explore --hypothesis-seed=$(SEED)
	$(BIN)/pytest -m slow --write-figures --ignore=tests/browser --ignore=tests/property
	$(BIN)/pytest -m slow --write-figures tests/browser
	$(BIN)/pytest -m 'not slow' --write-figures tests/integration/receive/test_failures.py tests/integration/nats/test_cluster.py
	$(BIN)/python benchmarks/fuzz_receive.py --minutes 10

soak: set-up tools ## disturb a fleet for two hours and print a report (MINUTES=120, PAUSE=7: seconds between faults)
	$(BIN)/pytest -s -m slow --write-figures tests/e2e/test_soak.py --soak-minutes $(or $(MINUTES),120) --soak-pause $(or $(PAUSE),7)

check: set-up ## check format, lint, types and generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m hubwire.reference --check
	$(BIN)/python scripts/what-holds --check

audit: set-up ## check licences of all packages, and known vulnerabilities where the package index can be reached
	$(BIN)/python scripts/audit

docs: set-up ## write the generated reference pages, and the documentation site in build/site
	$(BIN)/python -m hubwire.reference
	$(BIN)/python scripts/what-holds
	scripts/site

bench: set-up ## measure calls, events per CPU-second and memory, with a million events against the emulator
	$(BIN)/python benchmarks/bench_delivery.py

bench-receive: set-up tools ## measure durably acknowledged messages per second, and the ceilings of this machine
	$(BIN)/python benchmarks/bench_receive.py

bench-versus: set-up tools ## compare with an older commit, alternating: make bench-versus BASE=808b6a4
	$(BIN)/python benchmarks/bench_versus.py $(or $(BASE),HEAD~1) $(if $(COMPILED),--compiled)

bench-backends: set-up tools ## compare SQLite, PostgreSQL and JetStream, and measure a second receiver
	$(BIN)/python benchmarks/bench_backends.py

bench-device: set-up tools ## measure bytes and time to a ready page in Chromium, and compare with the classic layout
	$(BIN)/python benchmarks/bench_device.py

release: set-up tools ## build wheel, sdist, chart and image into dist/, and try each; REGISTRY=URL and IMAGE_REGISTRY=NAME upload
	$(BIN)/python scripts/release.py $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(IMAGE_REGISTRY),--image-registry $(IMAGE_REGISTRY))

set-up: $(VENV)/.installed
	@$(BIN)/python -m hubwire.device.build --quiet

runnable: $(VENV)/.runnable
	@$(BIN)/python -m hubwire.device.build --quiet

$(VENV)/.installed: pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) scripts/set-up all

$(VENV)/.runnable: pyproject.toml constraints.txt
	@PYTHON=$(PYTHON) scripts/set-up run

tools: ## install Debian packages for the tests, as root; tests name what is missing
	@scripts/tools

clean: ## remove the files of set-up and tests
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

help: ## print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: run test test-fast test-lowest test-compiled compile test-slow soak check audit docs bench bench-receive bench-versus bench-backends bench-device release set-up runnable tools clean help
