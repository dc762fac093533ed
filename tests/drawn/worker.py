"""A process of its own that runs cases, one after the other, in a database of its own."""

from __future__ import annotations

import os
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from pgscore.errors import PgscoreError

from tests.support.database import Session

from .case import Outcome, judged, key_of, prepare
from .kept import keep, shrink
from .models import NothingFitsError
from .place import TEMPLATE, available, own_database
from .registry import Registry

if TYPE_CHECKING:
    from .case import Prepared

# A session keeps the models that it has loaded, so it is a new one now and then.
_MOST_CASES = 250
_MOST_PUBLISHED = 60


class Worker:
    """Runs cases.

    Args:
        dsn: of the cluster, with `{}` for a database's name.
        key: a private key that its databases trust.
        seed: of the run.
        published: each so manieth case is published, too; 0: none.
        folder: where failing cases are kept.
        template: the database that its own are clones of.
    """

    def __init__(
        self, dsn: str, key: Path, seed: int, published: int, folder: Path, *, template: str = TEMPLATE
    ) -> None:
        self._dsn, self._key, self._seed, self._published, self._folder = dsn, key, seed, published, folder
        self._name, self._template = f"drawn_{os.getpid()}", template
        own_database(dsn.format("postgres"), self._name, template)
        self._session = Session(dsn.format(self._name))
        self._available = available(self._session)
        self._cases = 0
        self._registry: Registry | None = None
        self._in_registry = 0

    def run(self, index: int) -> Outcome:
        """What came of a case; whatever goes wrong is one of its problems."""
        self._cases += 1
        if self._cases % _MOST_CASES == 0:
            self._anew()
        outcome = Outcome(index, key_of(index))
        prepared: Prepared | None = None
        try:
            prepared = prepare(self._seed, index)
            judged(self._session, self._key, prepared, outcome, self._available)
            if self._published and index % self._published == 0 and prepared.reading is not None:
                self._publish(prepared, outcome)
        except NothingFitsError as error:
            outcome.refused = f"nothing fits: {str(error)[:300]}"
        except PgscoreError as error:
            outcome.refused = f"{error}"
        except Exception as error:  # a case that breaks something is a finding, and the next one is run
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = " ".join(str(error).split())[:400]
            outcome.problems.append(f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {text}")
            self._anew()
        if outcome.problems and prepared is not None:
            self._keep(prepared, outcome)
        return outcome

    def _publish(self, prepared: Prepared, outcome: Outcome) -> None:
        if self._registry is None or self._in_registry >= _MOST_PUBLISHED:
            self.close_registry()
            own_database(self._dsn.format("postgres"), f"{self._name}_published", self._template)
            self._registry, self._in_registry = Registry(self._dsn.format(f"{self._name}_published"), self._key), 0
        self._in_registry += 1
        verdict = self._registry.verdict(prepared, self._seed, outcome.index)
        outcome.published = True
        outcome.problems += [f"published: {what}" for what, _ in verdict.problems]
        outcome.compared += verdict.compared

    def close(self) -> None:
        """Ends all sessions."""
        self.close_registry()
        self._session.close()

    def close_registry(self) -> None:
        """Ends the sessions of the database where models are published."""
        if self._registry is not None:
            self._registry.close()
            self._registry = None

    def _anew(self) -> None:
        self._session.close()
        self._session = Session(self._dsn.format(self._name))

    def _keep(self, prepared: Prepared, outcome: Outcome) -> None:
        row = prepared.rows[0]
        if outcome.worst is not None:
            row = prepared.rows[outcome.worst]
            try:
                row = shrink(self._session, self._key, prepared, row, estimates="estimator" in outcome.engines)
            except Exception:  # the case is kept as it was
                self._anew()
        keep(self._folder / f"{self._seed}-{outcome.index}", prepared, row, outcome.problems)
        outcome.row = row


_worker: Worker | None = None


def begin(dsn: str, key: Path, seed: int, published: int, folder: Path) -> None:
    """Makes this process a worker; the arguments are a `Worker`'s."""
    global _worker  # noqa: PLW0603  one for each process
    warnings.simplefilter("ignore")
    _worker = Worker(dsn, key, seed, published, folder)


def run(index: int) -> Outcome:
    """What came of a case, in a process that is a worker."""
    assert _worker is not None
    return _worker.run(index)
