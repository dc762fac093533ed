"""Reader of H2O's generalized linear models, whose coefficients are of the data as they are: nothing is scaled.

hex.genmodel.algos.glm: categories come first, then numbers; a category adds its coefficient, a number its product, in
the order of the columns and from 0, and the intercept comes last. A missing value is the column's mean, or its most
frequent category, where the model was trained so; else genmodel raises an error of a category, and has no number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation
from pgscore.readers.writing.writer import Result

from .inputs import feature_columns
from .labels import thresholded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.writing.writer import Writer

    from .document import MojoDocument

_MODEL, _WHERE = "the MOJO", "model.ini"
_TWO = 2
_LEAST_INVERSE = 1e-5
# The least sum of powers of e whose reciprocal is finite.
_LEAST_SUM = 5.562684646268010e-309
_MOST_LEVELS = 1_000_000
_LARGEST = 1.7976931348623157e308
_BINOMIAL = ("binomial", "quasibinomial", "fractionalbinomial")


@dataclass(frozen=True)
class _Layout:
    """Where coefficients stand.

    Attributes:
        offsets: for each category the place of its first coefficient, and behind them that of the first number's.
        numbers: how many numbers there are.
        every_level: whether the first category has a coefficient too.
        width: how many coefficients a class has, the intercept last.
    """

    offsets: list[int]
    numbers: int
    every_level: bool
    width: int


def read_glm(document: MojoDocument, table: Table, writer: Writer) -> Result:
    """A linear score behind the link, or one for each class."""
    layout = _layout(document)
    settings = document.settings
    family = settings.needed("family")
    columns = _filled(document, table, writer)
    beta = settings.numbers("beta")
    classes = len(document.output.classes)
    several = family in ("multinomial", "ordinal")
    if len(beta) != layout.width * (classes if several else 1) or not np.isfinite(beta).all():
        raise NotAProgramError(_WHERE, f"does not have {layout.width} coefficients for each score")
    if several != (classes > _TWO) or (classes == _TWO) != (family in _BINOMIAL):
        raise NotAProgramError(_MODEL, f"has the family {family[:40]!r} for {classes or 'no'} classes")
    etas = [
        _eta(columns, layout, beta[start : start + layout.width], writer) for start in range(0, len(beta), layout.width)
    ]
    if family == "multinomial":
        return _multinomial(etas, writer)
    if document.has_offset:
        offset = table.columns[-1].source
        etas = [writer.linear([eta, offset], [1.0, 1.0]) for eta in etas]
    if family == "ordinal":
        return _ordinal(etas[:-1], writer)
    link = settings.needed("link")
    if link not in LINKS:
        raise NotAProgramError(_MODEL, f"has the link {link[:40]!r}, which a program cannot give")
    if classes == _TWO:
        return _binomial(link, etas[0], document, writer)
    return LINKS[link](etas[0], document, writer)


def _layout(document: MojoDocument) -> _Layout:
    settings = document.settings
    categories, numbers = settings.integer("cats", 0), settings.integer("nums", 0)
    offsets = settings.integers("cat_offsets") or [0]
    fits = categories + numbers == len(document.domains) and len(offsets) == categories + 1
    sorted_ = offsets[0] == 0 and all(one <= other for one, other in pairwise(offsets))
    if not (fits and numbers >= 0 and sorted_ and offsets[-1] <= _MOST_LEVELS):
        raise NotAProgramError(_WHERE, "has cats, nums and cat_offsets that do not fit its columns")
    kinds = [each is not None for each in document.domains]
    if kinds != [True] * categories + [False] * numbers:
        raise NotAProgramError(_WHERE, "does not have categories before numbers")
    return _Layout(offsets, numbers, settings.boolean("use_all_factor_levels"), offsets[-1] + numbers + 1)


def _filled(document: MojoDocument, table: Table, writer: Writer) -> list[NumberColumn | CodeColumn]:
    """The columns, with what stands for a missing value; or without rows that lack one."""
    columns = feature_columns(document, table)
    if not document.settings.boolean("mean_imputation"):
        for column in columns:
            writer.domains.of[column.source].nullable = False
            if isinstance(column, CodeColumn):
                writer.domains.of[column.source].restrict(column.keys)
        return columns
    means, modes = document.settings.numbers("num_means"), document.settings.integers("cat_modes")
    fills = [*map(float, modes), *means]
    if len(fills) != len(columns) or not np.isfinite(fills).all() or min(modes, default=0) < 0:
        raise NotAProgramError(_WHERE, "does not say what stands for a missing value of each column")
    return [
        replace(column, unknown=fill, missing=fill)
        if isinstance(column, CodeColumn)
        else column.then(Operation("fill", fill))
        for column, fill in zip(columns, fills, strict=True)
    ]


def _eta(columns: Sequence[NumberColumn | CodeColumn], layout: _Layout, beta: Sequence[float], writer: Writer) -> int:
    """The linear score of one class, added in genmodel's order."""
    registers: list[int] = []
    weights: list[float] = []
    for number, column in enumerate(columns):
        if isinstance(column, CodeColumn):
            registers.append(writer.register(_added(column, layout, number, beta)))
            weights.append(1.0)
        else:
            registers.append(writer.register(column))
            weights.append(beta[layout.offsets[-1] + number - (len(layout.offsets) - 1)])
    if not registers:
        raise NotAProgramError(_MODEL, "reads no column")
    # A coefficient of 0 stays: times infinity it is no number.
    score = writer.linear(registers, weights)
    return writer.add({"step": "affine", "of": score, "add": beta[-1]})


