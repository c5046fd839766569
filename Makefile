# Every target sets up what it needs by itself; the second time that costs a few milliseconds.
# VENV: the folder of the virtual environment. PYTHON: the interpreter to make it with. ARGS: more arguments.
VENV ?= .venv
PYTHON ?=
ARGS ?=
python = $(VENV)/bin/python

export PYRIGHT_PYTHON_IGNORE_WARNINGS = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo up test coverage lint types check format package screenshots safety soak bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the packages and Azurite (the other targets do this by themselves)
	@VENV='$(VENV)' PYTHON='$(PYTHON)' sh local/setup.sh

demo: setup ## play the story of one device to its end, on this machine alone
	@$(python) -m local.demo $(ARGS)

up: setup ## leave the app, the simulated tenant and Azurite running, and say what to try
	@$(python) -m local.up $(ARGS)

test: setup ## run the tests
	$(python) -m pytest $(ARGS)

coverage: setup ## every line and branch of shared/domain and shared/rules is covered by a test that is not left to chance
	$(python) -m coverage run -m pytest tests/unit tests/tenant_setup -q -m 'not hypothesis and not long'
	$(python) -m coverage report

lint: setup ## ruff: rules and format
	$(python) -m ruff check .
	$(python) -m ruff format --check .

types: setup ## pyright, strict
	$(python) -m pyright -p pyproject.toml --pythonpath $(python)

check: lint types test ## what CI runs: lint, types, tests

format: setup ## let ruff format and mend what it can
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

package: setup ## build the zip that is deployed: build/handover.zip and its bill of materials (TELEMETRY=1: with spans)
	@$(python) -m local.package $(if $(TELEMETRY),--telemetry) $(ARGS)

screenshots: setup ## take the pictures of the console in docs/img (needs Chromium)
	@$(python) -m local.screenshots $(ARGS)

safety: setup ## look for broken promises: 20,000 histories from seeds, every pair of accidents, every deliberate breakage
	$(python) -m tests.safety.hunt --seeds 20000
	$(python) -m tests.safety.systematic --pairs
	$(python) -m tests.safety.mutants

soak: setup ## the same for hours: a million histories, triples of accidents, the black box, the scale of harm
	$(python) -m tests.safety.hunt --seeds 1000000
	$(python) -m tests.safety.systematic --pairs --triples 120000
	$(python) -m tests.safety.black_box --kills 300 --cases 200
	$(python) -m tests.safety.harm

bench: setup ## measure: start-up, Graph answers, the webhook under load; writes docs/benchmarks.md and docs/costs.md
	@$(python) -m local.bench $(ARGS)

clean: ## remove everything that make made
	rm -rf .venv .venv-* local/node_modules .pytest_cache .ruff_cache .hypothesis .coverage build
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
