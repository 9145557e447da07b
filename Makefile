# Two commands do it all on a fresh machine with python3 and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test fast check format bench install wheel lock clean

demo: install ## the main job, end to end, on a generated scene: see demo/
	$(BIN)/pointillist demo --out demo --overwrite

test: install ## the whole suite
	$(BIN)/python -m pytest

fast: install ## the suite without the tests that train networks
	$(BIN)/python -m pytest -m "not slow"

check: install ## format, lint, types, import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## benchmarks: ratios measured in one run on this machine
	$(BIN)/python -m pytest benchmarks --benchmark-disable-gc
	for script in benchmarks/*.py; do case $$script in */test_*) ;; *) $(BIN)/python $$script || exit 1 ;; esac; done

install: $(STAMP) ## only make .venv

$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Pointillist needs Python 3.11 or newer, {sys.executable} is {v[0]}.{v[1]}. Say which with: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.txt
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	touch $(STAMP)

wheel: install ## dist/pointillist-*.whl
	$(BIN)/python -m build --wheel --no-isolation

lock: ## pin again what pyproject.toml allows, for every platform, with hashes
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --quiet -o requirements.txt

clean:
	rm -rf demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
