"""A model drawn at random: a predictor, alone or behind transformers, fitted on a random table."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pgscore.readers import dispatch
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler
from threadpoolctl import threadpool_limits

from .data import Data, draw_data
from .draw import Draw
from .kinds import CLASSES, class_of
from .predictors import PREDICTORS
from .transformers import TRANSFORMERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from .kinds import Predictor, Target, Transformer

_MOST_ATTEMPTS = 40
_IMPUTER = "sklearn.impute.SimpleImputer"
# How the names of classes begin that are files of other tools: nobody fits them.
FILES = ("pgscore.readers.", "pgscore_runtime.")


class NothingFitsError(Exception):
    """A class was drawn again and again, and none of its objects could be fitted."""


@dataclass
class Drawn:
    """A fitted model.

    Attributes:
        key: the predictor that it is about.
        estimator: fitted.
        data: what it was fitted on.
        positive: the class that the score is about; None for a value.
        made: all classes that are part of it, as readers name them.
        attempts: how many were drawn until one could be fitted.
        categories: the inputs of which a model keeps no texts but hashes.
    """

    key: str
    estimator: Any
    data: Data
    positive: Any
    made: list[str]
    attempts: int
    categories: tuple[str, ...] = ()

    @property
    def sample(self) -> pd.DataFrame:
        """Golden rows: the first ones, and of those categories as many as show all of them."""
        frame = self.data.frame
        shown = [rows.index[0] for name in self.categories for _, rows in frame.groupby(name)]
        return frame.loc[sorted({*frame.index[:4], *shown})].reset_index(drop=True)


@cache
def readable() -> tuple[dict[str, Predictor], dict[str, Transformer]]:
    """The parts of the tables that have a reader, and whose classes the installed libraries have."""
    predictors = {key: kind for key, kind in PREDICTORS.items() if key in dispatch.PREDICTORS and _is_there(key)}
    return predictors, {
        key: kind for key, kind in TRANSFORMERS.items() if key in dispatch.TRANSFORMERS and _is_there(key)
    }


def _is_there(key: str) -> bool:
    try:
        class_of(key)
    except ImportError:
        return False
    return True


class Maker(Draw):
    """Draws parts of models."""

    target: Target = "value"

    def inner(self, target: Target, *, probabilities: bool = False) -> Any:  # noqa: ANN401
        """A predictor that is part of another one; it wraps none itself."""
        chosen = [
            key
            for key, kind in readable()[0].items()
            if target in kind.targets
            and (kind.make is None or key.startswith(("xgboost", "lightgbm", "sklearn.ensemble.Hist", "sklearn.svm.")))
            and not kind.sole
            and kind.reads in ("numbers", "texts")
            and (kind.probabilities or not probabilities)
        ]
        return self.predictor(self.pick(chosen), target)

    def predictor(self, key: str, target: Target) -> Any:  # noqa: ANN401
        """A predictor of a class."""
        kind = PREDICTORS[key]
        self.made.append(key)
        of = class_of(key)
        return of(**kind.parameters(self)) if kind.make is None else kind.make(self, target, of)

    def transformer(self, key: str) -> Any:  # noqa: ANN401
        """A transformer of a class."""
        kind = TRANSFORMERS[key]
        self.made.append(key)
        of = class_of(key)
        return of(**kind.parameters(self)) if kind.make is None else kind.make(self, of)

    def number_chain(self, *, gaps: bool, least: int = 0, most: int = 2, whole: bool = False) -> list[Any]:
        """Transformers of numbers, one behind the other; they fill gaps first where one of them would refuse those."""
        suits = ("numbers", "matrix")
        keys = [
            key
            for key, kind in readable()[1].items()
            if kind.reads in suits and self.target in kind.targets and (kind.reads == "matrix" or not whole)
        ] or [_IMPUTER]
        chosen = [self.pick(keys) for _ in range(self.whole(least, most))]
        if gaps and (not chosen or TRANSFORMERS[chosen[0]].missing != "fills"):
            chosen.insert(0, _IMPUTER)
        return [self.transformer(key) for key in chosen]

    def encoders(self, *, gaps: bool) -> list[Any]:
        """What makes numbers of texts and booleans."""
        keys = [key for key, kind in readable()[1].items() if kind.reads == "encodes" and self.target in kind.targets]
        steps: list[Any] = []
        if gaps and self.chance(0.4):
            self.made.append(_IMPUTER)
            constant = {"strategy": "constant", "fill_value": self.pick(("", "none", "gold"))}
            steps.append(SimpleImputer(**self.pick((constant, {"strategy": "most_frequent"}))))
        steps.append(self.transformer(self.pick(keys)))
        if self.chance(0.15):
            steps += self.number_chain(gaps=False, least=1, most=1)
        return steps


def draw_model(key: str, seed: int, index: int) -> Drawn:
    """A fitted model about a class.

    Raises:
        NothingFitsError: of many that were drawn none could be fitted.
    """
    error: Exception | None = None
    for attempt in range(_MOST_ATTEMPTS):
        maker = Maker(seed, index, attempt)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"), threadpool_limits(1):
                warnings.simplefilter("ignore")
                return _fitted(maker, key, attempt + 1)
        except Exception as caught:  # whatever a library says of parameters or data that do not go together
            error = caught
    raise NothingFitsError(f"{key}: {type(error).__name__}: {error}")


def _fitted(maker: Maker, key: str, attempts: int) -> Drawn:
    kind = PREDICTORS[key]
    maker.target = target = maker.pick(kind.targets)
    form = "alone" if kind.sole else maker.pick(("alone", "chain", "columns", "columns"))
    if kind.reads == "codes" and form != "alone":
        form = "chain"
    gaps = maker.chance(0.5) and (form != "alone" or kind.missing)
    texts = maker.whole(1, 2) if form == "columns" else maker.whole(0, 2) * (kind.reads == "texts" and form == "alone")
    booleans = maker.whole(0, 1) * (form == "columns" or (form == "alone" and not gaps))
    numbers = maker.whole(1, 5) if key != "sklearn.isotonic.IsotonicRegression" else 1
    codes = kind.reads in ("codes", "nonnegative") and form == "alone"
    data = draw_data(maker, target, numbers=numbers, texts=texts, booleans=booleans, gaps=gaps, codes=codes)
    predictor = maker.predictor(key, target)
    categories = _hashed(maker, key, form, data)
    if categories and form == "columns":
        steps = [_beside_numbers(maker, data, categories, gaps=gaps)]
        predictor.set_params(cat_features=[*range(len(categories))])
    else:
        steps = _steps(maker, form, data, kind, gaps=gaps)
    if categories and form == "alone":
        # It takes no missing ones.
        data = data.complete(categories)
        predictor.set_params(cat_features=categories)
    model = _piped(maker, steps, predictor) if steps else predictor
    frame: Any = data.frame
    if form == "alone" and texts:
        frame = frame.astype(dict.fromkeys(data.columns("text"), "category"))
    elif not data.columns("text", "boolean") and maker.chance(0.25):
        frame = frame.to_numpy()
    _fit(model, frame, data.target, target)
    model = model if kind.finish is None else kind.finish(model)
    classes = list(getattr(model, "classes_", ())) if target in CLASSES else []
    texts_shown = [each for each in categories if data.kinds[each] == "text" and maker.chance(0.9)]
    return Drawn(
        key, model, data, maker.pick(classes) if classes else None, sorted(set(maker.made)), attempts,
        tuple(texts_shown),
    )  # fmt: skip


def _fit(model: Any, frame: Any, target: Any, kind: Target) -> None:  # noqa: ANN401
    if kind != "groups":
        model.fit(frame, target)
    elif type(model).__module__.startswith("catboost"):
        model.fit(frame, target, group_id=np.arange(len(frame)) // 10)
    elif type(model).__module__.startswith("xgboost"):
        model.fit(frame, target, qid=np.arange(len(frame)) // 10)
    else:
        model.fit(frame, target, group=[len(frame)])


def _steps(maker: Maker, form: str, data: Data, kind: Predictor, *, gaps: bool) -> list[Any]:
    """What stands before the predictor."""
    keep_gaps = kind.missing and maker.chance(0.5)
    if form == "alone":
        return []
    if form == "chain":
        steps = maker.number_chain(gaps=gaps and not keep_gaps, least=0 if gaps else 1)
    else:
        steps = [_columns(maker, data, gaps=gaps, fill=gaps and not keep_gaps)]
        if maker.chance(0.3):
            steps += maker.number_chain(gaps=False, least=1, most=1)
    if kind.reads == "nonnegative":
        steps.append(MinMaxScaler(clip=True))
    if kind.reads == "codes":
        steps.append(KBinsDiscretizer(4, encode="ordinal", strategy="uniform"))
    return steps


def _columns(maker: Maker, data: Data, *, gaps: bool, fill: bool) -> ColumnTransformer:
    """A ColumnTransformer of all columns, or almost."""
    numbers = data.columns("double precision")
    parts: list[tuple[str, Any, Any]] = []
    cut = maker.whole(0, len(numbers))
    for name, columns in (("numbers", numbers[:cut]), ("others", numbers[cut:])):
        if columns and maker.chance(0.15) and not fill:
            parts.append((name, maker.pick(("passthrough", "drop")), columns))
        elif columns and maker.chance(0.15):
            parts.append((name, maker.transformer("sklearn.preprocessing.OrdinalEncoder"), columns))
        elif columns:
            parts.append((name, _chain(maker, maker.number_chain(gaps=fill)), columns))
    for name in data.columns("text"):
        parts.append((f"text {name}", _chain(maker, maker.encoders(gaps=gaps)), [name]))
    booleans = data.columns("boolean")
    if booleans:
        plain = maker.chance(0.5) and not fill
        parts.append(("flags", "passthrough" if plain else _chain(maker, maker.encoders(gaps=gaps)), booleans))
    maker.made.append("sklearn.compose.ColumnTransformer")
    weights = maker.maybe(0.15, transformer_weights={parts[0][0]: maker.pick((2.0, 0.3, -1.0))})
    return ColumnTransformer(parts, sparse_threshold=maker.pick((0.0, 0.3, 1.0)), **weights)


def _hashed(maker: Maker, key: str, form: str, data: Data) -> list[str]:
    """The inputs that a CatBoost gets as categories."""
    if not key.startswith("catboost") or form == "chain" or (form == "columns" and maker.chance(0.5)):
        return []
    if form == "alone":
        return data.columns("text") + (data.columns("boolean") if maker.chance(0.5) else [])
    return data.columns("text", "boolean")[: maker.whole(1, 3)]


def _beside_numbers(maker: Maker, data: Data, categories: list[str], *, gaps: bool) -> ColumnTransformer:
    """Categories as they are, in front of numbers as they are, and of nothing else."""
    parts: list[tuple[str, Any, Any]] = [("categories", "passthrough", categories)]
    if gaps:
        maker.made.append(_IMPUTER)
        fill = {"strategy": "constant", "fill_value": maker.pick(("", "none", "gold"))}
        parts = [("categories", SimpleImputer(**maker.pick((fill, {"strategy": "most_frequent"}))), categories)]
    maker.made.append("sklearn.compose.ColumnTransformer")
    return ColumnTransformer([*parts, ("numbers", "passthrough", data.columns("double precision"))])


def _chain(maker: Maker, steps: Sequence[Any]) -> Any:  # noqa: ANN401
    """One transformer of several; now and then two of them side by side."""
    if not steps:
        return "passthrough"
    piped = steps[0]
    if len(steps) > 1:
        maker.made.append("sklearn.pipeline.Pipeline")
        piped = Pipeline([(f"part {n}", each) for n, each in enumerate(steps)])
    if maker.chance(0.1) and "sklearn.pipeline.FeatureUnion" in readable()[1]:
        maker.made.append("sklearn.pipeline.FeatureUnion")
        return FeatureUnion([("one", piped), ("other", "passthrough" if maker.chance(0.2) else piped)])
    return piped


def _piped(maker: Maker, steps: Sequence[Any], predictor: Any) -> Pipeline:  # noqa: ANN401
    maker.made.append("sklearn.pipeline.Pipeline")
    names = [f"step {n}" for n in range(len(steps))]
    return Pipeline([*zip(names, steps, strict=True), ("model", predictor)])


def frame_of(data: Data) -> pd.DataFrame:
    """What a model was fitted on, as columns of a table hold it."""
    return data.frame
