"""A short run of `make parity`: the same models each time, in every engine that this server has."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest

from tests.support.examples import examples

from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster

_SEED = 20
_CASES = 28
_EACH = 7
# One of them goes through the registry, which takes longest.
_PUBLISHED = 16


@pytest.fixture(scope="module")
def worker(
    cluster: PrivateCluster, installed_template: NoopExecutor, key: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    """What runs cases, in a database of its own."""
    dsn = cluster.dsn("{}").replace("%7B%7D", "{}")
    made = Worker(
        dsn, key, _SEED, _PUBLISHED, tmp_path_factory.mktemp("drawn"), template=installed_template.template_dbname
    )
    yield made
    made.close()


@pytest.mark.parametrize("first", range(0, examples(_CASES), _EACH))
def test_models_drawn_at_random(worker: Worker, first: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = [worker.run(index) for index in range(first, first + _EACH)]
    assert [(each.index, each.key, each.problems) for each in outcomes if each.problems] == []
    assert sum(each.compared for each in outcomes) > 500
    assert all({"sql", "interpreter", "vector"} <= set(each.engines) for each in outcomes if each.obstacle is None)
