# `make demo` and `make test` set up everything they need in .venv, once.
.PHONY: setup demo test chaos alerts dashboard kube stack fuzz check lint schemas pages audit clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
AUDIT := $(VENV)/audit
TORCH := $(shell grep '^torch==' constraints.txt)
CPU_INDEX ?= https://download.pytorch.org/whl/cpu

setup: $(STAMP)

# Without an NVIDIA GPU PyTorch's own index has a wheel a tenth the size; where it cannot be reached, the default index
# serves as well. The first try is quiet: its failure is expected and mended by the install that follows.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	command -v nvidia-smi >/dev/null 2>&1 || $(BIN)/python -c 'import torch' 2>/dev/null || \
	  $(BIN)/pip install --quiet --no-deps --index-url $(CPU_INDEX) --timeout 5 --retries 0 '$(TORCH)' 2>/dev/null || \
	  echo 'PyTorch from the default index: its CPU index is out of reach'
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[avro,aws,demo,otel,serve,trainer,dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/emotion-worker demo $(ARGS)

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# Every fault on a cluster of three brokers: hours; ROUNDS=1 for one round of each (tests/chaos/README.md).
chaos: $(STAMP)
	$(BIN)/python -m tests.chaos $(ARGS)

# Every alert fires and rests on a live stack with Prometheus: some 20 minutes (docker/ALERT_TRIALS.md).
alerts: $(STAMP)
	$(BIN)/python -m tests.alerts $(ARGS)

# Every question of the Grafana dashboard to a live Prometheus: some five minutes (docker/DASHBOARD_TRIAL.md).
dashboard: $(STAMP)
	$(BIN)/python -m tests.dashboard

# The Kubernetes manifests on a real API server, with KEDA; builds both from their Go modules, once: needs Go, some 40
# minutes of two cores (docker/KUBERNETES_TRIAL.md).
kube: $(STAMP)
	$(BIN)/python -m tests.kube

# The compose stack on a Docker engine: images, faults, a check, figures; writes docker/STACK.md.
stack: $(STAMP)
	$(BIN)/python -m tests.stack

# A million inputs through decode, a hundred thousand through a worker on Apache Kafka.
fuzz: $(STAMP)
	FUZZ_DECODED=1000000 FUZZ_STREAMED=100000 $(BIN)/pytest tests/fuzz $(ARGS)

check: lint test

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m schemas --check

schemas: $(STAMP)
	$(BIN)/python -m schemas

# The tables of settings, metrics, log events and reasons in the documents.
pages: $(STAMP)
	$(BIN)/python -m tests.pages

# sbom.json, the list of parts with their licences (CycloneDX), and what is known against the pinned ones. The tools have
# an environment of their own. Strict: a part that could not be looked up fails, and is not taken for a sound one.
audit: $(STAMP) $(AUDIT)/.set-up
	$(AUDIT)/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --of JSON --output-file sbom.json
	$(AUDIT)/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off --requirement constraints.txt

$(AUDIT)/.set-up:
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet 'cyclonedx-bom==7.5.0' 'pip-audit==2.10.1'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
