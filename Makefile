# Two commands do all the set-up: `make run` (install, start the meter) and `make test`.
# The first Python that is new enough, or the one you name: make run PYTHON=/path/to/python3.13
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
endif
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := install
.PHONY: install run test e2e slow lint types check screenshots clean

# One line saying what to install beats a traceback.
$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "tmuxmeter needs Python 3.11 or newer: install python3 (e.g. apt install python3 python3-venv, brew install python)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tmuxmeter needs Python 3.11 or newer; $(PYTHON) is none"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "tmuxmeter needs Python's venv module: install python3-venv"; exit 1; }
	@command -v tmux >/dev/null 2>&1 || { echo "tmuxmeter needs tmux 3.2 or newer: install tmux (e.g. apt install tmux, brew install tmux)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . && touch $@

$(VENV)/.installed-dev: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $$($(BIN)/python scripts/requirements.py dev) && touch $@

install: $(STAMP)

run: $(STAMP)
	@$(BIN)/tmuxmeter up --demo-if-empty

test: $(VENV)/.installed-dev
	$(BIN)/python tests/twice.py -n auto -q

slow: $(VENV)/.installed-dev
	$(BIN)/python tests/twice.py -q -m slow

e2e: $(VENV)/.installed-dev
	$(BIN)/python tests/twice.py tests/e2e -m e2e -q -p no:xdist

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

check: lint types test

screenshots: $(VENV)/.installed-dev
	$(BIN)/python scripts/screenshots.py

clean:
	rm -rf $(VENV) .e2e .mypy_cache .ruff_cache .pytest_cache .hypothesis
