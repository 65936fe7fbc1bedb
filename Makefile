# One vocabulary for people and CI. Each target creates .venv and installs what it needs when missing.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test lint bench wheel-test clean

# Train for about a minute, export, score ten episodes, record a GIF.
demo: $(INSTALLED)
	$(BIN)/lander train
	$(BIN)/lander export
	$(BIN)/lander eval --episodes 10

# Everything that must hold before a change lands, slow training tests included.
test: lint
	$(BIN)/pytest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# The figures in README.md; each script says what it measures.
bench: $(INSTALLED)
	$(BIN)/python benchmarks/act_speed.py
	$(BIN)/python benchmarks/seeds.py --seeds 3 --steps 1_000_000 --out seeds.json
	$(BIN)/python benchmarks/train_speed.py --only lander-envpool,lander-gymnasium --out train_speed.json

# The built wheel in a clean environment with the extra `cpu` only.
wheel-test: $(INSTALLED)
	tests/wheel/check.sh

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,eval,gpu,dev]'
	touch $@

clean:
	rm -rf .venv dist build
