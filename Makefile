# make demo    the main job, end to end, on real data        make demo KEEP=1   leaves the database up
# make test    lint, types and all tests                     make freeze        sql/ into the migrations (see docs)
# make test-long   the tests that try examples, with more of them
# make bench   pgscore beside others, as ratios          make bench-quick  the same in under three minutes
SHELL := /bin/sh
PYTHON := /usr/bin/python3
BIN := .venv/bin
READY := .venv/ready-$(shell cat pyproject.toml docker/requirements-*.txt | sha256sum | cut -c1-16)
SERVER_PYTHON = PGSCORE_SERVER_PYTHONPATH="$$(docker/server-python)"
# Packages that only the benchmarks need: beside the server's, and for the conversion to ONNX.
BENCH_PYTHON = $(SERVER_PYTHON) && BENCH="$$(bench/server-python)" \
	&& export PGSCORE_SERVER_PYTHONPATH="$$PGSCORE_SERVER_PYTHONPATH:$$BENCH" PYTHONPATH="$$BENCH"
KEEP :=
# How many tests of the whole run side by side; each worker has a cluster of its own.
WORKERS := 2
# Further options of the benchmarks, such as ARGS='--only trees --json'.
ARGS :=

.PHONY: demo bench bench-quick test test-long lint types check render freeze packages clean

demo: $(READY)
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && exec $(BIN)/python -m examples.churn.demo $(if $(KEEP),--keep)

bench: $(READY)
	@$(BENCH_PYTHON) && exec $(BIN)/python -m bench --long $(ARGS)

bench-quick: $(READY)
	@$(BENCH_PYTHON) && exec $(BIN)/python -m bench --quick $(ARGS)

test: lint types check

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(BIN)/pytest tests/static/test_sql.py

types: $(READY)
	$(BIN)/mypy

check: $(READY)
	@docker/install-packages tests
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && $(BIN)/pytest $(if $(TESTS),$(TESTS),-n $(WORKERS) --dist loadfile)

# The tests that try examples, with so many times as many, and others in each run.
test-long: $(READY)
	@docker/install-packages tests
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && \
		PGSCORE_TEST_EXAMPLES=20 $(BIN)/pytest -m "long or hypothesis" -n $(WORKERS) --dist loadfile

render: $(READY)
	$(BIN)/python -m plpython.render

freeze: render
	$(BIN)/python -m migrations.freeze

packages:
	@docker/install-packages

$(READY): | packages
	@echo "building .venv from $(PYTHON)"
	@umask 022 && $(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --requirement docker/requirements-client.txt
	@$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

clean:
	rm -rf .venv .server-* build .pytest_cache .mypy_cache .ruff_cache .hypothesis
