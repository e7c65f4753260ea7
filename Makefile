# Targets work from a fresh checkout: each makes .venv first when it is missing or older than pyproject.toml.
.DEFAULT_GOAL := help
.PHONY: help demo test test-full lint types clean

BIN := .venv/bin
INSTALLED := .venv/.installed

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1\t/p' Makefile | expand -t 20

demo: $(INSTALLED)  ## digits, learned with integers only, checked against Lava, compiled, drawn
	@$(BIN)/neuromorph demo

test: lint types  ## lint, types, and every test that is not marked full
	@$(BIN)/pytest -n auto --maxprocesses 4 -m "not full"

test-full: lint types  ## lint, types, and every test
	@$(BIN)/pytest -n auto --maxprocesses 4

lint: $(INSTALLED)  ## ruff: rules and formatting
	@$(BIN)/ruff check --quiet --output-format concise .
	@$(BIN)/ruff format --check --quiet .

# mypy does not see the folders that an editable install maps into the package, so it reads an installed copy.
# build/ goes first: setuptools would carry files deleted from the source over into the copy.
types: $(INSTALLED)  ## mypy --strict
	@rm -rf build
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --target build/typed .
	@cd build && MYPYPATH=typed ../$(BIN)/mypy --strict --no-error-summary \
	    --config-file ../pyproject.toml --cache-dir ../.mypy_cache -p neuromorph

clean:  ## remove what the other targets made, except .venv
	@rm -rf build dist *.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache
	@find neuromorph processes networks deploy tests -name __pycache__ -prune -exec rm -rf {} +

CANDIDATES = python3.10 "$$(pyenv prefix 2>/dev/null)/bin/python" "$$HOME"/.pyenv/versions/3.10.*/bin/python python3 python

$(INSTALLED): pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	    for python in $(CANDIDATES); do \
	        "$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null && break; \
	        python=; \
	    done; \
	    test -n "$$python" || { echo "No Python 3.10 found, and Lava runs on no other: install python3.10" \
	        "with its venv module, or run 'pyenv install 3.10'." >&2; exit 1; }; \
	    "$$python" -m venv .venv; \
	}
	@echo "Installing neuromorph and what it needs into .venv (the first time takes minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@
