"""One node for all tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    started = Node()
    yield started
    started.close()
