# make demo and make test are all a newcomer needs; the rest is for those who change something.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first Python that really starts and is new enough, else python3, which then says what is wrong.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2

.PHONY: help setup demo test test-fast test-gpu check format verify build calibrate docs screenshots lock clean clean-venv

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## make .venv and install everything, pinned with hashes
	@command -v $(PYTHON) >/dev/null || { echo "setup: no Python found. Install Python 3.11 or newer, then run make again." >&2; exit 1; }
	@$(PYTHON) tools/setup.py

demo: setup ## build, release, and grade a small class: the main job, in minutes
	@$(BIN)/workshop demo

# A thread for each worker: more would wait for each other's cores. The files in their order: the
# longest come early, so that no worker waits for them at the end.
test test-fast: export OMP_NUM_THREADS = 1

test: setup ## every test, the whole course included
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 20

test-gpu: setup ## the tests that need a GPU; fails where there is none
	WORKSHOP_REQUIRE_GPU=1 $(PYTEST) -m gpu tests/gpu

test-fast: setup ## the tests that take seconds
	$(PYTEST) -n $(WORKERS) -m "not slow"

check: setup ## what CI asks before the slow tests: style, types, release up to date, no leak
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/workshop build --check

format: setup ## put the code into the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: setup ## source text -> source/notebooks and release/
	$(BIN)/workshop build

verify: setup ## every stub fails, every solution passes, every wrong solution is caught
	$(BIN)/workshop verify

docs: setup ## the documentation site, strictly: open build/site/index.html
	rm -rf build/site
	$(BIN)/python -m sphinx -b html -E -W --keep-going -q -c docs -d build/doctrees . build/site

screenshots: setup ## renew the pictures in docs/images (needs Chromium)
	WORKSHOP_SCREENSHOTS=docs/images $(PYTEST) tests/docs/test_screenshots.py

lock: setup ## renew requirements/ from pyproject.toml
	$(BIN)/python tools/lock.py

clean: ## remove what can be generated again, except .venv
	rm -rf build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

clean-venv: ## remove the virtual environment
	rm -rf .venv
