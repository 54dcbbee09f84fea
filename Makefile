# `make help` lists the verbs. The two a newcomer needs are `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
ARGS ?=
PYTHON := .venv/bin/python

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

demo: ## the main job on this machine: a real study in, a clinician endorses, a draft report out
	@deploy/dev/venv runtime
	@.venv/bin/aval demo --prepare
	@.venv/bin/aval demo $(ARGS)

test: ## every test, with the real peers installed and started by the project's own scripts; ARGS="tests/gate -x" for some
	@deploy/dev/venv dev
	@deploy/dev/peers
ifeq ($(ARGS),)
	@$(PYTHON) -m coverage run -m pytest tests/guarantee
	@$(PYTHON) -m coverage report
	@$(PYTHON) -m pytest --ignore tests/guarantee
else
	@$(PYTHON) -m pytest $(ARGS)
endif

check: ## formatting, lint, types, import contracts, style, licences (no services)
	@deploy/dev/venv dev
	@.venv/bin/ruff check --no-cache .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --config deploy/dev/importlinter.toml
	@$(PYTHON) deploy/dev/licences.py

fix: ## let ruff mend what it can
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

lock: ## resolve pyproject.toml again into deploy/locks/
	@deploy/dev/lock

bench-dicom: ## DICOM in, beside Orthanc, DCMTK and pynetdicom; ARGS="--quick", "--reps 5", "--only one"; last line: JSON
	@deploy/dev/venv dev
	@deploy/dev/peers
	@$(PYTHON) -m tests.bench.dicom $(ARGS)

bench-inference: ## models through the worker beside bare sessions, series to tensor, end to end; ARGS="--quick"; last line: JSON
	@deploy/dev/venv dev
	@deploy/dev/peers
	@$(PYTHON) -m tests.bench.inference $(ARGS)

bench-dpi: ## what the record pushes, by FHIR and HL7v2, beside the record's own creates; ARGS="--quick"; last line: JSON
	@deploy/dev/venv dev
	@deploy/dev/peers
	@$(PYTHON) -m tests.bench.dpi $(ARGS)

bench-stop: ## how fast a stop is under load, and how fast results are found among a million; ARGS="--quick"; last line: JSON
	@deploy/dev/venv dev
	@deploy/dev/peers
	@$(PYTHON) -m tests.bench.stop $(ARGS)

peers: ## install the real peers the tests talk to (PostgreSQL, RabbitMQ, Orthanc, DCMTK, Chromium, validators)
	@deploy/dev/peers

clean: ## remove everything that `make` can rebuild
	rm -rf .venv .peers .aval .bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage

.PHONY: help demo test check fix lock bench-dicom bench-inference bench-dpi bench-stop peers clean
