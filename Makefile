# Each target sets up what it needs and does its job. All that must be there is Python 3.11 to 3.13 and make.
#   make PYTHON=python3.12 test     another Python        make test SEED=7    other random numbers
#   make demo ARGS="--out results"  further arguments     make test ARGS="-k beam"

# the first that fits; asked only when something must be installed
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python, \
	$(shell $(name) -c 'import sys; print("$(name)" if (3, 11) <= sys.version_info[:2] <= (3, 13) else "")' 2>/dev/null)) python3)
VENV ?= .venv
WORKERS ?= 3
SEED ?= 20240611
ARGS ?=

BIN := $(VENV)/bin
ENVIRONMENT = $(PYTHON) tools/environment.py
PINNED := pyproject.toml constraints.txt tools/environment.py
ROOMS := app analysis config drivers procedures sim_instruments storage
TYPED := $(ROOMS) $(wildcard xraybench.py) tests $(if $(wildcard benchmarks/*.py),benchmarks) tools

export PYTHONNOUSERSITE := 1
# without compiled files each process compiles half a second's worth of modules anew
unexport PYTHONDONTWRITEBYTECODE

.NOTPARALLEL: # two pips in one environment harm each other
.DELETE_ON_ERROR:
.PHONY: help demo test gui bench faults screenshots docs lint format clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

demo: $(VENV)/.installed ## measure on the simulated bench, from a spectrum to a sensitivity
	@$(BIN)/xraybench demo $(ARGS)

gui: $(VENV)/.installed-gui ## open the window
	@$(BIN)/xraybench gui $(ARGS)

# one thread each: the workers already use every core
test: $(VENV)/.installed-dev ## run the tests
	@echo "tests in random order, seed $(SEED) (make test SEED=$(SEED) repeats it)"
	@QT_QPA_PLATFORM=offscreen MPLBACKEND=Agg OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -p randomly -p xdist -p "no:cacheprovider" \
	--randomly-seed=$(SEED) --cov --cov-report=term $(ARGS)

lint: $(VENV)/.installed-dev ## check style, types and floors
	@$(BIN)/ruff check --quiet . && echo "ruff check: clean"
	@$(BIN)/ruff format --check --quiet . && echo "ruff format: clean"
	@$(BIN)/mypy --no-error-summary $(TYPED) && echo "mypy --strict: clean"
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.installed-dev ## bring the code into shape
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

bench: $(VENV)/.installed-bench ## compare the speed with other programs and the intervals with the truth
	@failed=0; for script in benchmarks/[a-z]*.py; do \
	  name=$$(basename $$script .py); echo "== $$name"; \
	  MPLBACKEND=Agg $(BIN)/python -m benchmarks.$$name $(ARGS) || failed=1; \
	done; exit $$failed

faults: $(VENV)/.installed-dev ## try what can go wrong, and write the tables of docs/safety.md
	@MPLBACKEND=Agg OMP_NUM_THREADS=1 $(BIN)/python -m app.faults $(ARGS)

screenshots: $(VENV)/.installed-dev ## draw the window's main states into docs/images
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m app.gui.screenshots docs/images

docs: $(VENV)/.installed-docs ## build the documentation into docs/_build and run the code in it
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build
	@$(BIN)/python docs/check_links.py docs/_build
	@MPLBACKEND=Agg OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) -p xdist --dist loadfile \
	-p no:randomly -p "no:cacheprovider" docs
	@echo "open docs/_build/index.html"

# run files are nobody's to delete but the user's: runs/ and demo/ stay
clean: ## remove the environment and what was built
	rm -rf $(VENV) build dist *.egg-info docs/_build htmlcov .coverage .coverage.* \
	  .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@for room in $(ROOMS) tests benchmarks tools docs; do \
	  [ ! -d $$room ] || find $$room -name __pycache__ -type d -prune -exec rm -rf {} + ; done

$(VENV)/.installed: $(PINNED)
	@$(ENVIRONMENT) $(VENV)
	@touch $@

$(VENV)/.installed-gui: $(PINNED)
	@$(ENVIRONMENT) --qt window $(VENV) gui
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: $(PINNED)
	@$(ENVIRONMENT) --qt test $(VENV) gui dev camera basler cluster
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: $(PINNED)
	@$(ENVIRONMENT) $(VENV) bench
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: $(PINNED)
	@$(ENVIRONMENT) $(VENV) docs dev
	@touch $@ $(VENV)/.installed
