"""Fitted pipelines of every kind that becomes a program."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.naive_bayes import CategoricalNB, GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.support.programs import NUMBERS, customers, labels

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAIN = {
    "amount": "double precision",
    "calls": "double precision",
    "shift": "double precision",
    "plan": "text",
    "flag": "boolean",
}
# One column of each type that can serve.
MIXED = {"amount": "numeric", "calls": "integer", "shift": "real", "plan": "varchar(20)", "flag": "boolean"}
OTHERS = {"amount": "real", "calls": "bigint", "shift": "numeric(30,12)", "plan": "parity_plan", "flag": "boolean"}
FURTHER = {"amount": "parity_money", "calls": "smallint", "shift": "numeric", "plan": "parity_word", "flag": "boolean"}


@dataclass
class Case:
    """A model to fit.

    Attributes:
        model: an estimator, not fitted.
        classes: how many there are to tell apart; 0 for a number.
        missing: whether values are missing among the rows that it is fitted on.
        columns: the inputs, with the types of their columns in the profile table.
        array: whether it is fitted on an array without names.
        categories: inputs that are given as pandas' categories.
        none: whether a missing text is None and not NaN.
    """

    model: Any
    classes: int = 2
    missing: bool = False
    columns: Mapping[str, str] | None = None
    array: bool = False
    categories: tuple[str, ...] = ()
    none: bool = False

    @property
    def types(self) -> Mapping[str, str]:
        """The columns of the profile table."""
        return PLAIN if self.columns is None else self.columns

    def frame(self) -> pd.DataFrame:
        """150 rows x the inputs."""
        frame = customers(missing=self.missing)[list(self.types)]
        if self.none:
            frame["plan"] = pd.Series([None if plan == "tin" else plan for plan in frame["plan"]], dtype=object)
        return frame

    def fitted(self) -> tuple[Any, pd.DataFrame]:
        """The fitted model and rows to ask it about."""
        frame = self.frame()
        given: Any = frame.astype(dict.fromkeys(self.categories, "category"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # solvers that stop early
            wanted = labels(customers(missing=self.missing), self.classes)
            return clone(self.model).fit(given.to_numpy() if self.array else given, wanted), frame


def _numbers(kind: str, source: Mapping[str, str] = PLAIN) -> dict[str, str]:
    return {name: kind or source[name] for name in NUMBERS}


def _prepared(scaler: Any = None, encoder: Any = None, **options: Any) -> ColumnTransformer:  # noqa: ANN401
    return ColumnTransformer(
        [
            ("numbers", scaler or StandardScaler(), NUMBERS),
            ("plan", encoder or OneHotEncoder(handle_unknown="ignore"), ["plan"]),
        ],
        remainder="passthrough",
        **options,
    )


_LINEAR = LogisticRegression(max_iter=500, C=0.1)
_BOOSTED = GradientBoostingClassifier(n_estimators=5, random_state=0)
_HISTOGRAM = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5, random_state=0)
_FOREST = RandomForestRegressor(n_estimators=4, max_depth=5, random_state=0)
_IMPUTED = [
    ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), NUMBERS),
    (
        "plan",
        make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder(handle_unknown="ignore")),
        ["plan"],
    ),
    ("flag", SimpleImputer(strategy="most_frequent", add_indicator=True), ["flag"]),
]


@cache
def cases() -> dict[str, Case]:
    """All of them, by name."""
    return {
        # Linear models.
        "linear": Case(make_pipeline(_prepared(), LinearRegression()), 0),
        "ridge": Case(make_pipeline(_prepared(MinMaxScaler(clip=True)), Ridge()), 0, columns=MIXED),
        "lasso": Case(make_pipeline(_prepared(sparse_threshold=1.0), Lasso(alpha=0.01)), 0),
        "elastic": Case(make_pipeline(StandardScaler(), ElasticNet()), 0, columns=_numbers("", OTHERS), array=True),
        "sgd_value": Case(make_pipeline(StandardScaler(), SGDRegressor(random_state=0)), 0, columns=_numbers("")),
        "logistic": Case(make_pipeline(_prepared(), _LINEAR), columns=MIXED),
        "multinomial": Case(make_pipeline(_prepared(), _LINEAR), 3, columns=OTHERS),
        "raw_logistic": Case(LogisticRegression(max_iter=20), columns=_numbers("numeric")),
        "sgd_log": Case(make_pipeline(_prepared(), SGDClassifier(loss="log_loss", random_state=0)), 3),
        "sgd_hinge": Case(make_pipeline(_prepared(), SGDClassifier(random_state=0)), 2, columns=FURTHER),
        "ridge_classes": Case(make_pipeline(_prepared(), RidgeClassifier()), 3, columns=MIXED),
        # Classic models.
        "gaussian": Case(make_pipeline(_prepared(), GaussianNB()), 3, columns=MIXED),
        "categorical": Case(make_pipeline(_prepared(MinMaxScaler((0, 3)), OrdinalEncoder()), CategoricalNB())),
        "quadratic": Case(make_pipeline(_prepared(), QuadraticDiscriminantAnalysis(reg_param=0.1)), 3, columns=OTHERS),
        "network": Case(make_pipeline(_prepared(), MLPClassifier((6, 4), max_iter=20, random_state=0)), 3),
        "machine": Case(SVC(C=0.1), columns=_numbers("real")),
        # Labels that do not go by probabilities.
        "centroids": Case(make_pipeline(_prepared(), NearestCentroid()), 3, columns=MIXED),
        "cut_off": Case(make_pipeline(_prepared(), SGDClassifier(loss="modified_huber", random_state=0)), 3),
        "coupled": Case(make_pipeline(_prepared(), SVC(probability=True, random_state=0)), 2, columns=MIXED),
        "clusters": Case(make_pipeline(_prepared(), KMeans(4, n_init=1, random_state=0)), 0),
        # What prepares.
        "imputed": Case(make_pipeline(ColumnTransformer(_IMPUTED), _LINEAR), missing=True, columns=MIXED),
        "imputed_trees": Case(make_pipeline(ColumnTransformer(_IMPUTED), _BOOSTED), missing=True, columns=OTHERS),
        "median": Case(
            make_pipeline(SimpleImputer(strategy="median", add_indicator=True), MinMaxScaler(clip=True), _BOOSTED),
            3,
            missing=True,
            columns=_numbers("numeric"),
        ),
        "positions": Case(
            make_pipeline(
                ColumnTransformer(
                    [("some", StandardScaler(), [0, 2]), ("out", "drop", [3]), ("same", "passthrough", slice(1, 2))]
                ),
                _LINEAR,
            )
        ),
        "selectors": Case(
            make_pipeline(
                ColumnTransformer(
                    [
                        ("n", MinMaxScaler(), make_column_selector(dtype_include=float)),
                        (
                            "t",
                            OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
                            make_column_selector(dtype_include=object),
                        ),
                    ],
                    remainder="passthrough",
                ),
                _BOOSTED,
            ),
            columns=FURTHER,
        ),
        "known_only": Case(make_pipeline(_prepared(encoder=OneHotEncoder()), _LINEAR), columns=OTHERS),
        "known_trees": Case(make_pipeline(_prepared(encoder=OrdinalEncoder()), _BOOSTED), columns=MIXED),
        "infrequent": Case(
            make_pipeline(
                ColumnTransformer(
                    [("e", OneHotEncoder(handle_unknown="ignore", min_frequency=30), ["plan", "calls", "flag"])]
                ),
                _LINEAR,
            ),
            missing=True,
        ),
        "dropped": Case(
            make_pipeline(
                ColumnTransformer([("e", OneHotEncoder(handle_unknown="ignore", drop="first"), ["plan", "calls"])]),
                _BOOSTED,
            ),
            missing=True,
            columns=MIXED,
        ),
        "binary_dropped": Case(
            make_pipeline(_prepared(encoder=OneHotEncoder(drop="if_binary", handle_unknown="ignore")), Ridge()), 0
        ),
        "ordinal": Case(
            make_pipeline(
                ColumnTransformer(
                    [
                        (
                            "e",
                            OrdinalEncoder(
                                handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
                            ),
                            ["plan", "flag"],
                        )
                    ],
                    remainder="passthrough",
                ),
                RandomForestClassifier(n_estimators=4, max_depth=5, random_state=0),
            ),
            3,
            missing=True,
            columns=OTHERS,
        ),
        "ordinal_nan": Case(
            make_pipeline(
                ColumnTransformer(
                    [
                        (
                            "e",
                            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
                            ["plan", "flag"],
                        )
                    ],
                    remainder="passthrough",
                ),
                _HISTOGRAM,
            ),
            missing=True,
            columns=MIXED,
        ),
        "none": Case(
            make_pipeline(
                ColumnTransformer([("e", OneHotEncoder(handle_unknown="ignore"), ["plan"])], remainder="passthrough"),
                _BOOSTED,
            ),
            none=True,
        ),
        "curves": Case(
            make_pipeline(
                ColumnTransformer(
                    [
                        ("power", make_pipeline(PowerTransformer(), PolynomialFeatures(2)), ["amount", "calls"]),
                        ("places", QuantileTransformer(n_quantiles=20, output_distribution="normal"), ["calls"]),
                        ("spline", SplineTransformer(extrapolation="linear"), ["shift"]),
                        ("bins", KBinsDiscretizer(n_bins=3, strategy="uniform"), ["amount"]),
                    ]
                ),
                StandardScaler(with_mean=False),
                _LINEAR,
            ),
            columns=_numbers("", MIXED),
        ),
        "curves_trees": Case(
            make_pipeline(
                make_union(
                    FunctionTransformer(np.exp2, validate=False),
                    FunctionTransformer(pd.DataFrame.eval, kw_args={"expr": "ratio = amount / (calls + 1)"}),
                    Normalizer(norm="max"),
                    KBinsDiscretizer(n_bins=3, strategy="uniform", encode="ordinal"),
                ),
                SelectKBest(k=6),
                _BOOSTED,
            ),
            columns={"amount": "double precision", "calls": "integer", "shift": "real"},
        ),
        "projected": Case(
            make_pipeline(
                RobustScaler(),
                make_union(
                    PCA(2, whiten=True),
                    Nystroem(n_components=8, random_state=0),
                    KMeans(3, n_init=1, random_state=0),
                    LinearDiscriminantAnalysis(),
                ),
                _LINEAR,
            ),
            3,
            columns=_numbers("", OTHERS),
        ),
        "targets": Case(
            make_pipeline(ColumnTransformer([("e", TargetEncoder(), ["plan", "calls", "flag"])]), _BOOSTED),
            3,
            missing=True,
            columns=MIXED,
        ),
        # Trees.
        "tree": Case(DecisionTreeClassifier(max_depth=5, random_state=0), 3, columns=_numbers("numeric")),
        "tree_value": Case(
            DecisionTreeRegressor(max_depth=5, random_state=0), 0, missing=True, columns=_numbers("", MIXED)
        ),
        "forest": Case(
            make_pipeline(_prepared(), RandomForestClassifier(n_estimators=5, max_depth=6, random_state=0)),
            columns=OTHERS,
        ),
        "forest_value": Case(_FOREST, 0, missing=True, columns=_numbers("", FURTHER), array=True),
        "medians": Case(make_pipeline(_prepared(), AdaBoostRegressor(n_estimators=6, random_state=0)), 0),
        "extra": Case(make_pipeline(_prepared(), ExtraTreesClassifier(n_estimators=5, max_depth=5, random_state=0)), 3),
        "extra_value": Case(
            make_pipeline(_prepared(), ExtraTreesRegressor(n_estimators=4, max_depth=5, random_state=0)),
            0,
            columns=MIXED,
        ),
        "boosted": Case(make_pipeline(_prepared(), _BOOSTED), columns=FURTHER),
        "boosted_classes": Case(_BOOSTED, 3, columns=_numbers("", MIXED)),
        "boosted_value": Case(
            make_pipeline(_prepared(), GradientBoostingRegressor(n_estimators=6, random_state=0)), 0, columns=OTHERS
        ),
        "histogram": Case(_HISTOGRAM, missing=True, columns=_numbers("", OTHERS)),
        "histogram_classes": Case(_HISTOGRAM, 3, missing=True, columns=_numbers("", MIXED)),
        "histogram_categories": Case(
            HistGradientBoostingClassifier(
                categorical_features=["plan"], max_iter=5, min_samples_leaf=5, random_state=0
            ),
            missing=True,
            columns={name: kind for name, kind in OTHERS.items() if name != "flag"},
        ),
        "histogram_dtype": Case(
            HistGradientBoostingRegressor(
                categorical_features="from_dtype", max_iter=5, min_samples_leaf=5, random_state=0
            ),
            0,
            columns={name: kind for name, kind in MIXED.items() if name != "flag"},
            categories=("plan",),
        ),
        "histogram_codes": Case(
            HistGradientBoostingRegressor(
                categorical_features=["calls"], max_iter=5, min_samples_leaf=5, random_state=0
            ),
            0,
            missing=True,
            columns=_numbers("", MIXED),
        ),
    }
