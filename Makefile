# Set-up and the usual jobs; `make` alone lists them.
# Only relative paths: make splits names at spaces, and the path of this folder may hold one.

PYTHON ?= python3.11
CONDA ?= conda
# P: parameters of the entry point, `make benchmark P="reference_model=svc n_iterations=200"`.
P ?=
# ARGS: further words for the command itself, `make test ARGS="-k parity"`.
ARGS ?=
# Each file of tests goes to one of up to four processes; `make test ARGS="-n 0"` for a single one.
# In their own order: those of few but long tests would come last otherwise, and one process be left with them.
WORKERS = -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# MLflow starts `python` and `uv` by name, so the environment comes first on PATH.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv
# Byte-code is compiled once, at install; without it each start compiles several hundred modules anew.
unexport PYTHONDONTWRITEBYTECODE
export UV_COMPILE_BYTECODE ?= 1
# A server that does not answer is reported within a minute; MLflow's own bounds add up to hours.
export MLFLOW_HTTP_REQUEST_MAX_RETRIES ?= 3
export MLFLOW_HTTP_REQUEST_TIMEOUT ?= 20

# Console scripts hold the path of the environment, so a folder that was moved is set up anew.
MOVED := $(shell [ "$$(cat .venv/.place 2>/dev/null)" = "$$(pwd -P)" ] || echo moved)

.DEFAULT_GOAL := help
.PHONY: help benchmark bench bench-peers test check lock ui clean programs moved

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

benchmark: .venv/.run ## convert, quantize, measure and register; parameters with P="name=value …"
	@.venv/bin/python -m mlflow run . -e benchmark --env-manager local $(foreach p,$(P),-P $(p)) $(ARGS)

test: .venv/.test programs ## run the tests
	@.venv/bin/python -m pytest $(WORKERS) $(ARGS)

check: .venv/.test ## lint, formatting, types and tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/python -m pytest $(WORKERS) $(ARGS)

bench: .venv/.run ## run the benchmark suite (an hour); ARGS="--only forest" for a part of it
	.venv/bin/python -m benchmarks.run $(ARGS)

bench-peers: .venv-peers/.done ## compare with other ways to serve (ten minutes; Linux on x86-64, gcc); ARGS="--only svc"
	.venv-peers/bin/python -m benchmarks.peers.run $(ARGS)

lock: .venv/.run ## make the lock files from conda.yaml and requirements-*.in; ARGS=--upgrade for newer ones
	.venv/bin/python -m tools.lock --conda "$(CONDA)" $(ARGS)

ui: .venv/.run ## open the local runs in a browser
	.venv/bin/python -m mlflow ui $(ARGS)

clean: ## remove the environments and the caches; runs and models stay
	rm -rf .venv .venv-peers .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment of a run: what requirements.lock says, each file checked by its hash.
# uv is installed by pip from its own entry in that lock, then installs the rest.
.venv/.run: requirements.lock $(MOVED)
	@command -v $(PYTHON) >/dev/null || { echo "make: expected $(PYTHON), found none; install python3.11 and python3.11-venv, or say make PYTHON=…" >&2; exit 1; }
	@echo "Setting up .venv: about 250 MB to fetch and 1 GB on disk, once."
	$(PYTHON) -m venv --clear .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.lock
	.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode requirements.lock
	@pwd -P > .venv/.place
	@touch $@

.venv/.test: requirements-dev.lock .venv/.run
	.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --compile-bytecode -r requirements.lock -r requirements-dev.lock
	@touch $@

# The peers are never part of a run: they stand beside its packages in an environment of their own.
.venv-peers/.done: requirements.lock requirements-peers.lock .venv/.run
	@command -v gcc >/dev/null || { echo "make: expected gcc, which compiles TL2cgen's models, found none; install gcc and make" >&2; exit 1; }
	@echo "Setting up .venv-peers: another 1.1 GB on disk, once."
	$(PYTHON) -m venv --clear --without-pip .venv-peers
	.venv/bin/uv pip install --quiet --python .venv-peers/bin/python --require-hashes --compile-bytecode -r requirements.lock -r requirements-peers.lock
	@touch $@

# Server programs come from Debian, not from here; the tests that need a missing one are skipped and counted.
programs:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || echo "not installed: postgresql (its tests are skipped)"
	@command -v chromium >/dev/null || echo "not installed: chromium (its tests are skipped)"
	@command -v java >/dev/null || echo "not installed: default-jre-headless (its tests are skipped)"
