"""Boosters' own files, of XGBoost, LightGBM and CatBoost: reading one runs none of its code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("xgboost-json", "xgboost-ubj", "lightgbm", "catboost")
_CLASSIFIER = ("binary:logistic", "multi:softprob", "multi:softmax")
_PROBABILITIES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")
_LIGHTGBM_VERSION = 4
# Of a CatBoost file: four letters, and the size of what follows.
_HEAD = 8


def format_of(start: bytes) -> str | None:
    """Which of the formats a file is in, by its first bytes (64 at least); None for none of them."""
    if start.startswith(b"CBM1"):
        return "catboost"
    if re.match(rb"tree\r?\nversion=", start):
        return "lightgbm"
    if start.startswith(b"{") and b"learner" in start[:64]:
        # UBJSON tells the type of each length; JSON has blanks and quotes there.
        return "xgboost-json" if re.match(rb"\{\s*\"", start) else "xgboost-ubj"
    return None


def read_booster(content: bytes, kind: str) -> Any:  # noqa: ANN401
    """A fitted estimator out of a booster's own file.

    Raises:
        Refusal: the file is cut short, or was written by a newer release than is installed here.
        ModuleNotFoundError: the library is not installed.
    """
    return _READERS[kind](content)


def _xgboost(content: bytes) -> Any:  # noqa: ANN401
    import xgboost

    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(content))
        saved = json.loads(booster.save_raw("json"))
    except Exception as error:
        raise _cut_short("XGBoost", error) from None
    written, here = _written(content), tuple(int(each) for each in xgboost.__version__.split(".")[:2])
    if written is not None and written[:2] > here:
        raise _newer("XGBoost", ".".join(map(str, written)), xgboost.__version__)
    objective = saved["learner"]["objective"]["name"]
    estimator = xgboost.XGBClassifier() if objective in _CLASSIFIER else xgboost.XGBRegressor()
    # What was saved by a wrapper says which one, and another one refuses it.
    booster.set_attr(scikit_learn=None)
    estimator.load_model(booster.save_raw("ubj"))
    return estimator


def _written(content: bytes) -> tuple[int, ...] | None:
    """The version that wrote an XGBoost file, which stands at its end."""
    found = re.search(rb'"version"\s*:\s*\[(\d+),\s*(\d+),\s*(\d+)\]\s*\}\s*$', content[-200:])
    return None if found is None else tuple(int(each) for each in found.groups())


class LightGBMFile:
    """A booster that was read from LightGBM's text, with the calls of an estimator."""

    def __init__(self, booster: Any) -> None:  # noqa: ANN401
        import numpy as np

        self.booster_ = booster
        objective = str(booster.dump_model(num_iteration=1)["objective"]).split(" ")[0]
        names = booster.feature_name()
        self.n_features_in_ = len(names)
        if names != [f"Column_{number}" for number in range(len(names))]:
            self.feature_names_in_ = np.array(names, dtype=object)
        if objective in ("binary", "multiclass", "multiclassova"):
            classes = booster.num_model_per_iteration()
            self.classes_ = np.arange(2 if objective == "binary" else classes)
            self.predict_proba = self._probabilities

    def predict(self, given: Any) -> Any:  # noqa: ANN401
        """A label or a value for each row."""
        import numpy as np

        if hasattr(self, "classes_"):
            return self.classes_[np.argmax(self._probabilities(given), axis=1)]
        return self.booster_.predict(given, num_threads=1)

    def _probabilities(self, given: Any) -> Any:  # noqa: ANN401
        import numpy as np

        found = self.booster_.predict(given, num_threads=1)
        return np.column_stack([1 - found, found]) if found.ndim == 1 else found

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _lightgbm(content: bytes) -> Any:  # noqa: ANN401
    import lightgbm

    text = content.decode()
    sizes = re.search(r"^tree_sizes=(.*)$", text, re.MULTILINE)
    trees = text.count("\nTree=")
    if sizes is None or len(sizes[1].split()) != trees or "\nend of trees" not in text:
        raise _cut_short("LightGBM", None)
    version = re.search(r"^version=v(\d+)", text, re.MULTILINE)
    if version is not None and int(version[1]) > _LIGHTGBM_VERSION:
        raise _newer("LightGBM", f"a release of model version {version[1]}", lightgbm.__version__)
    try:
        return LightGBMFile(lightgbm.Booster(model_str=text, params={"verbose": -1}))
    except Exception as error:
        raise _cut_short("LightGBM", error) from None


def _catboost(content: bytes) -> Any:  # noqa: ANN401
    import catboost

    if len(content) < _HEAD or len(content) < _HEAD + int.from_bytes(content[4:_HEAD], "little"):
        raise _cut_short("CatBoost", None)
    try:
        model = catboost.CatBoost().load_model(blob=content, format="cbm")
    except Exception as error:
        raise _cut_short("CatBoost", error) from None
    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    estimator = catboost.CatBoostClassifier() if loss in _PROBABILITIES else catboost.CatBoostRegressor()
    return estimator.load_model(blob=content, format="cbm")


def _cut_short(library: str, error: Exception | None) -> Refusal:
    reason = "" if error is None else f" ({str(error).strip().splitlines()[0]})"
    return Refusal(
        DATA_CORRUPTED, f"the artifact is no {library} model, or is cut short{reason}", f"Save it again with {library}."
    )


def _newer(library: str, written: str, here: str) -> Refusal:
    return Refusal(
        FEATURE_NOT_SUPPORTED,
        f"the artifact was written by {library} {written}, and {here} is installed here",
        f"Install the {library} that wrote it.",
    )


_READERS: dict[str, Callable[[bytes], Any]] = {
    "xgboost-json": _xgboost,
    "xgboost-ubj": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
}
