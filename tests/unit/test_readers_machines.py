"""Perceptrons and vector machines: outputs, labels and refusals as scikit-learn's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgscore.errors import NotAProgramError
from pgscore.readers import absolute_terms, deciding_terms
from pgscore.readers.sklearn.coupling import _ROUNDS
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from tests.support.examples import examples
from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

if TYPE_CHECKING:
    from tests.support.programs import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::FutureWarning")

_SHORT = {"max_iter": 30, "random_state": 0}
_NETWORKS = [
    MLPClassifier((6, 4), **_SHORT),
    MLPClassifier((5,), activation="tanh", **_SHORT),
    MLPClassifier((5,), activation="logistic", **_SHORT),
    MLPClassifier((5,), activation="identity", **_SHORT),
    MLPClassifier((), **_SHORT),
]
_VALUED_NETWORKS = [
    MLPRegressor(hidden_layer_sizes=(6, 4), **_SHORT),
    MLPRegressor(hidden_layer_sizes=(5,), activation="tanh", **_SHORT),
]
_MACHINES = [
    SVC(),
    SVC(kernel="linear"),
    SVC(kernel="poly", coef0=1, degree=2),
    SVC(kernel="sigmoid"),
    NuSVC(gamma="auto"),
    SVC(decision_function_shape="ovo", C=10, class_weight="balanced"),
    SVC(break_ties=True),
]
_VALUED_MACHINES = [
    SVR(),
    SVR(C=1e4),
    SVR(kernel="linear"),
    SVR(kernel="linear", C=1e4),
    SVR(kernel="poly"),
    SVR(kernel="sigmoid"),
    NuSVR(),
    OneClassSVM(),
    OneClassSVM(kernel="linear"),
]
_VALUED = [*_VALUED_NETWORKS, *_VALUED_MACHINES]


def _prepared(model: Any, *, sparse: bool) -> Any:  # noqa: ANN401
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=sparse)
    columns = [("numbers", StandardScaler(), NUMBERS), ("plan", encoder, ["plan"])]
    prepared = ColumnTransformer(columns, remainder="passthrough", sparse_threshold=float(sparse))
    return make_pipeline(prepared, clone(model))


def _tame(rows: Rows) -> Rows:
    """Rows without numbers near the largest double: there a kernel overflows, and the weights folded of it do not.

    What libsvm makes of infinities that cancel depends on how BLAS adds them, and that on where they lie in memory.
    """
    return [row for row in rows if all(not isinstance(each, float) or abs(each) < 1e300 for each in row)]


@settings(deadline=None, max_examples=examples(8))
@given(
    model=st.sampled_from([*_NETWORKS, *_MACHINES, *_VALUED]),
    classes=st.sampled_from([2, 3]),
    sparse=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_any_machine(model: Any, classes: int, sparse: bool, seed: int) -> None:  # noqa: ANN401
    frame = customers(seed)
    wanted = labels(frame, 0 if model in _VALUED else classes)
    tested = pair(_prepared(model, sparse=sparse).fit(frame, wanted), frame)
    tested.assert_predictions(_tame(hard_rows(tested, frame, seed)))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", [*_NETWORKS, *_MACHINES], ids=str)
def test_classifiers_of_plain_numbers(model: Any, classes: int) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    tested = pair(clone(model).fit(frame.to_numpy(), labels(customers(), classes)), frame)
    rows = hard_rows(tested, frame)
    tested.assert_predictions(_tame(rows) if hasattr(model, "kernel") else rows)


@pytest.mark.parametrize("model", _VALUED, ids=str)
def test_values_of_plain_numbers(model: Any) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS] / [50, 3, 1e-3]
    tested = pair(clone(model).fit(frame, labels(customers(), 0)), frame)
    tested.assert_close(_tame(hard_rows(tested, frame)))


def test_a_machine_without_support_vectors() -> None:
    frame = customers()[NUMBERS]
    model = SVR(epsilon=1e6).fit(frame, labels(customers(), 0))
    assert len(model.support_) == 0
    tested = pair(model, frame)
    tested.assert_close(hard_rows(tested, frame))


def test_machines_fitted_in_single_precision() -> None:
    frame = (customers()[NUMBERS] / [50, 3, 1e-3]).astype(np.float32).astype(np.float64)
    for model in (MLPClassifier((5,), **_SHORT), SVC(), QuadraticDiscriminantAnalysis(), LinearDiscriminantAnalysis()):
        tested = pair(model.fit(frame.to_numpy(np.float32), labels(customers(), 3)), frame)
        tested.assert_predictions(hard_rows(tested, frame))


def test_a_network_of_counts() -> None:
    frame = customers()[NUMBERS] / [50, 3, 1e-3]
    model = MLPRegressor(hidden_layer_sizes=(5,), loss="poisson", **_SHORT)
    tested = pair(model.fit(frame, frame["calls"]), frame)
    assert tested.document["link"] == "exp"
    tested.assert_close(hard_rows(tested, frame))


def test_a_sum_of_0_is_the_second_class() -> None:
    frame = customers()[["amount"]].head(4).assign(amount=[-1.0, -2.0, 1.0, 2.0])
    fitted = SVC(kernel="linear").fit(frame, ["a", "a", "b", "b"])
    assert fitted.decision_function(frame.head(1) * 0) == [0.0]
    tested = pair(fitted, frame)
    assert tested.both([[0.0], [5e-324], [-1e-300]]) == [([0.0], 1.0, 1.0), ([5e-324], 1.0, 1.0), ([-1e-300], 0.0, 0.0)]


def _scaled() -> pd.DataFrame:
    return customers()[NUMBERS] / [50, 3, 1e-3]


@pytest.mark.parametrize(
    "model",
    [SVC(), SVC(kernel="linear"), SVC(kernel="poly", degree=2), SVC(kernel="sigmoid"), SVC(C=1e-3), NuSVC()],
    ids=str,
)
def test_probabilities_of_two_classes(model: Any) -> None:  # noqa: ANN401
    frame = _scaled()
    model = clone(model).set_params(probability=True, random_state=0)
    tested = pair(model.fit(frame, labels(customers(), 2)), frame)
    rows = _tame(hard_rows(tested, frame))
    tested.assert_predictions(rows)
    tested.assert_labels(rows)


def test_probabilities_are_coupled_as_libsvm_couples_them() -> None:
    """At every sum, and on both sides of where another round is taken: up to 0.005 from the logistic function."""
    frame = customers()[["amount"]]
    fitted = SVC(kernel="linear", probability=True, random_state=0).fit(frame.to_numpy(), labels(customers(), 2))
    fitted.support_vectors_ = np.where(fitted._dual_coef_.T > 0, 1.0, 0.0) / fitted._dual_coef_[0].clip(0).sum()
    fitted._intercept_, fitted.intercept_ = np.zeros(1), np.zeros(1)
    fitted._probA, fitted._probB = np.array([-1.0]), np.array([0.0])
    tested = pair(fitted, frame)
    ends = np.linspace(-17, 17, 400)
    knots = [np.log((1 - knot) / knot) for knot, _ in _ROUNDS[1:]]
    beside = [knot + each for knot in knots for each in (-1e-9, 1e-9)]
    rows = [[each] for each in (*ends.tolist(), *beside, 0.0, -0.0, 5e-324, np.inf, 1e300, -1e300)]
    apart = [abs(one - other) for _, one, other in tested.both(rows) if one is not None and other is not None]
    assert len(apart) > 400
    assert max(apart) < 5e-15
    given = fitted.predict_proba(ends[:, None])[:, 0]
    assert 0.003 < np.abs(given - 1 / (1 + np.exp(-ends))).max() < 0.005
    tested.assert_labels([row for row in rows if np.isfinite(row[0])])


def test_labels_do_not_go_by_probabilities() -> None:
    frame = _scaled()
    fitted = SVC(probability=True, random_state=0).fit(frame.to_numpy(), labels(customers(), 2))
    fitted._probB = np.array([0.7])
    tested = pair(fitted, frame)
    rows = frame.to_numpy().tolist()
    likely = fitted.classes_[fitted.predict_proba(rows).argmax(axis=1)]
    assert (fitted.predict(rows) != likely).sum() > 5
    tested.assert_labels(rows)


def test_sums_of_terms_that_cancel_decide_by_rounding() -> None:
    frame = customers()[["amount"]]
    fitted = SVC(kernel="linear", probability=True, random_state=0).fit(frame.to_numpy(), labels(customers(), 2))
    fitted._dual_coef_, fitted.dual_coef_ = 1e15 * fitted._dual_coef_, 1e15 * fitted.dual_coef_
    tested = pair(fitted, frame)
    names = [each.name for each in tested.contract.inputs]
    (terms,) = deciding_terms(tested.document, [dict(zip(names, [200.0], strict=True))])
    assert terms > 1e15


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "model", [SVC(), SVC(kernel="linear"), SVC(decision_function_shape="ovo"), SVC(break_ties=True)], ids=str
)
def test_decisions_go_on_as_they_are(model: Any, classes: int) -> None:  # noqa: ANN401
    """A sum for two classes; for several the votes, and what they are worth, or a sum for each pair."""
    frame = _scaled()
    calibrated = CalibratedClassifierCV(clone(model), cv=2, ensemble=False)
    tested = pair(calibrated.fit(frame, labels(customers(), classes)), frame)
    rows = _tame(hard_rows(tested, frame, count=20))
    tested.assert_close(rows)
    tested.assert_predictions(rows)


def test_weights_that_would_cancel_are_two() -> None:
    frame = customers()[NUMBERS]
    for c, terms in (0.1, 3), (1e5, 6):
        fitted = make_pipeline(StandardScaler(), SVR(kernel="linear", C=c)).fit(frame, labels(customers(), 0))
        tested = pair(fitted, frame)
        assert [len(step["of"]) for step in tested.document["steps"] if step["step"] == "linear"] == [terms]
        tested.assert_close(_tame(hard_rows(tested, frame)))


def test_weights_of_categories_that_would_cancel_are_two() -> None:
    """LIBSVM adds products of large encodings, whose differences are all that is left of them."""
    frame = customers()[["plan"]]
    encoder = TargetEncoder(target_type="continuous", cv=3, random_state=0)
    fitted = make_pipeline(encoder, NuSVR(kernel="linear")).fit(frame, 1e5 + customers()["calls"] / 100)
    tested = pair(fitted, frame)
    assert [len(step["of"]) for step in tested.document["steps"] if step["step"] == "linear"] == [2]
    (scale,) = absolute_terms(tested.document, [{"plan": "gold"}])
    encoded = encoder.transform(pd.DataFrame({"plan": ["gold"]}))[0]
    machine = fitted[-1]
    products = np.abs(machine.dual_coef_[0] * (machine.support_vectors_ @ encoded))
    assert scale == pytest.approx(products.sum() + abs(machine.intercept_[0]))
    tested.assert_close(hard_rows(tested, frame))


def test_an_input_that_did_not_vary() -> None:
    frame = customers()[NUMBERS].assign(calls=5.0)
    wanted = (frame["shift"] > 0).to_numpy()
    tested = pair(SVC(kernel="linear", C=10).fit(frame / [50, 1, 1e-3], wanted), frame)
    names = [each["name"] for each in tested.document["inputs"]]
    (scale,) = absolute_terms(tested.document, [dict(zip(names, [1.0, -1e39, 0.0], strict=True))])
    assert scale > 1e30  # So that which sign is left of nothing proves nothing.


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (SVC(probability=True), "couples probabilities of several classes in up to 100 rounds, which a program"),
        (SVC(kernel=lambda one, other: one @ other.T), "has the kernel '<lambda>', which a program does not know"),
        (SVC(kernel="poly", degree=0), "has the degree 0, and a program takes 1 to 20"),
        (MLPClassifier((4000, 5), max_iter=1), r"has 32,015 weights, and a program takes up to 20,000"),
    ],
)
def test_what_cannot_become_a_program_is_named(model: Any, message: str) -> None:  # noqa: ANN401
    frame = customers()[NUMBERS]
    with pytest.raises(NotAProgramError, match=message):
        pair(model.fit(frame, labels(customers(), 3)), frame)


def test_too_many_support_vectors() -> None:
    numbers = np.random.default_rng(0).normal(size=(150, 140))
    frame = pd.DataFrame(numbers, columns=[f"x{n}" for n in range(140)])
    with pytest.raises(NotAProgramError, match=r"has 150 support vectors, 21,000 numbers to compare, and a program"):
        pair(SVC(gamma=10.0).fit(frame, labels(customers(), 2)), frame)
