# The front door: make run, make test, make bench. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r
COMPILE = $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true # on all cores, as pip does not
CODE = app.py run.py crm_core pages demo_store tests benchmarks
LINT = $(BIN)/ruff check $(CODE) && $(BIN)/ruff format --check $(CODE) && $(BIN)/mypy && $(BIN)/lint-imports

.DEFAULT_GOAL := help
# Tests start dozens of processes and workers: each would compile the code anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help run test lint bench clean

help: ## what can be made here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -e 's/:.*## /\t/' | expand -t 8

run: $(VENV)/.installed ## install what is missing and start the desk
	@$(BIN)/python run.py

# Side by side, as lint needs one core alone. Collecting compiles the tests, once: each worker would for itself.
test: $(VENV)/.installed-dev ## everything: lint, types, layers, tests
	@{ $(LINT); } > $(VENV)/lint.txt 2>&1 & lint=$$!; \
	  $(BIN)/python -m pytest -qq --collect-only > /dev/null; \
	  $(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder; tests=$$?; \
	  wait $$lint; lint=$$?; cat $(VENV)/lint.txt; exit $$((tests + lint))

lint: $(VENV)/.installed-dev ## ruff, mypy strict, import-linter
	@$(LINT)

bench: $(VENV)/.installed-dev ## the benchmarks of docs/performance.md
	@$(BIN)/python -m benchmarks

clean: ## remove the virtual environment and caches, not the data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Magento Sales Desk needs Python 3.11 or newer; set PYTHON=/path/to/python3.11 make run"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -f $@; exit 1; } # half of one (Debian without python3-venv) is made again

$(VENV)/.installed: requirements.txt | $(BIN)/python
	@echo "Installing (once, about a minute)..."
	@$(INSTALL) requirements.txt
	@$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt | $(BIN)/python
	@$(INSTALL) requirements-dev.txt
	@$(COMPILE)
	@touch $@ $(VENV)/.installed
