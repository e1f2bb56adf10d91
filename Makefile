# make demo and make test are all a newcomer needs; `make help` lists the rest.
PYTHON ?= $(or $(firstword $(foreach name,python3.11 python3.12 python3.13,$(shell command -v $(name)))),python3.11)
VENV := .venv
BIN := $(VENV)/bin
AUDIT := .cache/audit
READY := $(VENV)/.ready
KAFKA_BOOTSTRAP_SERVERS ?= 127.0.0.1:9092

.PHONY: help setup lock demo test lint fast bench wheel sbom audit-deps test-wheel test-compose test-systemd test-kafka test-secure test-stack test-faults soak kafka-up kafka-down clean

help: ## what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

setup: $(READY) ## make the environment in .venv (Python 3.11 to 3.13: PYTHON=python3.13), pinned by hashes

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not here: install Python 3.11, 3.12 or 3.13, or name one with 'make PYTHON=/path/to/python3.13'" >&2; exit 2; }
	@echo "making the environment in $(VENV) (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q monitor streams
	@touch $(READY)

lock: ## resolve requirements.lock anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev pyproject.toml -o requirements.lock
	@$(BIN)/python -m deploy.run_time requirements.lock --image > deploy/image.lock

demo: $(READY) ## embedded broker, the daemon, a theft in January 2018, and the alerts it raises
	@$(BIN)/reserve-monitor demo

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fast: $(READY)
	@$(BIN)/pytest -m "not kafka and not stack and not slow and not wheel" -n 2 --dist worksteal

.PHONY: explore
explore: $(READY) ## the layers that draw examples, with new ones each time (SEED=1 to draw some again)
	@$(BIN)/pytest -m "not kafka and not stack and not slow and not wheel and not broker" -n 2 --dist worksteal \
		--hypothesis-profile=explore $(if $(SEED),--hypothesis-seed=$(SEED)) tests/unit tests/properties tests/simulation tests/contract

test: lint fast ## lint, types, import contracts and every fast test layer

bench: $(READY) ## speed, as ratios against a baseline in the same run (BROKER=kafka for Apache Kafka)
	@$(BIN)/python -m benchmarks

wheel: $(READY) ## dist/: the wheel and, pinned by hashes, what it needs at run time
	@rm -rf build dist
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@$(BIN)/python -m deploy.run_time requirements.lock > dist/requirements.txt
	@rm -rf build
	@ls dist

$(AUDIT)/.ready: deploy/audit/requirements.txt
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r deploy/audit/requirements.txt
	@touch $@

dist/requirements.txt: $(READY)
	@mkdir -p dist
	@$(BIN)/python -m deploy.run_time requirements.lock > $@

sbom: $(AUDIT)/.ready dist/requirements.txt ## dist/: what is in a release, as CycloneDX, and under which licences
	@$(AUDIT)/bin/cyclonedx-py requirements dist/requirements.txt --output-format JSON --output-file dist/sbom.cdx.json
	@$(AUDIT)/bin/pip-licenses --python $(BIN)/python --format csv --output-file dist/licences.csv \
		--packages $$(sed -nE 's/^([A-Za-z0-9._-]+)==.*/\1/p' dist/requirements.txt)

audit-deps: $(AUDIT)/.ready dist/requirements.txt ## known vulnerabilities of what runs; fails too where the data base does not answer
	@$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes -r dist/requirements.txt

test-wheel: wheel ## install that wheel into a clean environment and run it there
	@$(BIN)/pytest -m wheel tests

test-compose: ## build the image and hold the Compose stack to what it promises (root, Debian; stand-ins where no registry answers)
	@deploy/compose/trial/run

test-systemd: wheel ## the install script and the units under a systemd of their own (root, Debian)
	@deploy/systemd/trial/run

kafka-up: $(READY) ## a real Apache Kafka broker without Docker (Java 17, Maven); SECURE=1: TLS, users, certificates, ACLs
	@PYTHON=$(BIN)/python SECURE=$(SECURE) deploy/kafka/up

kafka-down: ## stop it
	@deploy/kafka/down

.PHONY: mutate
mutate: $(READY) ## change the product at random places: do the tests notice? (SAMPLE=40 SEED=1)
	@$(BIN)/python -m tests.mutation --count $(or $(SAMPLE),40) $(if $(SEED),--seed $(SEED))

.PHONY: tamper
tamper: $(READY) ## forge bundles of evidence in every way and several at once: is each found and named? (COUNT=3000 SEED=1)
	@$(BIN)/python -m tests.tampering.trials --count $(or $(COUNT),3000) --seed $(or $(SEED),1)

.PHONY: determinism
determinism: $(READY) ## seeded histories with crashes, hand-overs, paused workers, other batches: the same bytes? (COUNT=200 SEED=1)
	@$(BIN)/python -m tests.simulation.hand_over --count $(or $(COUNT),200) --seed $(or $(SEED),1)

.PHONY: golden
golden: $(READY) ## the digests of a seeded run, written anew after a change of behaviour that is meant
	@$(BIN)/python -m tests.golden.run

.PHONY: fixture
fixture: $(READY) ## journal and snapshot of this version, which later ones must read: before a release, or after a new state version
	@$(BIN)/python -m tests.fixtures.release

test-kafka: $(READY) ## the broker contract, unchanged, on Apache Kafka
	@KAFKA_BOOTSTRAP_SERVERS=$(KAFKA_BOOTSTRAP_SERVERS) $(BIN)/pytest -m "kafka and not slow" tests

test-secure: $(READY) ## every principal against a broker with TLS, SCRAM, certificates and ACLs (make kafka-up SECURE=1)
	@KAFKA_SECURE=$(or $(KAFKA_SECURE),.cache/kafka/run-$(lastword $(subst :, ,$(KAFKA_BOOTSTRAP_SERVERS)))/tls) \
		KAFKA_BOOTSTRAP_SERVERS=$(KAFKA_BOOTSTRAP_SERVERS) $(BIN)/pytest tests/secure

test-stack: $(READY) ## with the real Prometheus and Alertmanager
	@deploy/stack/fetch
	@$(BIN)/pytest -m stack tests

test-faults: $(READY) ## the full fault counts on both brokers (make kafka-up): 2 million trades and the real days, 20 kills each
	@KAFKA_BOOTSTRAP_SERVERS=$(KAFKA_BOOTSTRAP_SERVERS) $(BIN)/pytest -s -m "slow and not stack" tests

soak: test-faults

clean: ## remove the environment and caches
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.PHONY: calendars
calendars: $(READY) ## the holidays that ship, made anew from the holidays library: after it was raised in the lock
	@$(BIN)/python -m deploy.calendars

.PHONY: words
words: $(READY) ## reports in other languages: bring the catalogue up to date with the code, and compile it
	@$(BIN)/python -m deploy.words
