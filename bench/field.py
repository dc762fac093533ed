"""The field: all contenders on one server, installed when first asked for, and compared with the estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import psycopg2

from . import handwritten, onnx_runtime, ours, pickled
from .contender import BaselineError, NotTheSameError, check

if TYPE_CHECKING:
    from pathlib import Path

    from .contender import Contender
    from .pairs import Effort
    from .setting import Server

_BASELINES = {module.NAME: module.install for module in (pickled, handwritten, onnx_runtime)}


class Field:
    """Contenders by name and model.

    Args:
        server: where they compete.
        folder: where files are written: the key that signs, and what others leave there.
        effort: how much is measured.

    Attributes:
        folder: the same.
        key: the file of the key that the server trusts.
    """

    def __init__(self, server: Server, folder: Path, effort: Effort) -> None:
        self.server = server
        self.effort = effort
        self.folder = folder
        self.key = ours.make_key(server, folder)
        self._ours: dict[str, Contender | Exception] = {}
        self._baselines: dict[tuple[str, str], Contender] = {}

    def ours(self, model: str) -> Contender:
        """The contender that is pgscore.

        Raises:
            PgscoreError: it refuses the model.
            psycopg2.Error: a score fails.
            NotTheSameError: it computes something else.
        """
        if model not in self._ours:
            try:
                self._ours[model] = self._publish(model)
            except (pgscore.PgscoreError, psycopg2.Error, NotTheSameError) as error:
                self._ours[model] = error
        found = self._ours[model]
        if isinstance(found, Exception):
            raise found
        return found

    def baseline(self, name: str, model: str) -> Contender:
        """What pgscore is compared with.

        Raises:
            BaselineError: it cannot be installed, or computes something else.
        """
        if (name, model) not in self._baselines:
            try:
                with self.server.session() as session:
                    made = _BASELINES[name](session, model)
                    check(session, made, model)
            except (psycopg2.Error, NotTheSameError, ImportError) as error:
                raise BaselineError(f"{name}, {model}: {error}") from error
            self._baselines[name, model] = made
        return self._baselines[name, model]

    def _publish(self, model: str) -> Contender:
        contender = ours.publish(self.server, self.key, model)
        if model in ours.COMPARED:
            with self.server.session() as session:
                check(session, contender, model)
        return contender
