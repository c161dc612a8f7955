# make demo    a whole tunnel on this machine, in one command (ONCE=1: stop after the check)
# make test    all tests: units, the real Xray and Caddy, three machines in network namespaces, a browser
# make test-pages     what else pages do in a browser, and the API with made-up data (three minutes)
# make test-machine   the relay's install for real, in a Debian that boots (root; two minutes, four the first time)
# make check   linters, types, import contracts, generated documentation
# make fuzz    random input for FUZZ_SECONDS, then the property tests with many more examples
# make bench   the measurements of bench/
# make docs    generate the reference pages and build the site into site/
#
# Each target sets up what it needs: nothing but make and python3 (3.11 or newer) has to be here.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
export NO_MKDOCS_2_WARNING := 1
VENV := .venv
BIN := $(VENV)/bin
XRAY_OLD := .venv-xray-old
FUZZ_SECONDS ?= 120

PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -qq
LOCK := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header \
	--annotation-style=line

# What mypy looks at; bench/ and fuzz/ as soon as they are there.
PYTHON_TREES := $(wildcard src tests docs fuzz bench)

.PHONY: help demo test test-pages test-machine check lint format types imports references site fuzz bench docs venv lock clean

help:
	@sed -n '/^# make /s/^# //p' Makefile

# -- set-up ----------------------------------------------------------------------------------------
# Stamp files tell what is in the environment, so that the second run begins at once.

$(BIN)/python:
	@scripts/create-venv $(VENV) $(PYTHON)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "make: installing what the product needs into $(VENV) .."
	@$(PIP) --require-hashes -r requirements/runtime.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# The two lists agree on every version (dev.in is constrained by runtime.txt): this one holds both.
$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "make: installing what the tests and checks need into $(VENV) .."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(VENV)/.runtime $@

$(XRAY_OLD)/.ready: requirements/xray-old.txt
	@scripts/create-venv $(XRAY_OLD) $(PYTHON)
	@echo "make: installing an older Xray into $(XRAY_OLD) .."
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(XRAY_OLD)/bin/python -m pip install -qq --require-hashes \
		-r requirements/xray-old.txt
	@touch $@

venv: $(VENV)/.dev

lock: $(VENV)/.dev
	$(LOCK) -o requirements/runtime.txt pyproject.toml requirements/build.in
	$(LOCK) -o requirements/dev.txt pyproject.toml requirements/dev.in
	$(LOCK) -o requirements/xray-old.txt requirements/xray-old.in

# -- use -------------------------------------------------------------------------------------------

demo: $(VENV)/.runtime
	@exec $(BIN)/tw demo $(if $(ONCE),--once) $(if $(TARGET),--target $(TARGET))

# -- tests -----------------------------------------------------------------------------------------
# One run tells all. Real programs are waited for most of the time: two workers for each core. Tests that share
# something that is slow to make have one between them (xdist_group).
WORKERS ?= $(shell expr 2 \* $$(nproc))

test: $(VENV)/.dev $(XRAY_OLD)/.ready
	@scripts/debian-packages
	@TW_XRAY_PYTHON=$(CURDIR)/$(XRAY_OLD)/bin/python $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not machine and not pages" $(ARGS)

# What the pages of a client, of the log, of settings and contexts do, what the browser of the tests itself
# notices, and every operation of the API with made-up data: three minutes. Each page in each role and look, and
# the journeys through them, are in make test.
test-pages: $(VENV)/.dev
	@scripts/debian-packages
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m pages tests/browser tests/api $(ARGS)

# Not among the others: it boots a machine, and builds one where none is kept.
test-machine: $(VENV)/.dev
	@scripts/debian-packages
	@$(BIN)/python -m pytest -m machine tests/e2e/machine $(ARGS)

fuzz: $(VENV)/.dev
	@$(BIN)/python -m fuzz.run --seconds $(FUZZ_SECONDS)
	@$(BIN)/python -m pytest -n auto -m hypothesis --hypothesis-profile=fuzz $(ARGS)

bench: $(VENV)/.dev
	@test -e bench/__main__.py || { echo "make: there is no bench/ yet: nothing to measure" >&2; exit 1; }
	@$(BIN)/python -m bench $(ARGS)

# -- checks ----------------------------------------------------------------------------------------
# With -k, make runs all of them, whichever fails.

check: lint format types imports references site

lint: $(VENV)/.dev
	@$(BIN)/ruff check .

format: $(VENV)/.dev
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@$(BIN)/mypy $(PYTHON_TREES)

imports: $(VENV)/.dev
	@$(BIN)/lint-imports

references: $(VENV)/.dev
	@$(BIN)/python docs/generate.py --check

site: $(VENV)/.dev
	@$(BIN)/mkdocs build --quiet --strict

docs: $(VENV)/.dev
	@$(BIN)/python docs/generate.py
	@$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) $(XRAY_OLD) site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
