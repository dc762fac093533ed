"""The estimator engine without a database."""

from __future__ import annotations

import io
import math
import struct
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier
from pgscore_runtime import array_memory, artifact, entry, fitted_form, signature
from pgscore_runtime.contract import Contract, Input, InputType, Output
from pgscore_runtime.errors import Refusal
from pgscore_runtime.estimator import ServedEstimator
from pgscore_runtime.threads import single_threaded
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.support.models import churned, light_pipeline, pipeline, predictors, probability

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Recorder:
    """Answers with the row's position in its first column; refuses what it is told to."""

    classes_ = ("no", "yes")

    def __init__(self, refused: set[float] = frozenset()) -> None:  # type: ignore[assignment]
        self.refused = refused
        self.given: list[Any] = []

    def predict(self, given: Any) -> Any:  # noqa: ANN401
        self.given.append(given)
        column = given.iloc[:, 0] if isinstance(given, pd.DataFrame) else given[:, 0]
        if self.refused & set(column):
            raise ValueError("Input contains infinity\nand more")
        return np.asarray(column, dtype=float)


def _contract(*types: InputType, frame: bool = False, missing_text: Any = "nan", nullable: bool = True) -> Contract:  # noqa: ANN401
    inputs = tuple(Input(f"i{n}", each, nullable) for n, each in enumerate(types))
    return Contract("joblib", inputs, frame, missing_text, Output("value"), {})


@pytest.mark.parametrize("refused", [set(), {0.0}, {7.0}, {9.0}, {2.0, 3.0, 8.0}, set(map(float, range(10)))])
def test_only_refused_rows_are_refused(refused: set[float]) -> None:
    served = ServedEstimator(_Recorder(refused), _contract("double precision"))
    scores, reasons = served.scores(10, [float(n) for n in range(10)], None)
    assert scores == [None if n in refused else float(n) for n in range(10)]
    assert reasons == ["Input contains infinity" if n in refused else None for n in range(10)]


@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("frame", [True, False])
def test_a_row_by_itself_has_what_it_has_among_others(nullable: bool, frame: bool) -> None:
    contract = _contract("double precision", "double precision", frame=frame, nullable=nullable)
    served = ServedEstimator(_Recorder({7.0}), contract)
    rows: list[list[float | None]] = [[1.0, 2.0], [7.0, 0.0], [None, 1.0], [2.0, np.nan], [np.nan, 7.0], [-np.inf, 3.0]]
    together = served.scores(len(rows), rows, None)
    alone = [served.scores(1, [row], None) for row in rows]
    assert ([score for ((score,), _) in alone], [reason for (_, (reason,)) in alone]) == together


def test_one_refused_row_of_many_costs_few_calls() -> None:
    recorder = _Recorder({700.0})
    ServedEstimator(recorder, _contract("double precision")).scores(1024, [float(n) for n in range(1024)], None)
    assert len(recorder.given) == 21


