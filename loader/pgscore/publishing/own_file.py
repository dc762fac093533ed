"""Boosters that were trained without their library's scikit-learn wrappers, and graphs of ONNX in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def own_file(booster: Any) -> tuple[bytes, str] | None:  # noqa: ANN401
    """The library's own file of a bare booster or of a graph, and its format; None for anything else.

    XGBoost and LightGBM write all that predicts up to the best iteration; XGBoost's own `predict` takes later trees
    too, where it is not told otherwise, and its wrappers do not.
    """
    kind = (type(booster).__module__.partition(".")[0], type(booster).__name__)
    if kind == ("xgboost", "Booster"):
        return bytes(booster.save_raw("ubj")), "xgboost-ubj"
    if kind == ("lightgbm", "Booster"):
        return booster.model_to_string().encode(), "lightgbm"
    if kind == ("onnx", "ModelProto"):
        return bytes(booster.SerializeToString()), "onnx"
    if kind == ("catboost", "CatBoost"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.cbm"
            booster.save_model(str(path))
            return path.read_bytes(), "catboost"
    return None
