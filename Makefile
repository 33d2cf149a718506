# Two commands: `make demo` and `make test`. Both make .venv with the pinned packages first.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test server worker torture install

demo: install
	dvc repro report@circled_letter
	plumbline recipe results circled_letter

test: install
	ruff check .
	ruff format --check .
	mypy
	pytest -n 2 --dist loadfile # a file's tests share what its fixtures made

server: install # a Prefect server, its workers and the schedules of prefect.yaml: docs/flows.md
	python -m flows.server $(if $(WORKERS),--workers $(WORKERS))

worker: install # on another machine: takes the stages of a work pool; POOL=gpu or cpu
	python -m flows.worker $(or $(POOL),gpu)

torture: install # the long campaigns: kill -9 in trainings and in flows, over and over
	python -m bench.torture_resume
	python -m bench.torture_flows .scratch/torture

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@
