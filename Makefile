# Two commands do everything on a fresh Debian 12 with git, make and Python 3.11 or newer:
#
#   make demo    a private Slurm, the daemon, one job followed to its end
#   make test    the whole suite
#
# Files under build/ and .venv/ are the stamps of what is done; `make clean` forgets all of it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# A file of tests stays on one worker, so that what it starts for itself is started once. A worker
# whose test hung has ended; it is not replaced, or the test would hang again.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart=0

MACHINE := build/machine
PACKAGES := build/packages
NATIVE := build/native
NATIVE_SOURCES := setup.py $(wildcard _slurm/*.py[xdi] _slurm/*.h _slurm/*.pxi) \
                  $(wildcard /usr/include/slurm/slurm*.h)

##@ Use

.PHONY: demo
demo: setup ## Start a private Slurm and the daemon, run one job, print each step, clean up
	@if [ "$$(id -u)" -ne 0 ] && command -v sudo >/dev/null && sudo -v; then
	    # Only root can run another user's job.
	    sudo env PYTHONDONTWRITEBYTECODE=1 $(BIN)/python examples/demo.py
	else
	    $(BIN)/python examples/demo.py
	fi

.PHONY: test
test: setup control-plane ## Run the whole suite; the last lines name what could not run here and why
	@status=0
	$(PYTEST) $(PARALLEL) || status=$$?
	# These measure deadlines while daemons die: alone, so that nothing else takes their time.
	$(PYTEST) tests/fault || status=$$?
	exit $$status

.PHONY: control-plane
control-plane: setup ## Build the Kubernetes of the tests, once, where Go is installed (10 minutes)
	@nice $(BIN)/python -m hpcagent.sandbox.controlplane.build

.PHONY: fault
fault: setup ## Run only the tests that kill, stop and cut off daemons
	$(PYTEST) tests/fault

.PHONY: soak
soak: setup ## The tests of many jobs, watchers and outputs, at the size that was promised (some minutes)
	$(PYTEST) --soak --capture=no tests/slurm/test_many_*.py

.PHONY: bench
bench: setup ## Measure against raw C calls to libslurm, in the same run
	$(PYTEST) tests/bench --capture=no

##@ Change

.PHONY: setup
setup: $(NATIVE) ## Install what is missing and build; a second run is instant

.PHONY: proto
proto: $(PACKAGES) ## Generate hpcagent/v1 from proto/
	$(BIN)/python tools/proto generate

.PHONY: docs
docs: setup ## Generate the references of settings and options from their tables
	$(BIN)/python tools/config-docs generate
	$(BIN)/python tools/options-docs generate

.PHONY: format
format: $(PACKAGES) ## Lay out the Python code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: check
check: lint type contracts proto-check ## Everything that judges the code without running it

.PHONY: lint
lint: $(PACKAGES) ## Style of Python, Cython and the contract; breaking changes of the contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint _slurm # it starts pycodestyle by name
	$(BIN)/python tools/proto lint breaking

.PHONY: type
type: setup ## Types
	$(BIN)/mypy

.PHONY: contracts
contracts: setup ## Which part may import which
	$(BIN)/lint-imports

.PHONY: proto-check
proto-check: $(PACKAGES) ## That hpcagent/v1 is exactly what proto/ generates
	$(BIN)/python tools/proto check

.PHONY: clean
clean: ## Forget everything that was built or installed here
	rm -rf .venv build *.egg-info .*_cache .hypothesis _slurm/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## Show this
	@awk 'BEGIN { FS = ":.*## " }
	    /^##@/ { printf "\n%s\n", substr($$0, 5) }
	    /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# ------------------------------------------------------------------------------------- the stamps

.ONESHELL:

# What the machine lacked; holds the path of the Python to use.
$(MACHINE): tools/setup-debian
	mkdir -p build
	tools/setup-debian > $@

# The virtual environment and the tools. `--group` is pip's since 25.1.
$(PACKAGES): pyproject.toml $(MACHINE)
	"$$(<$(MACHINE))" -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

# hpcagent itself with what it needs to run. The tools above build it: no second set is downloaded.
$(NATIVE): $(NATIVE_SOURCES) $(PACKAGES)
	PYTHONWARNINGS='ignore:Editable installation:UserWarning' \
	    $(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[kubernetes]'
	touch $@
