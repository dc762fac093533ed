"""What makes one number of one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.drawn.kinds import Transformer, nothing

if TYPE_CHECKING:
    from tests.drawn.draw import Draw
    from tests.drawn.models import Maker

_FUNCTIONS = (
    None, np.abs, np.sqrt, np.square, np.log, np.log1p, np.log10, np.log2, np.exp, np.expm1, np.sign, np.cbrt, np.tanh,
    np.sin, np.cos, np.floor, np.ceil, np.trunc, np.reciprocal, np.negative,
)  # fmt: skip


def _standard(draw: Draw) -> dict[str, Any]:
    return {"with_mean": draw.chance(0.8), "with_std": draw.chance(0.8)}


def _min_max(draw: Draw) -> dict[str, Any]:
    return {"clip": draw.chance(0.5), "feature_range": draw.pick(((0, 1), (-1, 1), (0.25, 7.5)))}


def _robust(draw: Draw) -> dict[str, Any]:
    return {
        "with_centering": draw.chance(0.8),
        "with_scaling": draw.chance(0.8),
        "unit_variance": draw.chance(0.2),
        "quantile_range": draw.pick(((25.0, 75.0), (10.0, 90.0))),
    }


def _quantiles(draw: Draw) -> dict[str, Any]:
    return {
        "n_quantiles": draw.pick((5, 20, 1000)),
        "output_distribution": draw.pick(("uniform", "normal")),
        "random_state": draw.seed(),
    }


def _power(draw: Draw) -> dict[str, Any]:
    return {"method": draw.pick(("yeo-johnson", "yeo-johnson", "box-cox")), "standardize": draw.chance(0.7)}


def _function(maker: Maker, of: type) -> Any:  # noqa: ANN401
    chosen = maker.pick(_FUNCTIONS)
    if chosen is not None and maker.chance(0.15):
        return of(np.clip, kw_args={"a_min": maker.real(-5, 0), "a_max": maker.real(0, 50)})
    return of(chosen, validate=maker.chance(0.3))


TRANSFORMERS: dict[str, Transformer] = {
    "sklearn.preprocessing.StandardScaler": Transformer(_standard, missing="passes"),
    "sklearn.preprocessing.MinMaxScaler": Transformer(_min_max, missing="passes"),
    "sklearn.preprocessing.MaxAbsScaler": Transformer(nothing, missing="passes"),
    "sklearn.preprocessing.RobustScaler": Transformer(_robust, missing="passes"),
    "sklearn.preprocessing.QuantileTransformer": Transformer(_quantiles, missing="passes"),
    "sklearn.preprocessing.PowerTransformer": Transformer(_power, missing="passes"),
    "sklearn.preprocessing.Binarizer": Transformer(lambda draw: {"threshold": draw.pick((0.0, 1.0, -0.5, 3.3))}),
    "sklearn.preprocessing.FunctionTransformer": Transformer(missing="passes", make=_function),
}
