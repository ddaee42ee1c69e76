# The commands of this project; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
INSTALL := $(VENV)/bin/python requirements/install.py
SOURCES := src tests bench examples requirements containers hatch_build.py
# Tests start the program hundreds of times: without the bytecode of before, each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help serve test test-all coverage check format bench package setup lock clean

help:  ## Show what can be made.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 18

setup: $(VENV)/.run  ## Set up .venv with the locked dependencies; .venv/bin/parlour is the program.

serve: setup  ## Start the server; PARLOUR_… variables configure it.
	@exec $(VENV)/bin/parlour serve $(ARGS)

test: $(VENV)/.dev $(VENV)/.node  ## Run the tests but the long ones, in parallel. ARGS="-k paging" chooses some.
	@$(VENV)/bin/python -m pytest -m "not long" $(ARGS)

test-all: $(VENV)/.dev $(VENV)/.node $(VENV)/.old  ## Run all tests. ARGS="-m long" runs only what make test leaves out.
	@$(VENV)/bin/python -m pytest $(ARGS)

coverage: $(VENV)/.dev $(VENV)/.node $(VENV)/.old  ## Run all tests and report the lines and branches that none of them reached.
	@rm -rf .coverage
	@$(VENV)/bin/python -m coverage run -m pytest $(ARGS)
	@$(VENV)/bin/python -m coverage combine --quiet
	@$(VENV)/bin/python -m coverage report

check: $(VENV)/.dev  ## Lint, types and layers.
	@$(VENV)/bin/ruff format --check $(SOURCES)
	@$(VENV)/bin/ruff check $(SOURCES)
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

format: $(VENV)/.dev  ## Rewrite the code in the house's format.
	@$(VENV)/bin/ruff format $(SOURCES)
	@$(VENV)/bin/ruff check --fix $(SOURCES)

bench: $(VENV)/.dev  ## Measure against the floor and a naive server, and print the ratios.
	@$(VENV)/bin/python -m bench $(ARGS)

package: $(VENV)/.dev  ## Build the wheel and the sdist in dist; REPOSITORY is the URL for links.
	@rm -rf dist
	@REPOSITORY="$(REPOSITORY)" $(VENV)/bin/python -m hatchling build

lock:  ## Choose versions anew (needs uv and npm).
	@uv pip compile pyproject.toml requirements/build.in --extra postgresql --upgrade $(LOCK) --output-file requirements/run.txt
	@uv pip compile pyproject.toml requirements/build.in --upgrade $(LOCK) --extra postgresql --extra testing \
		--constraints requirements/run.txt --output-file requirements/testing.txt
	@uv pip compile pyproject.toml requirements/build.in --upgrade $(LOCK) --extra postgresql --extra dev --extra bench \
		--constraints requirements/testing.txt --output-file requirements/dev.txt
	@npm update --prefix requirements/node --package-lock-only --omit-lockfile-registry-resolved --silent
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

clean:  ## Remove what was set up and measured.
	@rm -rf $(VENV) dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache \
		bench/results.json

$(VENV)/bin/python:
	@echo "Setting up $(VENV); this takes about a minute, once."
	@$(PYTHON) -c 'import sys; sys.exit("Parlour needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

# The server, and what its README shows: the official client for Python, and pytest.
$(VENV)/.run: requirements/testing.txt pyproject.toml | $(VENV)/bin/python
	@$(INSTALL) "Dependencies" --require-hashes -r requirements/testing.txt
	@$(INSTALL) "Parlour itself" --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@$(INSTALL) "Tools for development" --require-hashes -r requirements/dev.txt
	@touch $@

# The official client for Node, for samples of it that tests run. Where npm is missing or cannot reach its registry
# they are skipped, with what npm said; the next run tries again.
$(VENV)/.node: requirements/node/package-lock.json | $(VENV)/bin/python
	@$(call install_node,requirements/node,$(VENV)/node)

# An old version of it, for long tests.
$(VENV)/.old: requirements/old/node/package-lock.json | $(VENV)/bin/python
	@$(call install_node,requirements/old/node,$(VENV)/old/node)

define install_node
	mkdir -p $(2); cp $(1)/*.json $(2)/; \
	if ! command -v npm > /dev/null; then \
		echo "npm is not installed" > $(2)/failed.txt; \
	elif npm ci --prefix $(2) $(NPM) > $(2)/failed.txt 2>&1; then \
		rm $(2)/failed.txt; touch $@; \
	else \
		echo "npm could not install $(1); the tests of it will say so."; \
	fi
endef
NPM := --no-audit --no-fund --loglevel=error --fetch-retries=1 --fetch-timeout=20000
