# make demo    the main job, end to end, on real data        make demo KEEP=1   leaves the database up
# make demo-browser   a page that scores by itself, compared with the database     KEEP=1 serves it
# make demo-serve  the model of the demo behind a web service
# make demo-stream   complaints through Apache Kafka: published, scored, counted, joined (downloads 37 MB; needs Java 17)
# make test    lint, types and all tests but those of lanes  make freeze        sql/ into the migrations (see docs)
# make test-outside   the same version outside the database: bundle, web service, functions, notebooks
# make test-docker  what docker/ builds and starts, without a container engine
# make test-browser   the page and pgscore.js in Chromium (downloads 150 MB)
# make test-spark   scores and streams on Spark, in two local workers, with a broker of Kafka's (downloads 550 MB)
# make test-streams   streams through a real Apache Kafka (downloads 37 MB; needs Java 17)
# make docs    the documentation as a site; fails on a link that leads nowhere
# make test-servers   core on PostgreSQL 14, 16, 17 and 18; all of it on 17 with Python 3.13 (docs/servers.md)
# make test-sklearn   programs of the oldest scikit-learn where the server has the newest, and the reverse
# make test-long   the tests that try examples, with more of them
# make parity  10,000 models drawn at random, in every engine; writes docs/coverage.md    ARGS='--seed 1 --case 2'
# make formats   the files of tests/formats anew, by the tools that write such (downloads 700 MB)     KIND=onnx
# make bench   pgscore beside others, as ratios          make bench-quick  the same in under three minutes
SHELL := /bin/sh
PYTHON := /usr/bin/python3
BIN := .venv/bin
READY := .venv/ready-$(shell cat pyproject.toml docker/requirements-*.txt | sha256sum | cut -c1-16)
SERVER_PYTHON = PGSCORE_SERVER_PYTHONPATH="$$(docker/server-python onnx)"
# Packages that only the benchmarks need: beside the server's, and for the conversion to ONNX.
BENCH_PYTHON = $(SERVER_PYTHON) && BENCH="$$(bench/server-python)" \
	&& export PGSCORE_SERVER_PYTHONPATH="$$PGSCORE_SERVER_PYTHONPATH:$$BENCH" PYTHONPATH="$$BENCH"
# Spark, which only its lane and its benchmark need.
SPARK_PYTHON = SPARK="$$(docker/spark-python)" && export PYTHONPATH="$$SPARK$${PYTHONPATH:+:$$PYTHONPATH}"
# Where the documentation's own tools stand.
DOCS := build/docs-$(shell sha256sum docs/requirements.txt | cut -c1-16)
KEEP :=
# How many tests of the whole run side by side; each worker has a cluster of its own.
WORKERS := 2
# The tests of a lane that needs nothing else than the others do.
OUTSIDE := tests/bundle tests/functions tests/notebook tests/serve tests/served
# Further options of the benchmarks, such as ARGS='--only trees --json'.
ARGS :=
# Of which format the files are made anew: onnx, pmml, mojo; all of them without.
KIND :=
# What make client installs beside the command.
EXTRAS :=

.PHONY: demo demo-browser demo-serve demo-stream bench bench-quick docs test lint types check
.PHONY: test-outside test-streams test-browser test-docker test-servers test-servers-core test-servers-python
.PHONY: test-spark test-sklearn test-long parity
.PHONY: formats render freeze release-migrations release-dump wheel client packages clean

demo: $(READY)
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && exec $(BIN)/python -m examples.churn.demo $(if $(KEEP),--keep)

demo-browser: $(READY)
	@docker/install-packages browser
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && exec $(BIN)/python -m examples.browser.demo $(if $(KEEP),--keep)

demo-serve: $(READY)
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && exec $(BIN)/python -m examples.serve.demo

demo-stream: $(READY)
	@docker/install-packages streams
	@$(SERVER_PYTHON) && KAFKA="$$(docker/kafka)" && export PGSCORE_SERVER_PYTHONPATH && \
		PGSCORE_KAFKA="$$KAFKA" exec $(BIN)/python -m examples.stream.demo

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
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && \
		$(BIN)/pytest $(if $(TESTS),$(TESTS),$(OUTSIDE:%=--ignore=%) -n $(WORKERS) --dist loadfile)

# What evaluates a version outside of the database: with the rest it would take longer than one waits for.
test-outside: $(READY)
	@docker/install-packages tests
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && $(BIN)/pytest $(OUTSIDE) -n $(WORKERS) --dist loadfile

docs: $(DOCS)/ready
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet
	@echo "the documentation stands in build/site/index.html"

$(DOCS)/ready: | packages
	@echo "building $(DOCS) from $(PYTHON)"
	@umask 022 && $(PYTHON) -m venv --clear $(DOCS) && $(DOCS)/bin/pip install --quiet --requirement docs/requirements.txt
	@touch $@