@pytest.mark.parametrize("missing_text", ["nan", "none"])
def test_a_wide_frame_is_the_frame_that_a_narrow_one_is(missing_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[InputType] = ["double precision", "text", "boolean", "text", "boolean", "double precision"]
    contract = _contract(*kinds, frame=True, missing_text=missing_text)
    numbers = [1.0, 1.0, 0.0, 2.0, None, None, 1.0, -0.0, 3.0, 0.0, 0.0, float("inf")]
    frames = []
    for rows in (3, 1):
        for widest in (6, 5):
            monkeypatch.setattr(fitted_form, "_WIDE", widest)
            recorder = _Recorder()
            ServedEstimator(recorder, contract).scores(
                rows, numbers[: 4 * rows], ["a", None, None, "1", "", "b"][: 2 * rows]
            )
            frames.append(recorder.given[-1])
        pd.testing.assert_frame_equal(*frames[-2:])
        kept = [[type(value) for value in frame.to_numpy(dtype=object).ravel()] for frame in frames[-2:]]
        assert kept[0] == kept[1]
    assert frames[1]["i1"].dtype == frames[1]["i2"].dtype == object


def test_null_in_a_required_input_is_null_and_asks_for_the_others_only() -> None:
    recorder = _Recorder()
    served = ServedEstimator(recorder, _contract("double precision", "text", nullable=False))
    scores, reasons = served.scores(3, [[1.0], [None], [3.0]], [["a"], ["b"], [None]])
    assert (scores, reasons) == ([1.0, None, None], [None, None, None])
    assert len(recorder.given[0]) == 1
    assert served.scores(1, [None], ["a"]) == ([None], [None])
    assert served.scores(0, None, None) == ([], [])


@pytest.mark.parametrize(("missing_text", "expected"), [("nan", np.nan), ("none", None)])
@pytest.mark.parametrize("frame", [True, False])
def test_a_missing_text_is_what_the_estimator_knows_it_as(*, missing_text: str, expected: Any, frame: bool) -> None:  # noqa: ANN401
    recorder = _Recorder()
    contract = _contract("double precision", "text", frame=frame, missing_text=missing_text)
    ServedEstimator(recorder, contract).scores(2, [[1.0], [2.0]], [["a"], [None]])
    given = recorder.given[0]
    values = given["i1"].tolist() if frame else given[:, 1].tolist()
    assert values[0] == "a"
    assert values[1] is expected or (expected is not None and np.isnan(values[1]))


def test_booleans_reach_a_frame_as_booleans_and_a_missing_one_as_nan() -> None:
    recorder = _Recorder()
    served = ServedEstimator(recorder, _contract("double precision", "boolean", frame=True))
    served.scores(2, [[1.0, 1], [2.0, 0]], None)
    served.scores(2, [[1.0, 1], [2.0, None]], None)
    assert recorder.given[0]["i1"].tolist() == [True, False]
    assert recorder.given[0]["i1"].dtype == bool
    assert recorder.given[1]["i1"].dtype == bool
    assert recorder.given[2]["i1"].dtype == object
    assert np.isnan(recorder.given[2]["i1"][0])


def test_a_missing_truth_changes_nothing_for_the_rows_beside_it() -> None:
    frame = pd.DataFrame(
        {"i0": [1.0, 2.0, 3.0, 4.0], "i1": [True, False, True, False], "i2": [False, False, True, True]}
    )
    fitted = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=0), FunctionTransformer(np.sign), LinearRegression()
    ).fit(frame, [1.0, 2.0, 3.0, 4.0])
    served = ServedEstimator(fitted, _contract("double precision", "boolean", "boolean", frame=True))
    rows = [[math.inf, 1, 0], [1.0, None, 0], [2.0, 1, None], [3.0, 0, 1], [math.inf, None, 0]]
    together, reasons = served.scores(len(rows), rows, None)
    alone = [served.scores(1, [row], None) for row in rows]
    assert together == [score for (score,), _ in alone]
    assert reasons == [reason for _, (reason,) in alone]
    assert reasons[0] is not None
    assert reasons[4] is None


def test_labels_in_a_column_are_labels() -> None:
    class Columns:
        classes_ = np.array([0, 1, 2])

        def predict(self, given: Any) -> Any:  # noqa: ANN401  as CatBoost does behind a pipeline
            return np.full((len(given), 1), 2)

        def predict_proba(self, given: Any) -> Any:  # noqa: ANN401
            return np.full((len(given), 3), 1 / 3)

    output = Output("probability", (0, 1, 2), 1)
    contract = replace(_contract("double precision"), output=output)
    outputs, reasons = ServedEstimator(Columns(), contract).outputs(2, [[1.0], [2.0]], None)
    assert outputs == [[1 / 3, 1 / 3, 1 / 3, 2.0]] * 2
    assert reasons == [None, None]
    indicator = replace(contract, output=Output("indicator", (0, 1, 2), 2))
    assert ServedEstimator(Columns(), indicator).scores(1, [[1.0]], None) == ([1.0], [None])


def test_inputs_stand_in_the_contracts_order() -> None:
    recorder = _Recorder()
    contract = _contract("double precision", "text", "double precision", "text", frame=True)
    ServedEstimator(recorder, contract).scores(1, [1.0, 2.0], ["a", "b"])
    assert recorder.given[0].iloc[0].tolist() == [1.0, "a", 2.0, "b"]
    assert list(recorder.given[0]) == ["i0", "i1", "i2", "i3"]


def test_flat_and_nested_arrays_are_the_same() -> None:
    served = ServedEstimator(_Recorder(), _contract("double precision", "double precision"))
    assert served.scores(2, [1.0, 2.0, 3.0, 4.0], None) == served.scores(2, [[1.0, 2.0], [3.0, 4.0]], None)


