# Needs Python 3.11 or newer, make and git; everything else goes into .venv.
PYTHON ?= python3
PY := .venv/bin/python
STAMP := .venv/.installed

# Minutes that `make fuzz` gives to each reader.
FUZZ_MINUTES ?= 10

.PHONY: install demo test test-all fuzz lint clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt hatch_build.py $(wildcard lstmcast/*/*.[ch] lstmcast/*/*/*.[ch])
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install -q -c constraints.txt -e '.[dev]'
	touch $@

demo: install
	rm -rf runs/demo runs/demo-forecast.csv
	$(PY) -m lstmcast train configs/co2.yaml --run runs/demo
	$(PY) -m lstmcast predict runs/demo -o runs/demo-forecast.csv
	head runs/demo-forecast.csv
	@echo "The run lies in runs/demo, its forecast in runs/demo-forecast.csv."

test: install lint
	$(PY) -m pytest -n 2

test-all: install lint
	$(PY) -m pytest -n 2 -m "slow or not slow"
	$(MAKE) fuzz

fuzz: install
	$(PY) tests/fuzz/run.py --minutes $(FUZZ_MINUTES)

lint: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

clean:
	rm -rf .venv build dist lstmcast/*/*.so* lstmcast/*/*/*.so* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
