"""The model: an ordinary scikit-learn pipeline that has never heard of a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .customers import LABEL

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


@dataclass(frozen=True)
class FittedModel:
    """A fitted pipeline and what it was not fitted on.

    Attributes:
        pipeline: takes a frame with the 19 predictors.
        held_out: predictors of the customers it has not seen.
        auc: area under the ROC curve on them.
    """

    pipeline: Pipeline
    held_out: pd.DataFrame
    auc: float

    def scores(self, predictors: pd.DataFrame) -> npt.NDArray[np.float64]:
        """The probability of leaving, one for each row, as Python computes it."""
        leaves = list(self.pipeline.classes_).index("yes")
        return np.asarray(self.pipeline.predict_proba(predictors)[:, leaves], dtype=np.float64)


def make_pipeline(predictors: pd.DataFrame, classifier: object) -> Pipeline:
    """Scaled numbers and one-hot categories in front of a classifier; not fitted."""
    numbers = list(predictors.select_dtypes("number").columns)
    categories = [name for name in predictors.columns if name not in numbers]
    prepare = ColumnTransformer(
        [
            ("numbers", StandardScaler(), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
        ]
    )
    return Pipeline([("prepare", prepare), ("classify", classifier)])


def fit(customers: pd.DataFrame) -> FittedModel:
    """Fits gradient boosting on three quarters of the customers."""
    train, held_out = train_test_split(customers, test_size=0.25, stratify=customers[LABEL], random_state=0)
    predictors = train.drop(columns=LABEL)
    pipeline = make_pipeline(predictors, GradientBoostingClassifier(random_state=0))
    pipeline.fit(predictors, train[LABEL])
    unseen = held_out.drop(columns=LABEL).sort_index()
    fitted = FittedModel(pipeline, unseen, auc=0.0)
    truth = held_out[LABEL].sort_index() == "yes"
    return FittedModel(pipeline, unseen, float(roc_auc_score(truth, fitted.scores(unseen))))
