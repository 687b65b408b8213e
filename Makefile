# Needs Python 3.10 or newer with venv, and make; each target installs what else it needs, into this folder only.

PYTHON ?= python3
CONSTRAINTS := constraints/airflow-3.3.txt
PACKAGE := airflow_provider_braze
BIN := .venv/bin
# More arguments for pytest: make unit ARGS="-k window"
ARGS ?=

# Without compiled files every start of Airflow would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bench venv lint types unit format constraints clean

help: ## Show this list
	@echo "Targets:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: ## See it work: Airflow lands five days of a made-up Braze, without an account
	@began=$$(date +%s); \
	$(PYTHON) tools/make_venv.py .demo/venv --constraints $(CONSTRAINTS) --extras sandbox --group demo && \
	.demo/venv/bin/python demo/run.py --began $$began

test: lint types unit ## All checks: lint, types, tests with coverage

bench: ## Benchmarks, as one table of ratios; on a quiet machine, about half an hour
	@$(PYTHON) tools/make_venv.py .venv-bench --constraints $(CONSTRAINTS) --extras sandbox --group bench
	.venv-bench/bin/python benchmarks/run.py $(ARGS)

venv: ## The environment of the checks, .venv
	@$(PYTHON) tools/make_venv.py .venv --constraints $(CONSTRAINTS) --extras amazon,sandbox --group test

lint: venv ## Ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv ## Mypy, strict
	$(BIN)/mypy --strict

unit: venv ## Tests with branch coverage: 95 % of all, 100 % of the core
	@$(BIN)/coverage erase
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadgroup --cov --cov-report term --cov-fail-under 95 $(ARGS)
	$(BIN)/coverage report --include '$(PACKAGE)/core/*' --fail-under 100

format: venv ## Write the format that lint wants
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: ## Renew the pinned versions
	$(PYTHON) -m venv .venv-uv && .venv-uv/bin/python -m pip install --quiet --upgrade uv
	(echo '# What `make test`, `make demo` and `make bench` install, on Python 3.10 to 3.13. Renewed by `make constraints`.'; \
	printf 'uv\napache-airflow==3.3.*\n' | .venv-uv/bin/uv pip compile pyproject.toml - --universal --python-version 3.10 \
	--extra amazon --extra sandbox --group demo --group test --group bench --quiet --no-header --no-annotate --no-emit-index-url \
	) > $(CONSTRAINTS).new
	mv $(CONSTRAINTS).new $(CONSTRAINTS)

clean: ## Remove what these targets made
	rm -rf .demo .venv .venv-bench .venv-uv .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache
