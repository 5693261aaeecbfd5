# The project's commands; `make` alone lists them.
# Each command prepares what it needs and says so.

ifeq ($(filter oneshell,$(.FEATURES)),)
$(error GNU make 3.82 or newer is needed; on macOS: brew install make, and say gmake in place of make)
endif

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Images often forbid Python to keep what it has compiled. The tests start hundreds of processes, and each would then
# compile every module again: a third of its start.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --constraint constraints.txt
WHEEL_PYTHON := build/wheel-venv/bin/python
# Tests wait now and then, so three processes share them, each with a Neo4j of its own, though there may be two cores;
# a database given by NEO4J_URI serves one at a time.
SIDE_BY_SIDE := $(if $(NEO4J_URI),,-n 3 --dist worksteal)
# The wheel has the same code as the checkout: run again is what sees that a file, an entry point or an import is
# missing. That is each module, query and migration, and a round through each surface. No test needs a server: the wheel
# has the same files for both stores.
WHEEL_FILES := test_wheel test_docs test_errors_pickle schema/test_catalog schema/test_graph stores/test_engines \
  stores/test_task_store stores/test_bolt_ports engine/test_live service/test_specification service/test_public_api \
  cli/test_commands cli/test_control_channel rest/test_api telemetry/test_reports telemetry/test_prometheus \
  telemetry/test_opentelemetry
# Frameworks of agents, by the names of their tests.
HOSTS ?= pydantic_ai langchain openai_agents
WHEEL_TESTS := $(WHEEL_FILES:%=tests/%.py) -m "not slow and not neo4j"

.PHONY: help run docs test check lint format types floors wheel hosts bench crash kills chaos fuzz soak notebook constraints clean

help: ## List these commands
	@echo "make …"
	sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | while IFS='|' read -r name text; do
	  printf '%-14s %s\n' "$$name" "$$text"
	done

run: .venv/run ## Play a day of an agent on a real graph, with a crash in the middle (under a minute)
	@$(BIN)/python examples/day.py

docs: .venv/docs ## Write the reference pages, render the pictures, and build the documentation site in build/site
	@echo "· Writing docs/reference, rendering docs/assets, and building the site in build/site"
	$(BIN)/python tools/reference.py
	$(BIN)/python docs/tools/watch_screen.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

test: .venv/dev ## Run the tests
	@echo "· Running the tests"
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: lint types floors docs $(if $(TESTED),,test) wheel ## Run every check: lint, types, floors, docs, tests, and the built wheel
	@echo "· Everything holds."

lint: .venv/dev ## Lint the code and check its format
	@echo "· Linting"
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev ## Check the types
	@echo "· Checking the types"
	$(BIN)/basedpyright

floors: .venv/dev ## Check that every module imports only from floors below its own
	@echo "· Checking the floors"
	$(BIN)/lint-imports --no-cache

wheel: .venv/dev ## Build the wheel, and test that all of it is there and works
	@echo "· Building the wheel and installing it in build/wheel-venv"
	rm -rf build/wheel build/wheel-venv
	$(BIN)/pyproject-build --wheel --no-isolation --outdir build/wheel . >/dev/null
	$(BIN)/python -m venv --without-pip build/wheel-venv
	$(BIN)/python -m pip --python $(WHEEL_PYTHON) install --quiet --no-deps --no-index --disable-pip-version-check \
	  build/wheel/*.whl
	# What the package depends on is seen where it already is; a .pth file lends no editable install along with it.
	here() { "$$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
	here $(BIN)/python > "$$(here $(WHEEL_PYTHON))/dependencies.pth"
	echo "· Testing the installed wheel"
	REMEMBRANCER_TESTED_AS=wheel $(WHEEL_PYTHON) -m pytest $(SIDE_BY_SIDE) -o cache_dir=build/wheel-cache $(WHEEL_TESTS)

hosts: .venv/dev ## Test an agent's tools, and the way back in, in the real frameworks, or those of HOSTS, each in an environment of its own
	@for host in $(HOSTS); do
	  home=build/hosts/$$host pins=tests/hosts/frameworks/$$host.txt
	  if ! cmp --quiet $$pins $$home/installed; then
	    echo "· Installing $$host in $$home (half a minute, once)"
	    $(BIN)/python -m venv --clear --without-pip $$home
	    if ! $(BIN)/python -m pip --python $$home/bin/python install --quiet --no-input --disable-pip-version-check \
	      --no-deps --requirement $$pins; then
	      echo "· $$host CANNOT BE HAD HERE: ITS TESTS ARE LEFT OUT" >&2
	      continue
	    fi
	    # What the tests need besides is seen where it already is; the package itself is that of the checkout.
	    here() { "$$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
	    here $(BIN)/python > "$$(here $$home/bin/python)/dependencies.pth"
	    cp $$pins $$home/installed
	  fi
	  echo "· Testing the tools and the way back in with $$host"
	  PYTHONPATH=plugin:graph_schema $$home/bin/python -m pytest -o cache_dir=build/hosts/cache \
	    tests/hosts/frameworks/test_$$host.py tests/hosts/frameworks/test_wake_$$host.py
	done

format: .venv/dev ## Format the code
	@echo "· Formatting"
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/dev ## Measure, next to the bare engine and the peers; the figures go to build/bench.json
	@echo "· Measuring (several minutes; best on a quiet machine)"
	$(BIN)/python bench/run.py
	$(BIN)/python bench/telemetry.py

crash: .venv/dev ## Crash, hang and otherwise disturb a working scheduler ROUNDS times (200), and check what it leaves
	@echo "· Disturbing a working scheduler $(or $(ROUNDS),200) times; every second time it is killed"
	$(BIN)/python tests/crash/rounds.py --rounds $(or $(ROUNDS),200)

kills: .venv/dev ## Kill a scheduler at every commit of every policy, and of the recovery after it, and check what it leaves
	@echo "· Killing schedulers at every commit of a policy (half an hour)"
	$(BIN)/python tests/crash/policy_kills.py --every

chaos: .venv/dev ## Run the fault-injection suite against replicas on a private Neo4j ROUNDS times (5)
	@echo "· Injecting faults into replicas and their Neo4j $(or $(ROUNDS),5) times (six minutes each)"
	PYTHONPATH=tests/servers $(BIN)/python tests/chaos/rounds.py --rounds $(or $(ROUNDS),5)

fuzz: .venv/dev ## Send the API thousands of generated requests
	@echo "· Fuzzing the API (some minutes)"
	FUZZ_EXAMPLES=300 $(BIN)/python -m pytest tests/rest/test_fuzz.py

soak: .venv/dev ## Fire a million times on one graph; watch rate, delay, memory and disk
	@echo "· Soaking (this takes long; Ctrl-C ends it cleanly)"
	$(BIN)/python bench/soak.py

notebook: .venv/notebook ## Open the first notebook in JupyterLab
	@echo "· Opening notebooks/first_schedule.ipynb"
	$(BIN)/jupyter lab notebooks/first_schedule.ipynb

constraints: .venv/dev ## Renew constraints.txt with the newest versions that pyproject.toml allows
	@echo "· Resolving the newest versions in build/constraints-venv"
	$(BIN)/python -m venv --clear build/constraints-venv
	build/constraints-venv/bin/pip install --quiet --no-input --disable-pip-version-check '.[dev,docs,notebook]'
	{ sed '/^[^#]/,$$d' constraints.txt; build/constraints-venv/bin/pip freeze --exclude remembrancer; } > build/constraints.txt
	cp build/constraints.txt constraints.txt
	git --no-pager diff --stat -- constraints.txt

clean: ## Remove what was built and cached (.venv stays)
	@echo "· Removing build, dist and the caches"
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

# .venv is brought up to date when pyproject.toml or constraints.txt is newer than the mark of the last installation.

.venv/run: $(BIN)/python pyproject.toml constraints.txt
	@echo "· Installing Remembrancer and the libraries it stands on (half a minute, once)"
	$(INSTALL) --editable .
	touch $@

.venv/dev: $(BIN)/python pyproject.toml constraints.txt
	@echo "· Installing Remembrancer with everything its tests and checks need (a minute or two, once)"
	$(INSTALL) --editable '.[dev]'
	touch .venv/run $@

.venv/docs: .venv/dev
	@echo "· Installing what builds the documentation site (once)"
	$(INSTALL) --editable '.[docs]'
	touch $@

.venv/notebook: .venv/dev
	@echo "· Installing JupyterLab (a minute, once)"
	$(INSTALL) --editable '.[notebook]'
	touch $@

$(BIN)/python:
	@if ! command -v "$(PYTHON)" >/dev/null; then
	  echo "There is no '$(PYTHON)' here, and Remembrancer needs Python 3.11 or newer." >&2
	  echo "On Debian:  apt-get install python3 python3-venv    Elsewhere:  make PYTHON=/path/to/python3.11 …" >&2
	  exit 1
	fi
	if ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
	  echo "'$(PYTHON)' is $$("$(PYTHON)" --version), and Remembrancer needs Python 3.11 or newer." >&2
	  echo "Name a newer one:  make PYTHON=python3.12 …" >&2
	  exit 1
	fi
	if ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then
	  package=$$("$(PYTHON)" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
	  if [ "$$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi
	  if ! command -v apt-get >/dev/null || { [ -n "$$as_root" ] && ! command -v sudo >/dev/null; }; then
	    echo "'$(PYTHON)' cannot make virtual environments: its venv and ensurepip modules are missing." >&2
	    echo "On Debian or Ubuntu, as root:  apt-get install $$package" >&2
	    exit 1
	  fi
	  echo "· Installing $$package: this Python comes without the module that makes virtual environments"
	  $$as_root apt-get update -qq
	  DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq --no-install-recommends "$$package" >/dev/null
	fi
	echo "· Making a Python environment of its own in .venv"
	"$(PYTHON)" -m venv --clear .venv
