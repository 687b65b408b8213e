# Needs Python 3.10 to 3.13 with venv, and make; each target installs what else it needs, into this folder only;
# but make system and make screenshots need Chromium, which as root on Debian comes as the package of that name.

PYTHON ?= python3
CONSTRAINTS := constraints/airflow-3.3.txt
OLDER_CONSTRAINTS := constraints/airflow-2.11.txt
STORE_CONSTRAINTS := constraints/stores.txt
SYSTEM_CONSTRAINTS := constraints/system.txt
OLDER_SYSTEM_CONSTRAINTS := constraints/system-2.11.txt
FIRST_OF_3_CONSTRAINTS := constraints/period/3.0.6.txt
PACKAGE := airflow_provider_braze
BIN := .venv/bin
# What `make words` reads.
WORDS := $(wildcard *.md docs/*.md) airflow_provider_braze benchmarks example_dags demo tests tools
# More arguments for pytest: make unit ARGS="-k window"
ARGS ?=
EXTRAS := amazon,openlineage,sandbox
# The newest Python of each line of Airflow.
PYTHON_OF_2.11 := 3.12
PYTHON_OF_3.0 := 3.12
PYTHON_OF_3.1 := 3.13
PYTHON_OF_3.2 := 3.13
# The tests that touch Airflow: roles, what a task has and reports, Dags of examples and pages, discovery of the provider.
# Killed processes are about the stores, and take minutes of each line.
TOUCHING_AIRFLOW := tests/hooks tests/operators tests/plugins tests/sensors tests/task tests/transfers tests/triggers \
	$(addprefix tests/docs/test_,code.py recipes.py schedules.py warehouses.py) \
	tests/test_example_dags.py tests/test_imports.py tests/test_provider_info.py tests/test_readme.py \
	$(addprefix --ignore ,$(wildcard tests/transfers/*crashes.py))
IN_PARALLEL := -n logical --maxprocesses 4 --dist loadgroup
# The stores of make stores: any of abfs, gs, s3, file. One that is named and not to be had fails the target.
STORES ?= abfs,gs
AZURITE := .azurite-3.37.0

# Without compiled files every start of Airflow would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE
# Where Playwright installs a Chromium, if it has to: beside itself.
export PLAYWRIGHT_BROWSERS_PATH := 0

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-2.11 test-3.0 test-3.1 test-3.2 test-lowest test-next bench wheel venv lint types words quick unit stores system screenshots chromium format constraints clean

help: ## Show this list
	@echo "Targets:"
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: ## See it work: Airflow lands five days of a made-up Braze, without an account
	@began=$$(date +%s); \
	$(PYTHON) tools/make_venv.py .demo/venv --constraints $(CONSTRAINTS) --extras sandbox --group demo && \
	.demo/venv/bin/python demo/run.py --began $$began

test: lint types unit ## All checks: lint, types, tests with coverage, on Airflow 3.3

test-2.11: ## The same tests on Airflow 2.11, which needs Python 3.10 to 3.12
	@$(PYTHON) tools/make_venv.py .venv-2.11 --constraints $(OLDER_CONSTRAINTS) --extras $(EXTRAS) --group test \
	--newest-python $(PYTHON_OF_2.11)
	.venv-2.11/bin/python -m pytest $(IN_PARALLEL) $(ARGS)

test-3.0: ## The tests that touch Airflow, on 3.0 (Python 3.10 to 3.12)
test-3.1: ## The tests that touch Airflow, on 3.1 (Python 3.10 to 3.13)
test-3.2: ## The tests that touch Airflow, on 3.2 (Python 3.11 to 3.13)
test-3.0 test-3.1 test-3.2: test-%:
	@$(PYTHON) tools/make_venv.py .venv-$* --constraints constraints/airflow-$*.txt --extras $(EXTRAS) --group test \
	--newest-python $(PYTHON_OF_$*)
	@echo "Left out on Airflow $*, run on 3.3 and 2.11: tests that do not touch Airflow, and tests of killed processes."
	.venv-$*/bin/python -m pytest $(IN_PARALLEL) $(TOUCHING_AIRFLOW) $(ARGS)

test-lowest: ## All tests with the lowest versions of all direct dependencies (Python 3.10 to 3.12)
	@$(PYTHON) tools/make_venv.py .venv-lowest --constraints constraints/lowest.txt --extras $(EXTRAS) --group test \
	--newest-python $(PYTHON_OF_2.11)
	.venv-lowest/bin/python -m pytest $(IN_PARALLEL) $(ARGS)

test-next: ## The tests that touch Airflow, on its newest version, betas included; may fail
	@$(PYTHON) tools/make_venv.py .venv-next --constraints constraints/next.txt --extras $(EXTRAS) --group test
	.venv-next/bin/python -m pytest $(IN_PARALLEL) $(TOUCHING_AIRFLOW) $(ARGS)

wheel: ## The wheel and the source distribution, in dist, checked as PyPI checks them
	@rm -rf dist && $(PYTHON) -m venv .venv-release
	@.venv-release/bin/python -m pip install --quiet 'hatchling>=1.27' 'twine>=6.1' 'readme-renderer[md]'
	.venv-release/bin/python -m hatchling build
	.venv-release/bin/python -m twine check --strict dist/*

bench: ## Benchmarks, as one table of ratios; on a quiet machine, about half an hour
	@$(PYTHON) tools/make_venv.py .venv-bench --constraints $(CONSTRAINTS) --extras sandbox --group bench
	.venv-bench/bin/python benchmarks/run.py $(ARGS)

venv: ## The environment of the checks, .venv
	@$(PYTHON) tools/make_venv.py .venv --constraints $(CONSTRAINTS) --extras $(EXTRAS) --group test

lint: venv words ## Ruff: rules and format; plain English; security of the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/zizmor --offline --quiet .github

words: ## Plain English in texts and names
	@$(PYTHON) tools/check_words.py $(WORDS)

types: venv ## Mypy, strict
	$(BIN)/mypy --strict
	$(BIN)/mypy --strict tests/typing

quick: venv ## Tests of the core and the tables in seconds, without coverage
	$(BIN)/python -m pytest -q $(IN_PARALLEL) tests/core tests/tables $(ARGS)

unit: venv ## Tests with branch coverage: 95 % of all, 100 % of the core; with ARGS only the tests
ifeq ($(strip $(ARGS)),)
	@$(BIN)/coverage erase
	$(BIN)/python -m pytest $(IN_PARALLEL) --cov --cov-report term --cov-fail-under 95
	$(BIN)/coverage report --include '$(PACKAGE)/core/*' --fail-under 100
else
	$(BIN)/python -m pytest $(IN_PARALLEL) $(ARGS)
endif

stores: ## Landing tests on emulators of Azure's and Google's stores (2.7 GB; needs npm for Azure's)
	@$(PYTHON) tools/make_venv.py .venv-stores --constraints $(STORE_CONSTRAINTS) --extras amazon,google,microsoft-azure,sandbox --group stores
	@echo "Resolving the lowest versions of the extras google and microsoft-azure ..."
	@printf 'universal-pathlib<0.3\n' | .venv-stores/bin/python -m uv pip compile --quiet --python-version 3.10 pyproject.toml - \
	--resolution lowest-direct --extra google --extra microsoft-azure | grep -E '^(adlfs|gcsfs|apache-airflow-providers-(google|microsoft-azure))='
	@case ,$(STORES), in *,abfs,*) test -x $(AZURITE)/node_modules/.bin/azurite-blob || { echo "Azurite from npm ..."; \
	npm install --prefix $(AZURITE) --no-audit --no-fund --loglevel error azurite@$(subst .azurite-,,$(AZURITE)) || \
	echo "Azurite could not be installed: Node.js 18 or newer with npm is needed."; }; esac
	PATH="$(CURDIR)/$(AZURITE)/node_modules/.bin:$$PATH" .venv-stores/bin/python -m pytest --stores $(STORES) $(IN_PARALLEL) $(ARGS)

system: venv chromium ## Whole deployments of Airflow 3.3, 3.0 and 2.11, with PostgreSQL, Redis and S3; sampled tests whole; about an hour
	@$(PYTHON) tools/make_venv.py .venv-system-2.11 --constraints $(OLDER_SYSTEM_CONSTRAINTS) --group system-older \
	--newest-python 3.12
	@$(PYTHON) tools/make_venv.py .venv-system-3.0 --constraints $(FIRST_OF_3_CONSTRAINTS) --group system-older \
	--newest-python 3.12
	$(BIN)/python -m pytest --whole $(IN_PARALLEL)
	.venv-system/bin/python -m pytest tests/system $(ARGS)
	.venv-system/bin/python -m pytest --whole tests/system

screenshots: chromium ## Take the pictures of Airflow's pages in docs/images again
	.venv-system/bin/python -m pytest tests/system/test_form.py tests/system/test_page.py $(ARGS)
	cp .system/pictures/*.png docs/images/

chromium:
	@$(PYTHON) tools/make_venv.py .venv-system --constraints $(SYSTEM_CONSTRAINTS) --extras amazon,sandbox --group system
	@.venv-system/bin/python tools/get_chromium.py

format: venv ## Write the format that lint wants
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: ## Renew the pinned versions
	$(PYTHON) -m venv .venv-uv && .venv-uv/bin/python -m pip install --quiet --upgrade uv
	$(call pin,make test demo bench,3.3,3.13,--extra amazon --extra openlineage --extra sandbox --group demo --group test --group bench,$(CONSTRAINTS))
	$(call pin,make test-2.11,2.11,3.12,--extra amazon --extra openlineage --extra sandbox --group test,$(OLDER_CONSTRAINTS))
	$(call pin,make stores,3.3,3.13,--extra amazon --extra google --extra microsoft-azure --extra sandbox --group stores,$(STORE_CONSTRAINTS))
	$(call pin,make system,3.3,3.13,--extra amazon --extra sandbox --group system,$(SYSTEM_CONSTRAINTS))
	$(call pin,make system,2.11,3.12,--group system-older,$(OLDER_SYSTEM_CONSTRAINTS))
	$(call pin_period,3.0,3.0.6,3.10)
	$(call pin_period,3.1,3.1.8,3.10)
	$(call pin_period,3.2,3.2.2,3.11)
	printf 'universal-pathlib<0.3\n' | $(COMPILE) 3.10 pyproject.toml - --resolution lowest-direct $(EXTRAS_OF_UV) > .lowest.txt
	(echo '\# The lowest versions of all direct dependencies, which `make test-lowest` installs. Renewed by `make constraints`.'; \
	echo uv | $(COMPILE) 3.10 pyproject.toml - -c .lowest.txt $(EXTRAS_OF_UV) --group test) > constraints/lowest.txt.new
	mv constraints/lowest.txt.new constraints/lowest.txt && rm .lowest.txt

# $(call pin,the command that installs them,Airflow's line,the newest Python,extras and groups,file)
pin = (echo '\# What `$(1)` installs of Airflow $(2), on Python 3.10 to $(3). Renewed by `make constraints`.'; \
	printf 'uv\napache-airflow==$(2).*\n' | .venv-uv/bin/uv pip compile pyproject.toml - --universal --python-version 3.10 \
	$(4) --quiet --no-header --no-annotate --no-emit-index-url) > $(5).new && mv $(5).new $(5)

# $(call pin_period,Airflow's line,its release,the oldest Python): under the versions of the release's date
pin_period = (echo '\# What `make test-$(1)` installs of Airflow $(1), under constraints/period. Renewed by `make constraints`.'; \
	printf 'uv\napache-airflow==$(2)\n' | $(COMPILE) $(3) pyproject.toml - -c constraints/period/$(2).txt $(EXTRAS_OF_UV) --group test) \
	> constraints/airflow-$(1).txt.new && mv constraints/airflow-$(1).txt.new constraints/airflow-$(1).txt
COMPILE = .venv-uv/bin/uv pip compile --quiet --no-header --no-annotate --no-emit-index-url --universal --python-version
EXTRAS_OF_UV := --extra amazon --extra openlineage --extra sandbox

clean: ## Remove what these targets made
	rm -rf .demo .venv .venv-2.11 .venv-3.0 .venv-3.1 .venv-3.2 .venv-lowest .venv-next .venv-release dist .venv-bench .venv-stores .venv-system .venv-system-2.11 .venv-system-3.0 .system .venv-uv .azurite-* .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache
