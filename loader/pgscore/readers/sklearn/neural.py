"""Reader of multi-layer perceptrons: a linear step for each unit, and the function of its layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

_FUNCTIONS = {"identity": None, "logistic": "expit", "tanh": "tanh", "relu": "relu"}
_LINKS = {"identity": "identity", "exp": "exp", "logistic": "logistic", "softmax": "softmax"}
# What a row takes of a network with so many weights, in ms (interpreter: alone / among many; sql; the estimator, once
# it has loaded scikit-learn; a busy machine of two cores):
#    3,000   0.20 / 0.17    0.07    0.6 / 0.003        8,000   0.31 / 0.48    none    0.6 / 0.004
#   39,000   1.1 / 2.6      none    0.6 / 0.005, and 240 ms for the first row of a connection
# So up to here the interpreter keeps to about a millisecond; sql takes up to some 3,300.
_MOST_WEIGHTS = 20_000


def read_network(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The function of x @ coefs + intercepts, layer after layer (`_forward_pass_fast`)."""
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    link = _link(estimator, part)
    weights = sum(layer.size for layer in estimator.coefs_)
    if weights > _MOST_WEIGHTS:
        raise NotAProgramError(part, f"has {weights:,} weights, and a program takes up to {_MOST_WEIGHTS:,}")
    if not all(np.isfinite(each).all() for each in (*estimator.coefs_, *estimator.intercepts_)):
        raise NotAProgramError(part, "has coefficients that are not finite")
    function = _FUNCTIONS[estimator.activation]
    last = len(estimator.coefs_) - 1
    for number, (layer, starts) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        sums = [
            write_linear(columns, unit, float(start), writer, finite=number == 0)
            for unit, start in zip(np.asarray(layer.T, dtype=np.float64), starts, strict=True)
        ]
        if number == last:
            return Result(sums, link)
        columns = [NumberColumn(_called(function, each, writer)) for each in sums]
    raise NotAProgramError(part, "has no layers")


def _called(function: str | None, register: int, writer: Writer) -> int:
    return register if function is None else writer.add({"step": "function", "of": register, "name": function})


def _link(estimator: Any, part: str) -> str:  # noqa: ANN401
    link = _LINKS.get(estimator.out_activation_)
    if estimator.activation not in _FUNCTIONS or link is None:
        raise NotAProgramError(part, f"has the activation {estimator.activation!r}, which a program does not know")
    if not hasattr(estimator, "classes_"):
        if estimator.n_outputs_ != 1:
            raise NotAProgramError(part, "predicts several values at once")
    elif len(estimator.classes_) != max(2, estimator.n_outputs_) or (link == "logistic") != (estimator.n_outputs_ == 1):
        raise NotAProgramError(part, "predicts several labels at once, or one alone")
    return link


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.neural_network.MLPClassifier": read_network,
    "sklearn.neural_network.MLPRegressor": read_network,
}
