# Everything sets itself up: `make demo` needs a Debian-like machine with python3, `make test` too.
PYTHON ?= python3
ARGS ?=
RUN := .venv
DEV := .venv-dev

# Which wheels the Debian package is made of: those of the target's Python (Debian 12: 3.11).
DEB_PYTHON ?= 3.11

.PHONY: demo faults deb boot-test test check format bench zoo trials reproduce packages boot-packages clean

demo: $(RUN)/installed          ## watch a simulated machine's fault being found, over MQTT
	@$(RUN)/bin/drsn-agent demo $(ARGS)

test: $(DEV)/installed packages ## the tests; a real broker, the real process
	$(DEV)/bin/python -m pytest $(ARGS)

check: $(DEV)/installed         ## lint, format and types
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy

format: $(DEV)/installed
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

faults: $(DEV)/installed packages ## everything that breaks in the field, against the real process
	$(DEV)/bin/python -m tests.faults $(ARGS)

deb: $(RUN)/installed           ## dist/drsn-agent_VERSION_{amd64,arm64}.deb
	for arch in amd64 arm64; do \
	  PYTHON=$(RUN)/bin/python DEB_PYTHON=$(DEB_PYTHON) deploy/deb/build.sh $$arch || exit 1; \
	done

boot-test: $(DEV)/installed deb boot-packages ## as root: the package's life on a fresh Debian
	version=$$($(DEV)/bin/python -c 'import agent; print(agent.__version__)'); \
	$(DEV)/bin/python -m tests.boot dist/drsn-agent_$${version}_$$(dpkg --print-architecture).deb --write

bench: $(DEV)/installed packages ## ratios against baselines; the whole agent: ARGS=--write
	$(DEV)/bin/python -m benchmarks
	$(DEV)/bin/python -m benchmarks.whole $(ARGS)

zoo: $(DEV)/installed           ## rebuild the released network and its card: make zoo DATA=folder
	$(DEV)/bin/python -m models.commands release --recipe models/zoo/bearing.yaml --data $(DATA)

trials: $(DEV)/installed        ## families compared: make trials DATA=folder
	$(DEV)/bin/python -m models.trials run --data $(DATA)
	$(DEV)/bin/python -m models.trials table

# A step a table: `run` makes what is missing, `table` writes it down. ARGS=--quick goes with each.
reproduce: $(DEV)/installed     ## the tables of docs/PAPER.md anew: make reproduce DATA=folder
	$(DEV)/bin/python -m models.paper run --data $(DATA) $(ARGS)
	$(DEV)/bin/python -m models.paper table $(ARGS)

# The daemon's own environment: no torch in it.
$(RUN)/installed: pyproject.toml
	$(call venv,$(RUN))
	$(RUN)/bin/python -m pip install --quiet --editable '.[demo]'
	@touch $@

# What developers need on top: training, tests, tools.
$(DEV)/installed: pyproject.toml
	$(call venv,$(DEV))
	$(DEV)/bin/python -m pip install --quiet --editable '.[demo,train,test]'
	@touch $@

# Debian's python3 comes without venv's own part; its broker and strace are what tests talk to.
APT = $(if $(filter 0,$(shell id -u)),,sudo )apt-get
define venv
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory apt-python3-venv
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
endef

packages:
	@PATH=$$PATH:/usr/sbin:/sbin; \
	for name in mosquitto mosquitto_sub:mosquitto-clients strace openssl faketime ip:iproute2 iptables \
	  mkfs.ext4:e2fsprogs systemd-analyze:systemd shellcheck; do \
	  command -v $${name%:*} >/dev/null || $(MAKE) --no-print-directory apt-$${name#*:} || exit 1; \
	done

boot-packages:
	@for name in debootstrap systemd-nspawn:systemd-container nsenter:util-linux; do \
	  command -v $${name%:*} >/dev/null || $(MAKE) --no-print-directory apt-$${name#*:} || exit 1; \
	done

apt-%:
	$(APT) update -qq
	DEBIAN_FRONTEND=noninteractive $(APT) install -y -qq --no-install-recommends $* >/dev/null

clean:
	rm -rf $(RUN) $(DEV) build dist *.egg-info
