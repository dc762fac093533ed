"""The lane `make test-streams`. Without PGSCORE_TEST_STREAMS nothing here is collected: it starts an Apache Kafka."""

from __future__ import annotations

import itertools
import os
import re
from typing import TYPE_CHECKING, Protocol

import pytest

from examples.server.broker import PrivateBroker

if TYPE_CHECKING:
    from collections.abc import Iterator

collect_ignore_glob = [] if os.environ.get("PGSCORE_TEST_STREAMS") else ["test_*.py"]
_numbers = itertools.count()


class MakeTopic(Protocol):
    """Makes a topic of a test's own, and gives its name."""

    def __call__(self, called: str = "events", partitions: int = 1, **settings: str) -> str:
        """With the settings that `PrivateBroker.create` takes."""
        ...


@pytest.fixture(scope="session")
def broker() -> Iterator[PrivateBroker]:
    """One broker for all: whoever kills it starts it again. See `own_broker`."""
    with PrivateBroker() as broker:
        yield broker


@pytest.fixture
def own_broker() -> Iterator[PrivateBroker]:
    """A broker of the test's own; it takes seconds to start."""
    with PrivateBroker() as broker:
        yield broker


@pytest.fixture
def topic(broker: PrivateBroker, request: pytest.FixtureRequest) -> MakeTopic:
    """Makes topics that no other test has: `topic("events", 3)`."""
    test = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)

    def make(called: str = "events", partitions: int = 1, **settings: str) -> str:
        name = f"{called}-{next(_numbers)}-{test}"[:200]
        broker.create(name, partitions, **settings)
        return name

    return make
