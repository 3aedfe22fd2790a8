# Two commands do everything from a clean clone: `make demo` and `make test`.
# DISTRO=jazzy uses the Jazzy wheels instead of Kilted's. Needs CPython >= 3.10, gcc and cmake.
DISTRO ?= kilted
PYTHON ?= python3
VENV := .venv-$(DISTRO)
BIN := $(VENV)/bin
SOURCES := $(shell find altmarl_ros launch config msg cmake -type f -not -name '*.pyc') \
           CMakeLists.txt package.xml setup.py pyproject.toml
INTERFACES := $(shell find test/interfaces cmake -type f -not -name '*.pyc')
DISCOVERY := ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST

.PHONY: demo test soak check docs install interfaces clean

demo: install
	$(DISCOVERY) $(BIN)/altmarl demo --out demo

# What fails is tried once more, and listed: machines stall, and most of this waits for other processes.
test: install interfaces check
	$(DISCOVERY) $(BIN)/pytest -n 4 --reruns 1 -m "(untimed or not ros) and not soak"
	$(DISCOVERY) $(BIN)/pytest --reruns 1 -m "ros and not untimed and not soak"

soak: install interfaces
	$(DISCOVERY) $(BIN)/pytest -m soak

check: install docs
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

install: $(VENV)/.installed

$(VENV)/.dependencies: requirements/$(DISTRO).txt requirements/dev.txt requirements/docs.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/$(DISTRO).txt -r requirements/dev.txt -r requirements/docs.txt
	touch $@

$(VENV)/.installed: $(VENV)/.dependencies $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check .
	touch $@

# Messages that the package index lacks, for the tests alone; those of a ROS installation are used where they are.
interfaces: $(VENV)/.interfaces

$(VENV)/.interfaces: $(VENV)/.dependencies $(INTERFACES)
	$(BIN)/python test/interfaces/build.py
	touch $@

clean:
	rm -rf .venv-* build install log demo site *.egg-info
