"""The field: all contenders on one server, installed when first asked for, and compared with the estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore

from . import handwritten, onnx_runtime, ours, pickled
from .contender import check

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
        folder: where the key that signs is written.
        effort: how much is measured.
    """

    def __init__(self, server: Server, folder: Path, effort: Effort) -> None:
        self.server = server
        self.effort = effort
        self._key = ours.make_key(server, folder)
        self._found: dict[tuple[str, str], Contender | pgscore.PgscoreError] = {}

    def contender(self, name: str, model: str) -> Contender:
        """A contender that gives the scores of the fitted estimator.

        Raises:
            PgscoreError: pgscore refuses the model.
            NotTheSameError: it computes something else.
        """
        if (name, model) not in self._found:
            try:
                self._found[name, model] = self._install(name, model)
            except pgscore.PgscoreError as error:
                self._found[name, model] = error
        found = self._found[name, model]
        if isinstance(found, pgscore.PgscoreError):
            raise found
        return found

    def ours(self, model: str) -> Contender:
        """The contender that is pgscore; see `contender`."""
        return self.contender(ours.NAME, model)

    def _install(self, name: str, model: str) -> Contender:
        if name == ours.NAME:
            contender = ours.publish(self.server, self._key, model)
        else:
            with self.server.session() as session:
                contender = _BASELINES[name](session, model)
        if model in ours.COMPARED:
            with self.server.session() as session:
                check(session, contender, model)
        return contender