test-servers: test-servers-core test-servers-python

# Without PL/Python: the journey of tests/servers on each.
test-servers-core: $(READY)
	@docker/install-packages servers
	@SERVERS="$$(docker/other-servers)" && export PGSCORE_TEST_SERVERS="$$SERVERS" && \
		$(BIN)/pytest tests/servers -n $(WORKERS) --dist loadgroup

# What docker/ builds and starts, without a container engine.
test-docker: $(READY)
	@docker/install-packages tests
	@PGSCORE_TEST_DOCKER=1 $(BIN)/pytest tests/docker

# A session of Spark's takes half a minute to start, so these are in no other run.
test-spark: $(READY)
	@docker/install-packages tests
	@$(SERVER_PYTHON) && $(SPARK_PYTHON) && KAFKA="$$(docker/kafka)" && export PGSCORE_SERVER_PYTHONPATH && \
		PGSCORE_TEST_SPARK=1 PGSCORE_KAFKA="$$KAFKA" $(BIN)/pytest $(if $(TESTS),$(TESTS),tests/spark)

# What a browser does; beside it what npm has, in a folder of its own.
test-browser: $(READY)
	@docker/install-packages tests
	@docker/install-packages browser
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && TOOLS="$$(docker/browser-tools)" && \
		PGSCORE_TEST_BROWSER="$$TOOLS" $(BIN)/pytest $(if $(TESTS),$(TESTS),tests/browser)

# What needs a broker of Kafka's.
test-streams: $(READY)
	@docker/install-packages streams
	@$(SERVER_PYTHON) && KAFKA="$$(docker/kafka)" && export PGSCORE_SERVER_PYTHONPATH && \
		PGSCORE_TEST_STREAMS=1 PGSCORE_KAFKA="$$KAFKA" $(BIN)/pytest $(if $(TESTS),$(TESTS),tests/streams -n $(WORKERS) --dist loadfile)

# The oldest libraries that models are read with, in an environment of their own.
test-sklearn: $(READY)
	@docker/install-packages tests
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && OLDEST="$$(docker/oldest-python)" && \
		PGSCORE_TEST_OLDEST="$$OLDEST" $(BIN)/pytest $(if $(TESTS),$(TESTS),tests/sklearns)

# With PL/Python: the tests of PostgreSQL 15 on Debian 13's 17, whose Python is 3.13.
test-servers-python: $(READY)
	@docker/install-packages servers
	@ROOT="$$(docker/debian-13)" && export PGSCORE_SERVER_ROOT="$$ROOT" PGSCORE_SERVER_PYTHONPATH=/opt/pgscore && \
		$(BIN)/pytest $(if $(TESTS),$(TESTS),tests/integration tests/program tests/bindings -n $(WORKERS) --dist loadfile)

# The tests that try examples, with so many times as many, and others in each run.
test-long: $(READY)
	@docker/install-packages tests
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && \
		PGSCORE_TEST_EXAMPLES=20 $(BIN)/pytest -m "long or hypothesis" -n $(WORKERS) --dist loadfile

# Models of all that has a reader, fitted on random tables. The server's Python has the client's libraries.
parity: $(READY)
	@docker/install-packages tests
	@$(BIN)/python -W ignore -m tests.drawn $(ARGS)

# What stands in tests/formats: files of other tools, and what those tools predict.
formats: packages
	@docker/install-packages tests
	@tests/formats/make-anew $(KIND)

render: $(READY)
	$(BIN)/python -m plpython.render

freeze: render
	$(BIN)/python -m migrations.authoring.freeze

# At the end of a release: what is in the migrations now never changes again.
release-migrations: $(READY)
	$(BIN)/python -m migrations.authoring.release

# A database of this release, in use, which later ones must be able to upgrade: tests/migration/released.
release-dump: $(READY)
	@$(SERVER_PYTHON) && export PGSCORE_SERVER_PYTHONPATH && $(BIN)/python -m tests.migration.released_database

# What pip installs elsewhere, in dist.
wheel: $(READY)
	@rm -rf build
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# The command alone, in .client: neither a database server nor development tools. EXTRAS=publish for what reads models.
client:
	@umask 022 && $(PYTHON) -m venv --clear .client
	@grep -hv '^-r' docker/requirements-*.txt > .client/constraints.txt
	@.client/bin/pip install --quiet --constraint .client/constraints.txt ".$(if $(EXTRAS),[$(EXTRAS)])"
	@echo ".client/bin/pgscore"

packages:
	@docker/install-packages

$(READY): | packages
	@echo "building .venv from $(PYTHON)"
	@umask 022 && $(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --requirement docker/requirements-client.txt
	@$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

clean:
	rm -rf .venv .client .server-* .servers-* .spark-* .browser-* .oldest-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .venv .client .server-* .servers-* .spark-* .kafka-* .oldest-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
