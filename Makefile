# What a person runs here. Everything lands in .venv, out/ and site/; `make clean` takes all of it away.
.POSIX:

PYTHON ?= python3
WORKERS ?= 2
SECONDS ?= 600
VENV = .venv
BIN = $(VENV)/bin
EXTRAS = torch,onnx,sklearn,symbolic,cluster,mesh,dev
STAMP = $(VENV)/.installed
# Python itself compiles what is imported, when it is: a quarter of what is installed, and in the tests on all cores.
PIP = $(BIN)/python -m pip install --no-input --disable-pip-version-check --no-compile -q -c constraints.txt

.PHONY: help venv demo test lint types imports browser pytest fuzz bench docs clean

help:
	@echo "make venv    build $(VENV) with the package, every extra and what the checks need"
	@echo "make demo    analyse the embedded MNIST classifier and write out/demo/report.html"
	@echo "make test    run every check (make lint, types, imports, pytest are its parts)"
	@echo "make fuzz    feed hostile files and calls for ten minutes (SECONDS=60: for one)"
	@echo "make bench   measure the claims of speed"
	@echo "make docs    build the documentation into site/"
	@echo "make clean   remove everything that the other targets made"
	@echo "Another interpreter: make venv PYTHON=python3.13; more test processes: make test WORKERS=8"

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[$(EXTRAS)]"
	@touch $(STAMP)

demo: venv
	$(BIN)/separatrix demo --out out/demo

# Two at a time: the type checker keeps one core busy while the test processes start, compile and end.
test: venv
	$(MAKE) -j 2 lint types imports pytest

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

imports: venv
	$(BIN)/lint-imports --no-logo

browser: venv
	$(BIN)/python scripts/ensure_browser.py --install

# Bytecode is kept, whatever the shell says: dozens of tests start a separatrix of their own.
pytest: venv browser
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 15

fuzz: venv
	$(BIN)/python -W ignore scripts/fuzz.py $(SECONDS)

bench: venv
	$(BIN)/python benchmarks/run.py

docs: venv
	$(BIN)/sphinx-build -q -W --keep-going -b html docs site
	@echo "site/index.html"

clean:
	rm -rf $(VENV) out site build dist docs/reference .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks scripts docs examples -name __pycache__ -type d -exec rm -rf {} + 2>/dev/null || true
