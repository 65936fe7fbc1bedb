# One vocabulary for people and CI. Each target makes its environment and installs what it needs when missing.
#
#     make demo                          .venv, with the python3 of this machine
#     make test PYTHON=python3.12        .venv-3.12: each Python version has an environment of its own
#     make demo ONNXRUNTIME=cpu          the CPU build of ONNX Runtime, also where an NVIDIA driver is
#     make demo ONNXRUNTIME=gpu          its GPU build without CUDA's libraries, where the system has them

PYTHON ?= python3
# pyenv installs a Python without putting it on PATH.
PYENV := $(wildcard $(HOME)/.pyenv/versions/$(patsubst python%,%,$(PYTHON)).*/bin/python)
FOUND := $(shell for python in $(PYTHON) $(PYENV); do $$python -c '' >/dev/null 2>&1 && echo $$python && break; done)
VERSION := $(shell test -n "$(FOUND)" && $(FOUND) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
DEFAULT_VERSION := $(shell python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv$(if $(filter-out $(DEFAULT_VERSION),$(VERSION)),-$(VERSION))
BIN := $(VENV)/bin

# ONNX Runtime: `cuda`, its GPU build with CUDA's libraries, where there is an NVIDIA driver (its tool, kernel
# module or library), else `cpu`.
DRIVER := $(shell command -v nvidia-smi || ls /proc/driver/nvidia/version 2>/dev/null \
	|| PATH=$$PATH:/sbin ldconfig -p 2>/dev/null | grep -m 1 'libcuda\.so\.1')
# Its GPU build is made for this platform only.
ONNXRUNTIME ?= $(if $(DRIVER),$(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),cuda,cpu),cpu)
ifeq ($(filter cpu gpu cuda,$(ONNXRUNTIME)),)
$(error ONNXRUNTIME=$(ONNXRUNTIME) is none of cpu, gpu and cuda)
endif
OTHER := $(if $(filter cpu,$(ONNXRUNTIME)),onnxruntime-gpu,onnxruntime)
# Gigabytes with the versions of constraints.txt on Linux: with a CPU build of PyTorch, and with its CUDA build,
# which brings CUDA's libraries itself.
SIZE_cpu := 0.3
SIZE_gpu := 0.5
SIZE_cuda := 1.8
SIZE := $(SIZE_$(ONNXRUNTIME))
SIZE_CUDA := $(if $(filter cpu,$(ONNXRUNTIME)),2.8,3.1)

# Processes that run tests side by side. A test file stays in one of them.
JOBS ?= 2

INSTALLED := $(VENV)/.installed-$(ONNXRUNTIME)
DEV_INSTALLED := $(VENV)/.installed-$(ONNXRUNTIME)-dev
PIP_INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

# In which tests open the page that `lander eval --report` writes and the one that `make browser` builds.
BROWSERS := chromium chromium-browser google-chrome

# What tests of JavaScript compare its actions with: tests/examples/judge/package.json pins the version.
JUDGE_INSTALLED := build/node/.installed

.PHONY: demo test test-pythons browser images chromium node judge lint bench wheel-test wheels docs install install-dev python clean

# Train, export, score ten episodes, record a GIF.
demo: $(INSTALLED)
	$(BIN)/lander train
	$(BIN)/lander export
	$(BIN)/lander eval --episodes 10
	@command -v lander >/dev/null || echo "Before you type lander in this shell: source $(BIN)/activate"

# Everything that must hold before a change lands, slow training tests included. Linting waits for the processor
# and `judge` for the network, so they go together.
test: install-dev chromium node
	$(MAKE) --jobs 2 lint judge
	$(MAKE) browser images
	$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile $(PYTEST_ARGS)

# `make test` on each Python that lander supports and this machine has; a summary at the end.
test-pythons:
	tests/pythons/check.sh

# LunarLander in a web page, in build/browser/: physics as WebAssembly, the policy that ships, all in one file.
browser: | $(BIN)/python
	@$(BIN)/python examples/browser/build.py

# Doom's pictures and what a policy makes of them in a web page, in build/images/; needs npm and the extra doom.
images: $(DEV_INSTALLED)
	@$(BIN)/python examples/images/build.py >/dev/null || echo "The tests of the page of pictures are skipped."

# These two are installed where that needs no password; without them, some tests are skipped.
chromium:
	@for name in $(BROWSERS); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; then exit 0; fi; \
	echo "No chromium: the tests of pages are skipped. On Debian: apt-get install chromium"

node:
	@command -v node >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs >/dev/null; then exit 0; fi; \
	echo "No node: the tests of JavaScript are skipped. On Debian: apt-get install nodejs"

# Left out are its install script, which fetches CUDA's provider, and a lock file, which names a registry.
judge: $(JUDGE_INSTALLED)

$(JUDGE_INSTALLED): tests/examples/judge/package.json | node
	@mkdir -p $(@D) && cp $< $(@D)/
	@npm install --prefix $(@D) --ignore-scripts --no-package-lock --no-audit --no-fund --fetch-retries 1 --silent \
		&& touch $@ || echo "npm did not install onnxruntime-node (113 MB): the test that it judges is skipped."

lint: $(DEV_INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# A quick look at speed and seeds; the figures in README.md name their own commands.
bench: $(DEV_INSTALLED)
	$(BIN)/python benchmarks/act_speed.py
	$(BIN)/python benchmarks/seeds.py --seeds 3 --steps 1_000_000 --out seeds.json
	rm -f train_speed.json
	$(BIN)/python benchmarks/train_speed.py --only lander-native,lander-gymnasium --out train_speed.json

# The built wheel in a clean environment with the extra `cpu` only.
wheel-test: $(DEV_INSTALLED)
	tests/wheel/check.sh $(BIN)/python

# One wheel for each system, with the simulator and the web page inside, in dist/; needs PyPI's ziglang.
wheels: browser | $(BIN)/python
	$(BIN)/python simulator/wheels.py

# The documentation as a site, in build/site/; strict, so a link that leads nowhere fails. With --quiet, MkDocs would
# not count the warnings that strict is about.
docs: $(INSTALLED) browser
	$(PIP_INSTALL) --editable '.[docs]'
	$(BIN)/mkdocs build --strict
	@echo "build/site/index.html"

install: $(INSTALLED)

install-dev: $(DEV_INSTALLED)

# Which Python PYTHON is; empty where this machine has none of that name.
python:
	@echo $(FOUND)

$(BIN)/python:
	@test -n "$(FOUND)" || { echo "No $(PYTHON) here. lander needs Python 3.11 to 3.13: make demo PYTHON=..." >&2; exit 1; }
	@case "$(VERSION)" in 3.11|3.12|3.13) ;; *) \
		echo "$(FOUND) is Python $(VERSION); lander needs 3.11 to 3.13: make demo PYTHON=python3.12" >&2; exit 1;; esac
	$(FOUND) -m venv $(VENV)

# The two builds of ONNX Runtime own the same files: the wrong one goes before the right one comes.
$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing train, eval and $(ONNXRUNTIME) into $(VENV). The first time: $(SIZE) GB to download" \
		"($(SIZE_CUDA) GB where PyTorch comes with CUDA), 1 to 3 minutes."
	@if $(BIN)/python -m pip show --quiet $(OTHER) 2>/dev/null; then \
		$(BIN)/python -m pip uninstall --quiet --yes onnxruntime onnxruntime-gpu; fi
	@rm -f $(VENV)/.installed*
	$(PIP_INSTALL) --editable '.[train,eval,$(ONNXRUNTIME)]'
	@touch $@

$(DEV_INSTALLED): $(INSTALLED)
	@echo "Installing dev into $(VENV). The first time: 0.5 GB to download, 1 to 2 minutes."
	$(PIP_INSTALL) --editable '.[train,eval,$(ONNXRUNTIME),dev]'
	@touch $@

clean:
	rm -rf .venv .venv-* dist build
