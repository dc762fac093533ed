"""The lane `make test-docker`. Without PGSCORE_TEST_DOCKER nothing here is collected: its steps install for minutes."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("PGSCORE_TEST_DOCKER") else ["test_*.py"]
