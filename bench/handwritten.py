"""What a patient person writes: the model as one SQL expression, with every number a double."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .contender import Contender, scoring_update
from .customers import declared
from .models import BOOSTERS, LINEAR, fitted

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from .setting import Session

NAME = "handwritten"


def install(session: Session, model: str) -> Contender:
    """Nothing to install: the expression stands in the statement."""
    del session
    margin = _margin(model)
    score = f"(1::double precision / (1::double precision + exp(-({margin}))))"
    return Contender(NAME, score, scoring_update(score))


def _margin(model: str) -> str:
    if model in BOOSTERS:
        from . import boosters

        return boosters.margin(model)
    return _linear(fitted(model)) if model == LINEAR else _trees(fitted(model))


def _linear(pipeline: Pipeline) -> str:
    """The scaling folded into the weights."""
    scale, classify = pipeline["scale"], pipeline["classify"]
    weights = classify.coef_[0] / scale.scale_
    intercept = classify.intercept_[0] - weights @ scale.mean_
    terms = [f"{_number(weight)} * c.{name}" for weight, name in zip(weights, declared(), strict=True)]
    return " + ".join([_number(intercept), *terms])


def _trees(pipeline: Pipeline) -> str:
    """A sum of nested CASE expressions, with the learning rate folded into the leaves."""
    boosting = pipeline["classify"]
    stay, leave = boosting.init_.class_prior_
    start = math.log(leave / stay)
    trees = [_node(tree.tree_, 0, boosting.learning_rate) for (tree,) in boosting.estimators_]
    return " + ".join([_number(start), *trees])


def _node(tree: Any, node: int, rate: float) -> str:  # noqa: ANN401  scikit-learn's Tree has no types
    if tree.children_left[node] < 0:
        return _number(rate * tree.value[node][0, 0])
    name = list(declared())[tree.feature[node]]
    left, right = (_node(tree, child[node], rate) for child in (tree.children_left, tree.children_right))
    return f"(case when c.{name} <= {_number(tree.threshold[node])} then {left} else {right} end)"


def _number(value: float) -> str:
    """A literal that is a constant for the parser: a cast of a quoted number, where -1.5 would be an operator."""
    return f"'{float(value)!r}'::double precision"
