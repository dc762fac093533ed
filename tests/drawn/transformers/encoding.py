"""What makes numbers of categories, fills gaps, and puts transformers together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tests.drawn.kinds import Transformer

if TYPE_CHECKING:
    from tests.drawn.draw import Draw
    from tests.drawn.models import Maker


def _one_hot(draw: Draw) -> dict[str, Any]:
    unknown = draw.pick(("error", "ignore", "ignore", "infrequent_if_exist"))
    return {
        "handle_unknown": unknown,
        "sparse_output": draw.chance(0.5),
        **draw.maybe(0.3, drop=draw.pick(("first", "if_binary"))),
        **draw.maybe(0.4, min_frequency=draw.pick((5, 20, 0.1))),
        **draw.maybe(0.3, max_categories=draw.whole(2, 4)),
    }


def _ordinal(draw: Draw) -> dict[str, Any]:
    return {
        **draw.maybe(0.7, handle_unknown="use_encoded_value", unknown_value=draw.pick((-1, -7, 99, math.nan))),
        **draw.maybe(0.5, encoded_missing_value=draw.pick((-2, 50, math.nan))),
        **draw.maybe(0.3, min_frequency=draw.pick((5, 20))),
        **draw.maybe(0.2, max_categories=draw.whole(2, 4)),
    }


def _target(draw: Draw) -> dict[str, Any]:
    return {
        "smooth": draw.pick(("auto", 0.5, 10.0)), "cv": 3, "random_state": draw.seed(),
    }  # fmt: skip


def _imputer(maker: Maker, of: type) -> Any:  # noqa: ANN401
    strategy = maker.pick(("mean", "median", "most_frequent", "constant"))
    given: dict[str, Any] = {"strategy": strategy, "add_indicator": maker.chance(0.3)}
    if strategy == "constant":
        given["fill_value"] = maker.pick((0.0, -1.0, 1e6))
    return of(**given, **maker.maybe(0.2, keep_empty_features=True))


def _indicator(draw: Draw) -> dict[str, Any]:
    return {"features": draw.pick(("missing-only", "all")), "error_on_new": False, "sparse": draw.pick((False, "auto"))}


TRANSFORMERS: dict[str, Transformer] = {
    "sklearn.pipeline.Pipeline": Transformer(reads="whole"),
    "sklearn.pipeline.FeatureUnion": Transformer(reads="whole"),
    "sklearn.compose.ColumnTransformer": Transformer(reads="whole"),
    "sklearn.preprocessing.OneHotEncoder": Transformer(_one_hot, reads="encodes", missing="passes"),
    "sklearn.preprocessing.OrdinalEncoder": Transformer(_ordinal, reads="encodes", missing="passes"),
    "sklearn.preprocessing.TargetEncoder": Transformer(_target, reads="encodes", missing="passes"),
    "sklearn.impute.SimpleImputer": Transformer(missing="fills", make=_imputer),
    "sklearn.impute.MissingIndicator": Transformer(_indicator, missing="fills"),
}