@pytest.mark.parametrize("frame", [True, False])
def test_arrays_and_frames_give_what_the_fitted_pipeline_gives_without_warnings(*, frame: bool) -> None:
    names = list(light_pipeline().feature_names_in_)
    inputs = tuple(Input(name, "double precision", nullable=False) for name in names)
    contract = Contract("joblib", inputs, frame, "nan", Output("probability", ("no", "yes"), 1), {})
    served = ServedEstimator(light_pipeline(), contract)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores, _ = served.scores(600, predictors()[names].to_numpy().tolist(), None)
    assert scores == pytest.approx(probability(light_pipeline(), predictors()), abs=1e-14)


def test_a_served_forest_starts_no_threads() -> None:
    forest = RandomForestClassifier(n_estimators=2, n_jobs=-1).fit(predictors()[["account_length"]], churned())
    ServedEstimator(forest, _contract("double precision"))
    assert forest.n_jobs == 1


def test_libraries() -> None:
    here = artifact.installed_version("scikit-learn")
    assert here is not None
    artifact.check_libraries({})
    artifact.check_libraries({"scikit-learn": here})
    artifact.check_libraries({"scikit-learn": ".".join([*here.split(".")[:2], "99"])})
    with pytest.raises(Refusal, match=r"fitted with scikit-learn 0\.24\.2, and the server's Python has"):
        artifact.check_libraries({"scikit-learn": "0.24.2"})
    assert artifact.installed_version("no-such-distribution") is None


@pytest.mark.parametrize("content", [b"", b"x", b"\x80\x05.", b"cno_such_module\nName\n."])
def test_what_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(Refusal):
        artifact.read_artifact(io.BytesIO(content), "joblib")


def test_a_backend_keeps_the_latest_estimators_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "_MOST_ESTIMATORS", 2)
    monkeypatch.setattr(signature, "check_signature", lambda *_: None)
    monkeypatch.setattr(artifact, "forbid_threads", lambda: None)
    buffer = io.BytesIO()
    joblib.dump(pipeline(), buffer)
    session: dict[str, Any] = {}
    digests = []
    for number in range(3):
        contract = Contract(
            "joblib", (Input(f"i{number}", "double precision", nullable=True),), frame=False, missing_text="nan",
            output=Output("value"), libraries={},
        )  # fmt: skip
        entry.receive(session, 1, buffer.getvalue()[:100])
        entry.receive(session, 2, buffer.getvalue()[100:])
        assert entry.load(session, {}, contract.to_json(), None, None, [], {}) is None
        import hashlib

        digests.append(contract.digest(hashlib.sha256(buffer.getvalue()).hexdigest()))
    (kept,) = session.values()
    assert list(kept) == digests[1:]
    assert entry.estimate(session, digests[0], 0, None, None, False, False) is None


