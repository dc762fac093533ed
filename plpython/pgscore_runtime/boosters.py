"""Boosters' own files, of XGBoost, LightGBM and CatBoost: reading one runs none of its code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, Refusal
from .ubjson import read_ubjson

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("xgboost-json", "xgboost-ubj", "lightgbm", "catboost")
_CLASSIFIER = ("binary:logistic", "multi:softprob", "multi:softmax")
_PROBABILITIES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")
_LIGHTGBM_VERSION = 4
_WHERE = r"^(\[[\d:]+\] )?\S+:\d+: "
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


def _xgboost_json(content: bytes) -> Any:  # noqa: ANN401
    return _xgboost(content, json.loads)


def _xgboost_ubj(content: bytes) -> Any:  # noqa: ANN401
    return _xgboost(content, read_ubjson)


def _xgboost(content: bytes, read: Callable[[bytes], Any]) -> Any:  # noqa: ANN401
    import xgboost

    try:
        document = read(content)
        written = [int(each) for each in document["version"]]
        objective = document["learner"]["objective"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _cut_short("XGBoost", error if isinstance(error, ValueError) else None) from None
    if written[:2] > [int(each) for each in xgboost.__version__.split(".")[:2]]:
        raise _newer("XGBoost", ".".join(map(str, written)), xgboost.__version__)
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(content))
    except Exception as error:
        raise _cut_short("XGBoost", error) from None
    estimator = xgboost.XGBClassifier() if objective in _CLASSIFIER else xgboost.XGBRegressor()
    # What was saved by a wrapper says which one, and another one refuses it.
    booster.set_attr(scikit_learn=None)
    estimator.load_model(booster.save_raw("ubj"))
    return estimator


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

    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise _cut_short("LightGBM", error) from None
    if not _is_whole_lightgbm(text):
        raise _cut_short("LightGBM", None)
    version = re.search(r"^version=v(\d+)", text, re.MULTILINE)
    if version is not None and int(version[1]) > _LIGHTGBM_VERSION:
        raise _newer("LightGBM", f"as its format {version[1]}", lightgbm.__version__)
    try:
        return LightGBMFile(lightgbm.Booster(model_str=text, params={"verbose": -1}))
    except Exception as error:
        raise _cut_short("LightGBM", error) from None


def _is_whole_lightgbm(text: str) -> bool:
    """Whether all trees are there, and what follows them: LightGBM itself does not end where its parameters do not."""
    sizes = re.search(r"^tree_sizes=(.*)$", text, re.MULTILINE)
    _, end_of_trees, rest = text.partition("\nend of trees")
    _, end_of_parameters, rest = rest.partition("\nend of parameters")
    return (
        sizes is not None
        and len(sizes[1].split()) == text.count("\nTree=")
        and bool(end_of_trees and end_of_parameters)
        and re.fullmatch(r"\s*(pandas_categorical:\S.*)?\s*", rest) is not None
    )


def _catboost(content: bytes) -> Any:  # noqa: ANN401
    import catboost

    if len(content) < _HEAD or len(content) < _HEAD + int.from_bytes(content[4:_HEAD], "little"):
        raise _cut_short("CatBoost", None)
    try:
        model = catboost.CatBoost().load_model(blob=content, format="cbm")
    except Exception as error:
        unsupported = re.search(r"Unsupported model format: (\S+)", str(error))
        if unsupported is not None:
            raise _newer("CatBoost", f"as {unsupported[1]}", catboost.__version__) from None
        raise _cut_short("CatBoost", error) from None
    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    estimator = catboost.CatBoostClassifier() if loss in _PROBABILITIES else catboost.CatBoostRegressor()
    return estimator.load_model(blob=content, format="cbm")


def _cut_short(library: str, error: Exception | None) -> Refusal:
    # Without the time, and the place in the library's source.
    reason = "" if error is None else f" ({re.sub(_WHERE, '', str(error).strip()).splitlines()[0]})"
    return Refusal(
        DATA_CORRUPTED, f"the artifact is no {library} model, or is cut short{reason}", f"Save it again with {library}."
    )


def _newer(library: str, written: str, here: str) -> Refusal:
    return Refusal(
        FEATURE_NOT_SUPPORTED,
        f"the artifact was written by {library} {written}, which {here}, as is installed here, does not read",
        f"Install the {library} that wrote it.",
    )


_READERS: dict[str, Callable[[bytes], Any]] = {
    "xgboost-json": _xgboost_json,
    "xgboost-ubj": _xgboost_ubj,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
}
