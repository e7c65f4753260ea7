# Targets work from a fresh checkout: each makes a virtual environment first when it is missing or older than pyproject.toml.
.DEFAULT_GOAL := help
.PHONY: help demo test test-full test-lava-suite lint types records python clean

# Python 3.10, where Lava runs, or else the newest there is, in .venv. `make demo PYTHON=python3.13` (or a path) takes
# that one, in .venv-3.13.
SEARCHED := $(or $(PYTHON),python3.10 python3.14 python3.13 python3.12 python3.11 python3)
SAY := import sys; assert (3, 10) <= sys.version_info < (3, 15); print("%d.%d" % sys.version_info[:2], sys.executable)
hash := \#
comma := ,
FOUND := $(shell for name in $(SEARCHED); do \
    for python in "$$name" "$${PYENV_ROOT:-$$HOME/.pyenv}/versions/$${name$(hash)python}".*/bin/python; do \
        "$$python" -c '$(SAY)' 2>/dev/null && exit; \
    done; done)
VERSION := $(firstword $(FOUND))
VENV := .venv$(if $(PYTHON),-$(VERSION))
BIN := $(VENV)/bin
LAVA := $(filter 3.10,$(VERSION))

# What each target needs of pyproject.toml's extras: no torch for the demo, nor for tests where Lava is not.
FOR_DEMO := $(VENV)/.demo-$(VERSION)
FOR_TEST := $(VENV)/.test-$(VERSION)
$(FOR_DEMO): EXTRAS := lava,plots
$(FOR_TEST): EXTRAS := test$(if $(LAVA),$(comma)all)

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1\t/p' Makefile | expand -t 26

demo: python $(FOR_DEMO)  ## digits, learned with integers only, checked against Lava, compiled, drawn
	@$(BIN)/neuromorph demo

test: python lint $(if $(LAVA),types)  ## lint, types (where Lava is), and every test that is not marked full
	@$(BIN)/pytest -n auto --maxprocesses 4 -m "not full"

test-full: python lint $(if $(LAVA),types)  ## lint, types, and every test
	@$(BIN)/pytest -n auto --maxprocesses 4

# Lava's tests are not ours to hold: the source distribution of lava-nc on the package index has them.
test-lava-suite: python $(FOR_TEST)  ## Lava's own fixed-point tests through simulate: LAVA_TESTS=folder of a checkout of Lava
	@if test -d "$(LAVA_TESTS)/tests/lava"; then cd "$(LAVA_TESTS)" && PYTHONPATH="$(CURDIR)/tests:$$PWD" "$(CURDIR)/$(BIN)/python" -m pytest -q \
	    -c /dev/null --rootdir "$$PWD" -p lava_suite -p no:cacheprovider -n 0 --disable-warnings tests/lava/proc tests/lava/magma/core; \
	else echo "skipped: LAVA_TESTS names no checkout of Lava with its tests"; fi

lint: $(FOR_TEST)  ## ruff: rules and formatting
	@$(BIN)/ruff check --quiet --output-format concise .
	@$(BIN)/ruff format --check --quiet .

# mypy does not see the folders that an editable install maps into the package, so it reads an installed copy.
# build/ goes first: setuptools would carry files deleted from the source over into the copy.
types: $(FOR_TEST)  ## mypy --strict
	@rm -rf build
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --target build/typed .
	@cd build && MYPYPATH=typed ../$(BIN)/mypy --strict --no-error-summary \
	    --config-file ../pyproject.toml --cache-dir ../.mypy_cache -p neuromorph

records: $(FOR_TEST)  ## write down Lava's bits anew, for the Pythons that it does not run on
	@$(BIN)/python tests/record.py

python:  ## say which Python the other targets take
	@test -n "$(VERSION)" || { echo "$(or $(PYTHON),Python 3.10 to 3.14) is not here, or no Python 3.10 to 3.14:" \
	    "install one with its venv module, or run 'pyenv install 3.13'." >&2; exit 1; }
	@echo "Python $(VERSION)$(if $(LAVA),, without Lava (it runs on 3.10 only)), in $(VENV)"

clean:  ## remove what the other targets made, except .venv and its like
	@rm -rf build dist *.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache
	@find neuromorph processes networks deploy tests -name __pycache__ -prune -exec rm -rf {} +

$(FOR_DEMO) $(FOR_TEST): pyproject.toml | python
	@test -x $(BIN)/python$(VERSION) && $(BIN)/python -m pip --version >/dev/null 2>&1 || \
	    "$(wordlist 2,99,$(FOUND))" -m venv --clear $(VENV)
	@echo "Installing neuromorph and what it needs into $(VENV) (the first time takes a minute, with torch minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@
