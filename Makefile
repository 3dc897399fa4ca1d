# Every target sets up what it needs and may be repeated. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NATIVE := $(wildcard src/_ext/*.pyx src/_ext/*.h src/_ext/*.c src/aegis_fast/hot/*.pxd)
ARGS ?=
EXAMPLES ?=

# Prints the requirements of one table of pyproject.toml, so that they are written down once.
requirements = $(BIN)/python -c 'import sys, tomllib; p = tomllib.load(open("pyproject.toml", "rb")); \
	print("\n".join(p["build-system"]["requires"] if sys.argv[1] == "build" \
	else p["project"]["optional-dependencies"][sys.argv[1]]))' $(1) > $(VENV)/$(1).txt
install = $(call requirements,$(1)) && $(BIN)/pip install --quiet --disable-pip-version-check \
	-r $(VENV)/$(1).txt

.DEFAULT_GOAL := help
.PHONY: help run dev test sanitize long check bench wheel clean browser

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

run: $(VENV)/.dev ## simulator + engine + screen on loopback, ready to trade; Ctrl-C ends it
	@exec $(BIN)/aegis demo $(ARGS)

dev: $(VENV)/.dev ## set up .venv: dependencies, compiled modules, the aegis command

test: $(VENV)/.test browser ## the whole test suite
	$(BIN)/python -m pytest $(ARGS)

sanitize: $(VENV)/.test ## the native tests under AddressSanitizer and UBSan (EXAMPLES= frames)
	AEGIS_EXAMPLES=$(or $(EXAMPLES),20000) $(BIN)/python -m tests.flavors sanitized $(ARGS)

long: sanitize ## the long tests: sanitize, then 1,000,000 frames against the twin in three builds
	$(BIN)/python -m tests.long_frames --frames $(or $(EXAMPLES),1000000) $(ARGS)

check: $(VENV)/.test $(VENV)/.check ## formatting, lint, types, architecture rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint src/_ext src/aegis_fast/hot
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/unit/test_import_rules.py

bench: $(VENV)/.test $(VENV)/.bench ## measure every goal beside its peers (ARGS=--quick: shorter); results in benchmarks/results
	$(BIN)/python -m pytest -q --benchmark-enable --benchmark-only benchmarks/test_micro.py
ifeq ($(findstring --quick,$(ARGS)),)
	$(BIN)/python -m benchmarks.simulator --day --hour
	$(BIN)/python -m benchmarks.simulator_wire
endif
	$(BIN)/python -m benchmarks $(ARGS)

wheel: $(VENV)/.test ## build dist/aegis_fast-*.whl
	$(BIN)/python -m build --wheel --no-isolation

clean: ## remove what was built (not .venv, not var)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find src -name '*.so' -delete
	rm -f $(VENV)/.dev

# A real browser for the tests of the screen. Installed where that needs no password; elsewhere
# those tests are skipped by name (and fail under CI=true).
browser:
	@if command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; \
	then :; else echo "Installing Chromium for the tests of the screen ..."; \
	apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
	--no-install-recommends chromium fonts-noto-cjk >/dev/null; fi

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "aegis-fast needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.build: pyproject.toml | $(VENV)/.python
	@echo "Installing what the compiler needs ..."
	@$(call install,build)
	@touch $@

$(VENV)/.dev: pyproject.toml setup.py $(NATIVE) | $(VENV)/.build
	@echo "Compiling the native modules and installing aegis-fast (a minute or two, once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation -e .
	@touch $@

$(VENV)/.test: $(VENV)/.dev
	@echo "Installing what the tests need ..."
	@$(call install,test)
	@touch $@

$(VENV)/.check: $(VENV)/.dev
	@echo "Installing the linters ..."
	@$(call install,check)
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	@echo "Installing the libraries to compare with ..."
	@$(call install,bench)
	@$(call requirements,nautilus) && $(BIN)/pip install --quiet \
		--disable-pip-version-check --no-deps -r $(VENV)/nautilus.txt \
		|| echo "nautilus_trader cannot be installed here: its rows are left out"
	@touch $@
