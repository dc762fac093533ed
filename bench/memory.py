"""Private memory: what a backend gains by scoring."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .customers import CUSTOMERS
from .figure import Measured
from .pairs import spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .contender import Contender
    from .field import Field
    from .setting import Session

_SCORES = 100
_MEBIBYTE_IN_KIBIBYTES = 1024
_BACKENDS = 2


def gained(model: str) -> Callable[[Field], list[Measured]]:
    """What a backend of pgscore gains, in MB."""
    return partial(_gained, model)


def _gained(model: str, field: Field) -> list[Measured]:
    contender = field.ours(model)
    # A witness does the same first: pages of libraries and of shared buffers that it holds too are not private.
    with field.server.session() as witness:
        _score(witness, contender)
        found = [_of_one(field, contender) for _ in range(_BACKENDS)]
    return [Measured(spread(found), unit="MB")]


def _of_one(field: Field, contender: Contender) -> float:
    with field.server.session() as session:
        session.run(f"select count(score) from {CUSTOMERS} c where c.id <= {_SCORES}")  # noqa: S608
        before = _private(session.pid)
        _score(session, contender)
        return (_private(session.pid) - before) / _MEBIBYTE_IN_KIBIBYTES


def _score(session: Session, contender: Contender) -> None:
    """The first score and a hundred more, each in its own statement."""
    for customer in range(1, _SCORES + 2):
        session.run(f"select {contender.score} from {CUSTOMERS} c where c.id = {customer}")  # noqa: S608


def _private(pid: int) -> int:
    """Private_Clean and Private_Dirty of a process, in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))
