# One vocabulary for people and CI. Each target creates .venv and installs what it needs when missing.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

# In which a test opens the page that `lander eval --report` writes.
BROWSERS := chromium chromium-browser google-chrome

.PHONY: demo test browser lint bench wheel-test wheels clean

# Train for half a minute, export, score ten episodes, record a GIF.
demo: $(INSTALLED)
	$(BIN)/lander train
	$(BIN)/lander export
	$(BIN)/lander eval --episodes 10

# Everything that must hold before a change lands, slow training tests included.
test: lint browser
	$(BIN)/pytest

# Tried once where that needs nobody's leave; without one the rest is tested all the same.
browser:
	@for name in $(BROWSERS); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; then exit 0; fi; \
	echo "No chromium: tests/runtime/page/test_browser.py is skipped. On Debian: apt-get install chromium"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# A quick look at speed and seeds; the figures in README.md name their own commands.
bench: $(INSTALLED)
	$(BIN)/python benchmarks/act_speed.py
	$(BIN)/python benchmarks/seeds.py --seeds 3 --steps 1_000_000 --out seeds.json
	rm -f train_speed.json
	$(BIN)/python benchmarks/train_speed.py --only lander-envpool,lander-gymnasium --out train_speed.json

# The built wheel in a clean environment with the extra `cpu` only.
wheel-test: $(INSTALLED)
	tests/wheel/check.sh

# One wheel for each system, with the simulator inside, in dist/; needs PyPI's ziglang.
wheels: $(INSTALLED)
	$(BIN)/python simulator/wheels.py

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,eval,gpu,dev]'
	touch $@

clean:
	rm -rf .venv dist build
