# Everything sets itself up: `make demo` needs a Debian-like machine with python3, `make test` too.
PYTHON ?= python3
ARGS ?=
RUN := .venv
DEV := .venv-dev

.PHONY: demo faults fleet test check format bench zoo reproduce packages clean

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

bench: $(DEV)/installed         ## ratios against baselines, from interleaved runs
	$(DEV)/bin/python -m benchmarks $(ARGS)

fleet: $(DEV)/installed packages ## a thousand boxes against one broker and a database
	$(DEV)/bin/python -m benchmarks.fleet $(ARGS)

zoo: $(DEV)/installed           ## rebuild the released network and its card: make zoo DATA=folder
	$(DEV)/bin/python -m models.commands release --recipe models/zoo/bearing.yaml --data $(DATA)

# Hours; with ARGS=--quick minutes, and the documents are checked instead of written.
reproduce: $(DEV)/installed     ## docs/PAPER.md and docs/TRIALS.md anew: make reproduce DATA=folder
	$(DEV)/bin/python -m models.reproduce --data $(DATA) $(ARGS)

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
	  mkfs.ext4:e2fsprogs pg_ctlcluster:postgresql; do \
	  command -v $${name%:*} >/dev/null || $(MAKE) --no-print-directory apt-$${name#*:} || exit 1; \
	done

apt-%:
	$(APT) update -qq
	DEBIAN_FRONTEND=noninteractive $(APT) install -y -qq --no-install-recommends $* >/dev/null

clean:
	rm -rf $(RUN) $(DEV) build dist *.egg-info
