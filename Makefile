# The one toolbox. CI runs `make test`, and there is no second list of checks anywhere.
#
# Law: every target sets itself up. A fresh Debian or Ubuntu needs git, make, Python 3.11 or newer and its venv module.

SHELL         := /bin/bash
.SHELLFLAGS   := -euo pipefail -c
MAKEFLAGS     += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# Which Python makes the environment; empty: tools/find_python looks. Naming another version than before makes it anew.
PYTHON ?=
# Not taken from the shell's environment: it is emptied without asking.
VENV   := .venv

# Arguments for what a target runs, for example: make campaign CAMPAIGN_ARGS="--seed 7"
DEMO_ARGS     ?=
CAMPAIGN_ARGS ?=
BENCH_ARGS    ?=
PYTEST_ARGS   ?=
LOCK_ARGS     ?=

IN_VENV := $(VENV)/bin/python -m

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: venv ## Run a station, a CSMS and a vehicle here, and tell what happens (DEMO_ARGS)
	@$(IN_VENV) stationd demo $(DEMO_ARGS)

.PHONY: test
test: check system-packages ## Everything that CI runs: check, then every test (PYTEST_ARGS)
	@$(IN_VENV) pytest -q $(PYTEST_ARGS)

.PHONY: test-under-load
test-under-load: venv system-packages ## All tests beside a busy loop a core, and three times those with a port, a clock, a disk or a thread (PYTEST_ARGS)
	@$(VENV)/bin/python tools/test_under_load.py $(PYTEST_ARGS)

.PHONY: campaign
campaign: venv ## Run the simulator over many seeds (CAMPAIGN_ARGS)
	@$(IN_VENV) stationd campaign $(CAMPAIGN_ARGS)

.PHONY: bench
bench: venv ## Measure speed and memory (BENCH_ARGS)
	@$(IN_VENV) bench $(BENCH_ARGS)

.PHONY: check
check: venv ## Format, lint, imports between rooms, types; changes nothing
	@echo "ruff format --check"
	@$(IN_VENV) ruff format --check --quiet --output-format concise .
	@echo "ruff check"
	@$(IN_VENV) ruff check --quiet --output-format concise .
	@echo "lint-imports"
	@$(VENV)/bin/lint-imports --no-logo
	@echo "mypy --strict"
	@$(IN_VENV) mypy

.PHONY: fmt
fmt: venv ## Format, and mend what the linter can mend
	@$(IN_VENV) ruff check --fix --quiet --exit-zero .
	@$(IN_VENV) ruff format .

.PHONY: lock
lock: ## Write the locks anew from requirements*.in (LOCK_ARGS=--upgrade for newer versions)
	@tools/lock $(LOCK_ARGS)

.PHONY: clean
clean: ## Remove the environment and everything else that was made here
	@rm -rf -- "$(VENV)" .venv-lock build dist *.egg-info
	@rm -rf -- .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf -- {} +

.PHONY: venv
venv:
	@tools/set_up_venv "$(VENV)" requirements-dev.lock "$(PYTHON)"

.PHONY: system-packages
system-packages:
	@tools/system_packages
