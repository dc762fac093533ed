"""Reader of H2O's XGBoost: its booster, behind the one-hot columns that H2O makes of categories.

`hex.genmodel.algos.xgboost.XGBoostJavaMojoModel`: the columns of all categories come first, each with one more for what
is missing, then the numbers, rounded to float32. Where the model is `sparse`, 0 is missing, also of the columns of
categories. Sums are float32, as biz.k11i.xgboost adds them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation, Table
from pgscore.readers.algebra.ensemble import Ensemble, Tree
from pgscore.readers.algebra.singles import of_terms, of_trees
from pgscore.readers.writing.linear_writer import write_linear
from pgscore.readers.writing.tree_writer import write_ensemble
from pgscore.readers.writing.writer import Result

from .booster import PART, read_booster
from .inputs import feature_columns
from .labels import thresholded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.algebra.doubles import BoolArray
    from pgscore.readers.writing.writer import Writer

    from .booster import Booster, BoosterTree
    from .document import MojoDocument

# What an objective makes of sums (biz.k11i.xgboost.learner.ObjFunction).
OBJECTIVES = {
    "binary:logistic": "logistic",
    "reg:logistic": "logistic",
    "multi:softprob": "softmax",
    "reg:squarederror": "identity",
    "reg:linear": "identity",
    "rank:pairwise": "identity",
    "rank:ndcg": "identity",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
}
_MODEL, _WHERE = "the MOJO", "model.ini"
_TWO = 2
_SPLIT, _MISSING_LEFT = 0x7FFF_FFFF, 0x8000_0000
# Up to here a double rounds to a float32 that is 0.
_ROUNDED_TO_0 = 2.0**-150
_MOST_COLUMNS = 100_000
# No sum of numbers that come to a quarter of the largest float32 together is past it; no power of e from here down is.
_LARGEST = float(np.finfo(np.float32).max) / 4
_MOST_EXPONENT = 88.0


def read_xgboost(document: MojoDocument, table: Table, writer: Writer) -> Result:
    """The sums of a booster, and the link of its objective.

    Raises:
        NotAProgramError: its objective has another link, or the file is damaged.
    """
    columns = _encoded(document, table, writer)
    booster = read_booster(document.archive.read(PART), len(columns))
    link = _link(document, booster)
    base = _base(booster, link, document)
    if booster.kind == "gblinear":
        scores, tolerance = _linear(booster, base, columns, writer), of_terms(len(columns), link)
    else:
        trees = _trees(booster)
        if not trees:
            raise NotAProgramError(PART, "has no trees")
        first = write_ensemble(Ensemble(trees, base, None, single=True), columns, writer)
        scores, tolerance = list(range(first, first + booster.outputs)), of_trees(trees, base, link)
    if tolerance.terms > (_MOST_EXPONENT if link == "exp" else _LARGEST):
        raise NotAProgramError(PART, "may add up to more than a float32 holds")
    if document.has_offset:
        domain = writer.domains.of[table.columns[-1].source]
        domain.minimum, domain.maximum = -_LARGEST, _LARGEST
        scores = [writer.linear([each, table.columns[-1].source], [1.0, 1.0]) for each in scores]
        # The offset is rounded, and so is what is added to it.
        tolerance = replace(tolerance, relative=2 * tolerance.relative)
    result = Result(scores, link, tolerance=tolerance)
    if len(document.output.classes) != _TWO:
        return result
    return thresholded(result, document.settings.number("default_threshold"), writer)


def _link(document: MojoDocument, booster: Booster) -> str:
    link = OBJECTIVES.get(booster.objective)
    classes = len(document.output.classes)
    if link == "logistic" and not classes:
        link = "expit"
    wanted = {0: ("identity", "exp", "expit"), _TWO: ("logistic",)}.get(classes, ("softmax",))
    if link not in wanted or booster.outputs != (classes if classes > _TWO else 1):
        raise NotAProgramError(PART, f"has the objective {booster.objective!r}, which a program cannot give here")
    if link == "exp" and (booster.kind == "gblinear" or document.has_offset):
        # What a row's sum is off by is multiplied by its score: no tolerance is stated for both.
        raise NotAProgramError(PART, f"has the objective {booster.objective!r} with weights or an offset of a row")
    return link


def _base(booster: Booster, link: str, document: MojoDocument) -> list[float]:
    """What each sum starts from, in single precision; an offset stands in its place."""
    base = booster.base
    if document.has_offset != document.settings.boolean("has_offset"):
        raise NotAProgramError(_WHERE, "does not say which column is the offset")
    if document.has_offset:
        base = np.float32(0)
    elif booster.is_modern:
        with np.errstate(all="ignore"):
            if link in ("logistic", "expit"):
                base = np.float32(-np.log(np.float64(np.float32(1) / base - np.float32(1))))
            elif link == "exp":
                base = np.float32(np.log(np.float64(base)))
    if not np.isfinite(base):
        raise NotAProgramError(PART, "starts from a number that is not finite")
    return [float(base)] * booster.outputs


def _encoded(document: MojoDocument, table: Table, writer: Writer) -> list[NumberColumn | CodeColumn]:
    """The columns of the booster: for each category one for each of its places, then numbers.

    `GenModel.setCats`: a missing category has the last place, and so has one that is past it.
    """
    settings = document.settings
    categories, numbers = settings.integer("cats"), settings.integer("nums")
    offsets = settings.integers("cat_offsets") or [0]
    kinds = [each is not None for each in document.domains]
    fits = kinds == [True] * categories + [False] * numbers and len(offsets) == categories + 1 and offsets[0] == 0
    if not fits or any(one >= other for one, other in pairwise(offsets)):
        raise NotAProgramError(_WHERE, "has cats, nums and cat_offsets that do not fit its columns")
    if offsets[-1] + numbers > _MOST_COLUMNS:
        raise NotAProgramError(_MODEL, f"has more than {_MOST_COLUMNS:,} columns, one for each category")
    sparse, first = settings.boolean("sparse"), 0 if settings.boolean("use_all_factor_levels") else 1
    found: list[NumberColumn | CodeColumn] = []
    for number, column in enumerate(feature_columns(document, table)):
        if isinstance(column, CodeColumn):
            width = offsets[number + 1] - offsets[number]
            found += _hot(column, width, first, np.nan if sparse else 0.0)
        else:
            found.append(_without_zeros(column, writer) if sparse else column)
    return found


def _hot(column: CodeColumn, width: int, first: int, cold: float) -> list[CodeColumn]:
    """For each place of a category a column that is 1 where the category has it; the last one for others too."""
    by_place: dict[int, list[str]] = {}
    for key, code in zip(column.keys, column.values.tolist(), strict=True):
        by_place.setdefault(min(int(code) - first, width - 1), []).append(key)
    found = []
    for place in range(width - 1):
        keys = tuple(by_place.get(place, ()))
        found.append(CodeColumn(column.source, keys, np.ones(len(keys)), cold, cold))
    at_last = set(by_place.get(width - 1, ()))
    values = np.array([1.0 if key in at_last else cold for key in column.keys], dtype=np.float64)
    return [*found, replace(column, values=values, unknown=1.0, missing=1.0)]


def _without_zeros(column: NumberColumn, writer: Writer) -> NumberColumn:
    """The number, missing where it is 0 as a float32."""
    end = float(np.nextafter(_ROUNDED_TO_0, np.inf))
    step = {"step": "piecewise", "of": column.source, "knots": [-_ROUNDED_TO_0, end], "closed": "left"}
    here = writer.add({**step, "coefficients": [[1.0], None, [1.0]], "missing": None})
    return NumberColumn(writer.add({"step": "product", "of": [column.source, here]}))


def _within(values: FloatArray, *, most: float) -> BoolArray:
    found: BoolArray = (np.abs(values) <= most) | np.isnan(values)
    return found


def _trees(booster: Booster) -> list[Tree]:
    counts = [0] * booster.outputs
    trees = []
    for each in booster.trees:
        drop = np.float32(1)
        if booster.drops is not None:
            if counts[each.target] >= len(booster.drops):
                raise NotAProgramError(PART, "is damaged: it does not weigh each of its trees")
            drop = booster.drops[counts[each.target]]
        counts[each.target] += 1
        trees.append(_tree(each, drop))
    return trees


def _tree(tree: BoosterTree, drop: np.float32) -> Tree:
    nodes = tree.nodes
    reached = np.zeros(len(nodes), dtype=bool)
    reached[tree.reached] = True
    inner = reached & (nodes["left"] != -1)
    values = np.where(reached & ~inner, nodes["value"] * drop, np.float32(0)).astype(np.float64)
    if not np.isfinite(values).all():
        raise NotAProgramError(PART, "has a leaf that is not finite")
    return Tree(
        feature=np.where(inner, (nodes["split"] & np.uint32(_SPLIT)).astype(np.int64), -1),
        # It goes left where the float32 is smaller: where it is at most the float32 before.
        threshold=np.nextafter(np.where(inner, nodes["value"], np.float32(0)), np.float32(-np.inf)).astype(np.float64),
        left=np.where(inner, nodes["left"], -1).astype(np.int64),
        right=np.where(inner, nodes["right"], -1).astype(np.int64),
        missing_left=(nodes["split"] & np.uint32(_MISSING_LEFT) != 0).astype(np.int64),
        values=values.reshape(-1, 1),
        target=tree.target,
        cover=tree.stats["cover"].astype(np.float64),
    )


def _linear(
    booster: Booster, base: Sequence[float], columns: list[NumberColumn | CodeColumn], writer: Writer
) -> list[int]:
    """A linear booster, which leaves out what is missing. Rows whose sums may be past float32 are refused."""
    weights = booster.weights
    if weights is None or not np.isfinite(weights).all():
        raise NotAProgramError(PART, "has a weight that is not finite")
    of = weights.astype(np.float64)
    if np.abs(of).sum() + max(map(abs, base)) > _LARGEST:
        raise NotAProgramError(PART, "may add up to more than a float32 holds")
    for column, weight in zip(columns, np.abs(of[:-1]).max(axis=1).tolist(), strict=True):
        if isinstance(column, NumberColumn):
            most = _LARGEST / (len(columns) * max(1.0, weight))
            writer.domains.accept(_MODEL, [column], partial(_within, most=most))
    fill = [[Operation("fill", 0.0)]] * len(columns)
    filled = writer.then(Table(tuple(columns)), _MODEL, fill).numbers(_MODEL)
    return [
        write_linear(filled, of[:-1, output], float(of[-1, output]) + start, writer, finite=True)
        for output, start in enumerate(base)
    ]