def _in_memory(values: Sequence[Sequence[float | None]]) -> bytes:
    """A two-dimensional array of doubles as PostgreSQL has it in memory, behind its length."""
    flat = [value for row in values for value in row]
    bits = sum(1 << n for n, value in enumerate(flat) if value is not None).to_bytes(-(-len(flat) // 64) * 8, "little")
    has_nulls = None in flat
    head = struct.pack("=iii", 2, 32 + len(bits) if has_nulls else 0, 701)
    head += struct.pack("=iiii", len(values), len(values[0]), 1, 1) + (bits if has_nulls else b"")
    return head + b"".join(struct.pack("=d", value) for value in flat if value is not None)


@pytest.mark.parametrize("as_null", [True, False])
def test_numbers_in_memory_are_the_same_as_in_lists(*, as_null: bool) -> None:
    inputs: list[InputType] = ["double precision", "text", "boolean"]
    served = ServedEstimator(_Recorder(), _contract(*inputs, frame=True))
    rows = [[0.1, 1.0], [np.nan, 0.0], [-0.0, np.nan], [np.inf, 1.0], [5e-324, 0.0]]
    texts: list[list[str | None]] = [["a"], [None], [""], ["b"], ["c"]]
    listed = [[None if np.isnan(value) else value for value in row] for row in rows]
    assert served.scores(5, _in_memory(listed if as_null else rows), texts) == served.scores(5, listed, texts)
    given = served._estimator.given
    for first, second in zip(given[: len(given) // 2], given[len(given) // 2 :], strict=True):
        pd.testing.assert_frame_equal(first, second)
    # Texts are the same row by row and one behind the other.
    assert served.scores(5, listed, [text for (text,) in texts]) == served.scores(5, listed, texts)
    assert served.scores(0, struct.pack("=iii", 0, 0, 701), None) == ([], [])


def test_what_an_estimator_is_given_is_its_own() -> None:
    """PostgreSQL's memory is not to be written to."""
    recorder = _Recorder()
    ServedEstimator(recorder, _contract("double precision")).scores(3, _in_memory([[1.0], [2.0], [3.0]]), None)
    assert recorder.given[0].flags.writeable


@pytest.mark.parametrize("many", [1, 7, 8, 9, 64, 65, 1000])
def test_an_array_in_memory_is_read_as_it_was_written(many: int) -> None:
    values = np.arange(many) / 7
    for known in (np.ones(many, dtype=bool), np.zeros(many, dtype=bool), np.arange(many) % 3 == 0):
        found = array_memory.read_array(array_memory.write_array(values, known))
        np.testing.assert_array_equal(found, np.where(known, values, np.nan))
    nothing = array_memory.write_array(np.empty(0), np.empty(0, dtype=bool))
    assert len(array_memory.read_array(nothing)) == 0


def test_infinite_rows_are_set_apart_first() -> None:
    infinite = {n for n in range(1024) if n % 8 == 3}
    recorder = _Recorder({np.inf})
    served = ServedEstimator(recorder, _contract("double precision"))
    scores, reasons = served.scores(1024, [np.inf if n in infinite else float(n) for n in range(1024)], None)
    assert scores == [None if n in infinite else float(n) for n in range(1024)]
    assert [n for n, reason in enumerate(reasons) if reason] == sorted(infinite)
    # All, the others, and twice as many as are infinite: halving alone would ask about 1,000 times.
    assert len(recorder.given) == 1 + 1 + 2 * len(infinite) - 1


class _Encoder:
    """Refuses a text that it does not know, as encoders do."""

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.calls = 0

    def predict(self, given: Any) -> Any:  # noqa: ANN401
        self.calls += 1
        unknown = set(given["i1"]) - self.known
        if unknown:
            raise ValueError(f"unknown: {sorted(unknown)}")
        return given["i0"].to_numpy()


def test_rows_that_share_an_unknown_text_are_searched_together() -> None:
    encoder = _Encoder({"a", "b"})
    served = ServedEstimator(encoder, _contract("double precision", "text", frame=True))
    texts = ["q" if n % 16 == 5 else "r" if n == 900 else "ab"[n % 2] for n in range(1024)]
    scores, reasons = served.scores(1024, [float(n) for n in range(1024)], texts)
    assert scores == [None if text in "qr" else float(n) for n, text in enumerate(texts)]
    assert reasons == [f"unknown: ['{text}']" if text in "qr" else None for text in texts]
    # Each of the 65 by itself, and the halves above them; wherever they stand it would take 700.
    assert encoder.calls < 65 * 2 + 20


def test_reasons_are_handed_back_only_where_there_are_some() -> None:
    served = ServedEstimator(_Recorder({7.0}), _contract("double precision"))
    session: dict[str, Any] = {"pgscore_estimators": {"d": served}}
    known = np.array([True, False])
    scores, reasons = entry.estimate_rows(session, "d", 2, _in_memory([[1.0], [2.0]]), None, False, False)
    assert (scores, reasons) == (array_memory.write_array(np.array([1.0, 2.0]), known | True), None)
    scores, reasons = entry.estimate_rows(session, "d", 2, _in_memory([[1.0], [7.0]]), None, False, False)
    assert scores == array_memory.write_array(np.array([1.0, 7.0]), known)
    assert reasons == [None, "Input contains infinity"]
    assert entry.estimate_rows(session, "other", 2, None, None, False, False) == (None, None)


def test_many_rows_of_one_statement_are_told_of_once() -> None:
    session: dict[str, Any] = {}
    assert not any(entry.count_row(session, statement) for statement in range(10) for _ in range(99))
    assert [entry.count_row(session, 10.0) for _ in range(300)].index(True) == 99
    assert not any(entry.count_row(session, statement) for statement in (10.0, 11.0) for _ in range(300))


def test_catboost_has_one_thread_wherever_it_stands() -> None:
    """It takes as many as there are processors, whatever it was fitted with."""
    frame = pd.DataFrame({"a": np.arange(20.0), "b": 1.0})
    inner = CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False, thread_count=1)
    model = single_threaded(CalibratedClassifierCV(inner, cv=2).fit(frame, np.arange(20) % 2))
    threads: list[int] = []
    for fold in model.calibrated_classifiers_:
        real = fold.estimator._predict

        def predict(*given: Any, real: Any = real) -> Any:  # noqa: ANN401
            threads.append(given[4])
            return real(*given)

        fold.estimator._predict = predict
    assert model.predict_proba(frame).shape == (20, 2)
    assert threads == [1, 1]