def _added(column: CodeColumn, layout: _Layout, number: int, beta: Sequence[float]) -> CodeColumn:
    """What each category of a column adds: nothing where it has no coefficient."""
    start, end = layout.offsets[number], layout.offsets[number + 1]

    def added(code: float) -> float:
        place = start + int(code) - (0 if layout.every_level else 1)
        return beta[place] if start <= place < end else 0.0

    unknown = 0.0 if np.isnan(column.unknown) else added(column.unknown)
    values = np.array([added(each) for each in column.values.tolist()], dtype=np.float64)
    return replace(column, values=values, unknown=unknown, missing=unknown)


def _multinomial(etas: list[int], writer: Writer) -> Result:
    """GlmMultinomialMojoModel: powers of e of what is left of the scores' largest, or of 0, over their sum.

    Where all scores are so small that the reciprocal of that sum overflows, genmodel has no probabilities.
    """
    powers = [writer.function("exp", eta) for eta in etas]
    total = writer.linear(powers, [1.0] * len(powers))
    domain = writer.domains.of[total]
    domain.minimum = max(domain.minimum, _LEAST_SUM)
    return Result(etas, "softmax")


def _ordinal(etas: list[int], writer: Writer) -> Result:
    """GlmOrdinalMojoModel: differences of cumulative probabilities."""
    sums = [writer.function("expit", eta) for eta in etas]
    between = [writer.linear([one, other], [-1.0, 1.0]) for one, other in pairwise(sums)]
    return Result([sums[0], *between, writer.linear(sums[-1:], [-1.0], 1.0)], "identity")


def _binomial(link: str, eta: int, document: MojoDocument, writer: Writer) -> Result:
    """Two probabilities; the second class from the threshold on."""
    if link == "logit":
        result = Result([eta], "logistic")
    else:
        (value,) = writer.outputs(LINKS[link](eta, document, writer))
        result = Result([writer.linear([value], [-1.0], 1.0), value], "identity")
    return thresholded(result, document.settings.number("default_threshold"), writer)


def _identity(eta: int, document: MojoDocument, writer: Writer) -> Result:
    """The score itself."""
    return Result([eta], "identity")


def _logit(eta: int, document: MojoDocument, writer: Writer) -> Result:
    """1 / (1 + exp(-score))."""
    return Result([eta], "expit")


def _log(eta: int, document: MojoDocument, writer: Writer) -> Result:
    """exp(score)."""
    return Result([eta], "exp")


def _inverse(eta: int, document: MojoDocument, writer: Writer) -> Result:
    """1 / score, which counts as 1e-5 at least, or as -1e-5 at most where it is negative (GenModel.GLM_inverseInv)."""
    parts = []
    for end, pieces in (("minimum", [[0.0], [1.0]]), ("maximum", [[1.0], [0.0]])):
        limit = _LEAST_INVERSE if end == "minimum" else -_LEAST_INVERSE
        within = writer.add({"step": "clip", "of": eta, end: limit})
        step = {"step": "piecewise", "of": eta, "knots": [0.0], "coefficients": pieces, "closed": "left"}
        chosen = writer.add({**step, "missing": None})
        parts.append(writer.add({"step": "product", "of": [writer.function("reciprocal", within), chosen]}))
    return Result([writer.linear(parts, [1.0, 1.0])], "identity")


def _tweedie(eta: int, document: MojoDocument, writer: Writer) -> Result:
    """The score to the power of 1 / tweedie_link_power, or exp(score) where that is 0 (GenModel.GLM_tweedieInv)."""
    power = document.settings.number("tweedie_link_power", 0.0)
    if power == 0:
        # No less than 2e-16 by genmodel, which is 0 to any tolerance.
        return Result([eta], "exp")
    exponent = 1.0 / power
    if not isfinite(exponent):
        raise NotAProgramError(_WHERE, f"has tweedie_link_power = {power}")
    if exponent == 1:
        return Result([eta], "identity")
    if exponent in (-1, _TWO):
        return Result([writer.function("reciprocal" if exponent < 0 else "square", eta)], "identity")
    if exponent % _TWO == 1:
        raise NotAProgramError(_WHERE, f"has tweedie_link_power = {power}, an odd root")
    logarithm = writer.function("log", writer.function("abs", eta) if exponent % _TWO == 0 else _root(eta, writer))
    raised = writer.add({"step": "affine", "of": logarithm, "multiply": exponent})
    return Result([raised], "exp")


def _root(eta: int, writer: Writer) -> int:
    """What a power that is no integer is taken of: minus infinity counts as infinity, as Java's Math.pow has it."""
    step = {"step": "piecewise", "of": eta, "knots": [-_LARGEST, 0.0], "closed": "left", "missing": None}
    return writer.add({**step, "coefficients": [[0.0, -1.0], None, [0.0, 1.0]]})


# Links by the name that model.ini has for them, and what they make of a score.
LINKS: dict[str, Callable[[int, MojoDocument, Writer], Result]] = {
    "identity": _identity,
    "logit": _logit,
    "log": _log,
    "inverse": _inverse,
    "tweedie": _tweedie,
}
