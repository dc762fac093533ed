"""From a MOJO to a program: which reader reads which algorithm, by the name that `model.ini` has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .glm import read_glm
from .shared import read_drf, read_gbm, read_isolation
from .xgboost import read_xgboost

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Result, Writer

    from .document import MojoDocument


def read_mojo(document: MojoDocument, table: Table, writer: Writer, part: str) -> Result:
    """The scores of a MOJO.

    Raises:
        NotAProgramError: it cannot be a program; the message names the entry of the archive that stops it.
    """
    return ALGORITHMS[document.algorithm](document, table, writer)


ALGORITHMS: dict[str, Callable[[MojoDocument, Table, Writer], Result]] = {
    "Gradient Boosting Machine": read_gbm,
    "Gradient Boosting Method": read_gbm,
    "Distributed Random Forest": read_drf,
    "Isolation Forest": read_isolation,
    "Generalized Linear Modeling": read_glm,
    "Generalized Linear Model": read_glm,
    "XGBoost": read_xgboost,
}
PREDICTORS: dict[str, PredictorReader] = {"pgscore.readers.mojo.document.MojoDocument": read_mojo}
