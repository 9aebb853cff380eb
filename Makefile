SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: docs demo demo-all bench bench-gpu benched test test-long attacks lint schemas lock release-check install
.DELETE_ON_ERROR:

PYTHON ?= python3
CORES ?= 2
INSTALLED := .venv/.installed
DEMO := results/tables/table5.csv results/report.html
# The ways to these are the longest: their jobs go first, the others beside them.
LONGEST := $(foreach r,predict/demo.smollm2-135m.conv_term.draw1 select/demo.smollm2-135m.curated.draw1+llm_cls,results/$(r).parquet)
# The console has what jobs say, and Snakemake's steps by tens of per cent; the log has the rest.
BRIEF := --quiet rules reason host 2>&1 | python tools/brief.py
# uv is several times faster than pip, but does not read pip's settings: what they say is handed on,
# and where it cannot install, pip does. PyTorch's CPU build comes first, where there is one; its
# CUDA build, which the package index has for Linux, needs more packages.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
locked = uv pip install --system-certs --require-hashes -r requirements.lock -r requirements-$(1).lock
# Rules call `python`: the environment's comes first. Modules stay compiled, whatever the user's
# shell says: a job that loads torch starts in half the time.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONDONTWRITEBYTECODE :=

demo: $(INSTALLED)  ## from the synthetic sample to a table, on two CPU cores
	@snakemake $(DEMO) --configfile config/demo.yaml --cores $(CORES) --resources mem_mb=5000 \
		--prioritize $(LONGEST) --rerun-incomplete $(BRIEF) || { echo "The demo\
	 stopped; the lines above and the logs that they name say why. 'make demo' goes on from there. If the directory is locked\
	 and no other run is going on, call '.venv/bin/snakemake --unlock' first." >&2; exit 1; }
	@echo; cat results/tables/table5.md
	@echo; echo "Table:  results/tables/table5.csv"; echo "Report: $(CURDIR)/results/report.html"

demo-all: $(INSTALLED)  ## every table and figure, and the report, on two CPU cores
	snakemake tables report --configfile config/demo-all.yaml --cores $(CORES) \
		--resources mem_mb=5000 --rerun-incomplete --keep-going $(BRIEF)

BENCHED := ncbi_disease
MEASURED := benchmarks/results
MIRROR ?=
SUITE = python benchmarks/suite.py --rendered results/render/$(BENCHED) --examples results/corpora/$(BENCHED)
bench: benched  ## how fast it is, beside what else there is, and how it grows; MIRROR: raw files
	$(SUITE) --out $(MEASURED)/cpu.csv
	python benchmarks/growth.py --out $(MEASURED)/growth.csv
	python benchmarks/draw.py $(MEASURED)/growth.csv benchmarks/notes/growth
	$(if $(MIRROR),python -P benchmarks/corpora.py mirror --mirror $(MIRROR) > $(MEASURED)/mirror.csv)
	$(if $(MIRROR),python -P benchmarks/corpora.py datasets --mirror $(MIRROR) > $(MEASURED)/datasets.csv)

bench-gpu: benched  ## the same on a GPU, at the shapes that it is for
	$(SUITE) --gpu --out $(MEASURED)/gpu.csv

benched: $(INSTALLED)
	snakemake $(foreach f,train.json_entity train.conv_term test.json_entity test.multi_term,\
		results/render/$(BENCHED)/$(f).parquet) --configfile config/small.yaml \
		$(if $(MIRROR),--config mirror=$(MIRROR)) --cores $(CORES) --quiet all

test: lint  ## everything that must hold before a commit
	pytest -n $(CORES) --dist loadfile

test-long: $(INSTALLED)  ## what takes too long for each commit: fuzzing, kills, growth
	pytest -n $(CORES) --dist loadfile -m long
	pytest -n $(CORES) --hypothesis-profile default -m hypothesis

attacks: $(INSTALLED)  ## run the tests of attacks; write their outcomes into docs/security.md
	-pytest -n $(CORES) --dist loadfile -m "" --junitxml .attacks.xml $$(python tests/attacks.py)
	python tests/attacks.py .attacks.xml

lint: $(INSTALLED)
	ruff check
	ruff format --check
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint

docs: $(INSTALLED)  ## the documentation as a site in site/
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict

schemas: $(INSTALLED)  ## what is generated from the settings: workflow/schemas, config/README.md
	python -m bionerflow.config.reference

lock:  ## after a change in pyproject.toml: the exact versions and hashes, and those for conda
	python tools/lock.py

release-check: $(INSTALLED)  ## a release's dry run: versions agree; wheel, bill of materials, licences
	python tools/release.py $(TAG)

install: $(INSTALLED)  ## the locked packages and the project itself, into .venv

$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@echo "Installing the packages of requirements.lock into .venv (once, 1 to 10 minutes):"
	@$(PYTHON) -m venv .venv
	@python -m pip install --quiet --disable-pip-version-check $(shell grep -o '^uv==[^ ]*' requirements.lock)
	@$(call locked,cpu) || $(call locked,cuda) || \
		python -m pip install -r requirements.lock || \
		python -m pip install -r requirements.lock -r requirements-cuda.lock
	@uv pip install --no-deps --no-build-isolation -e .
	@touch $@
