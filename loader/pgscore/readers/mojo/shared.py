"""Readers of H2O's own trees: boosted, random and isolation forests."""

from __future__ import annotations

from math import isfinite, log
from typing import TYPE_CHECKING

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.ensemble import Ensemble
from pgscore.readers.writing.tree_writer import write_ensemble
from pgscore.readers.writing.writer import Result

from .inputs import feature_columns
from .labels import labelled, over_sum
from .trees import TreeReader

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.algebra.ensemble import Tree
    from pgscore.readers.writing.writer import Writer

    from .document import MojoDocument

_MODEL = "the MOJO"
_MOST_TREES = 1_000_000
_TWO = 2
# Distributions of two classes whose trees add up to log-odds.
_OF_TWO = ("bernoulli", "quasibinomial", "modified_huber")
_OF_VALUES = ("gaussian", "poisson", "gamma", "tweedie", "laplace", "quantile", "huber")
# hex.genmodel.ModelMojoReader.defaultLinkFunction, for versions that do not name it.
_LOGARITHMIC = ("poisson", "gamma", "tweedie")
# GbmMojoModel.exp gives no more than this.
_MOST_POWER = 1e19


def read_gbm(document: MojoDocument, table: Table, writer: Writer) -> Result:
    """Gradient boosting: sums of leaves, and the link of the distribution (GbmMojoModel.unifyPreds).

    Its exp gives 1e19 at most, also within a probability, which is 1e-19 at least then: 0 to any tolerance.
    """
    family = document.settings.needed("distribution")
    sums = _sums(document, table, writer)
    classes = len(document.output.classes)
    if family == "multinomial" and classes > _TWO:
        return labelled(document, Result(sums, "softmax"), writer)
    if family == "multinomial" and classes == _TWO:
        # One tree for both, by an older H2O; the other's sum is its negative.
        first = _started(document, table, sums[0], writer)
        second = writer.add({"step": "affine", "of": first, "multiply": -1.0})
        return labelled(document, Result([first, second], "softmax"), writer)
    if family not in (_OF_TWO if classes == _TWO else _OF_VALUES if not classes else ()):
        raise NotAProgramError(_MODEL, f"has the distribution {family[:40]!r}, whose predictions a program cannot give")
    link = document.settings.text("link_function") or _default_link(family)
    score = _started(document, table, sums[0], writer)
    if classes == _TWO:
        if link != "logit":
            raise NotAProgramError(_MODEL, f"has the link {link[:40]!r} for probabilities")
        return labelled(document, Result([score], "logistic"), writer)
    return _valued(score, link, writer)


def _default_link(family: str) -> str:
    return "logit" if family in _OF_TWO else "log" if family in _LOGARITHMIC else "identity"


def _valued(score: int, link: str, writer: Writer) -> Result:
    if link == "identity":
        return Result([score], "identity")
    if link == "logit":
        return Result([score], "expit")
    if link != "log":
        raise NotAProgramError(_MODEL, f"has the link {link[:40]!r}, which a program cannot give")
    most = log(_MOST_POWER)
    if not writer.range(score).high <= most:
        score = writer.add({"step": "clip", "of": score, "maximum": most})
    return Result([score], "exp")


def read_drf(document: MojoDocument, table: Table, writer: Writer) -> Result:
    """A random forest: means of leaves, of two classes of the first one's (DrfMojoModel.unifyPreds)."""
    groups = document.settings.integer("n_trees")
    classes = len(document.output.classes)
    double_trees = document.settings.boolean("binomial_double_trees")
    if document.has_offset:
        raise NotAProgramError(_MODEL, "is a random forest with an offset")
    if classes > _TWO or double_trees:
        return labelled(document, over_sum(_sums(document, table, writer), writer), writer)
    (register,) = _sums(document, table, writer, divide=float(groups))
    if not classes:
        return Result([register], "identity")
    other = writer.linear([register], [-1.0], 1.0)
    return labelled(document, Result([register, other], "identity"), writer)


def read_isolation(document: MojoDocument, table: Table, writer: Writer) -> Result:
    """An isolation forest: how short its paths are between the least and the longest of training, or their mean.

    `IsolationForestMojoModel.unifyPreds`; an anomaly is what has a score above default_threshold.
    """
    groups = document.settings.integer("n_trees")
    if document.has_offset:
        raise NotAProgramError(_MODEL, "is an isolation forest with an offset")
    if document.target == "mean_length":
        (mean,) = _sums(document, table, writer, divide=float(groups))
        return Result([mean], "identity")
    (length,) = _sums(document, table, writer)
    shortest, longest = (document.settings.integer(f"{each}_path_length", 0) for each in ("min", "max"))
    if longest > shortest:
        left = writer.add({"step": "affine", "of": length, "multiply": -1.0, "add": float(longest)})
        score = writer.add({"step": "affine", "of": left, "divide": float(longest - shortest)})
    else:
        score = writer.linear([length], [0.0], 1.0)
    if document.target == "predict":
        threshold = document.settings.number("default_threshold")
        if not isfinite(threshold):
            raise NotAProgramError("model.ini", f"has default_threshold = {threshold}")
        step = {"step": "piecewise", "of": score, "knots": [threshold], "coefficients": [[0.0], [1.0]]}
        score = writer.add({**step, "closed": "right", "missing": None})
    return Result([score], "identity")


def _sums(document: MojoDocument, table: Table, writer: Writer, divide: float | None = None) -> list[int]:
    """The sums of leaves, from 0 and in the order of the trees; one for each tree of a group."""
    groups, in_group = document.settings.integer("n_trees"), _in_group(document)
    if not 0 < groups * in_group <= _MOST_TREES:
        raise NotAProgramError("model.ini", f"has n_trees = {groups}")
    columns = feature_columns(document, table)
    reader = TreeReader([None if each is None else len(each) for each in document.domains], document.version)
    trees = [
        tree
        for target in range(in_group)
        for group in range(groups)
        if (tree := _tree(document, reader, target, group)) is not None
    ]
    if not trees:
        raise NotAProgramError(_MODEL, "has no trees")
    ensemble = Ensemble(trees, [0.0] * in_group, divide, single=False)
    first = write_ensemble(ensemble, columns, writer)
    return list(range(first, first + in_group))


def _in_group(document: MojoDocument) -> int:
    """How many trees a round has: one for each class of several, else one."""
    classes = len(document.output.classes)
    double_trees = document.settings.boolean("binomial_double_trees")
    wanted = classes if classes > _TWO or (classes == _TWO and double_trees) else 1
    if document.settings.integer("n_trees_per_class", wanted) != wanted:
        raise NotAProgramError("model.ini", f"does not have {wanted} trees for each round")
    return wanted


def _tree(document: MojoDocument, reader: TreeReader, target: int, group: int) -> Tree | None:
    """A tree; None where it is not there, which genmodel takes for one that adds nothing."""
    name = f"trees/t{target:02d}_{group:03d}.bin"
    if name not in document.archive:
        return None
    aux = name.replace(".bin", "_aux.bin")
    weights = document.archive.read(aux) if aux in document.archive else None
    return reader.read(document.archive.read(name), name, target, weights)


def _started(document: MojoDocument, table: Table, register: int, writer: Writer) -> int:
    """A sum of leaves, the start of all, and the offset of the row."""
    start = document.settings.number("init_f")
    if not isfinite(start):
        raise NotAProgramError("model.ini", f"has init_f = {start}")
    register = writer.add({"step": "affine", "of": register, "add": start})
    if document.has_offset:
        register = writer.linear([register, table.columns[-1].source], [1.0, 1.0])
    return register
