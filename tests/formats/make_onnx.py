"""Makes the ONNX files of tests/formats/onnx, and beside each what onnxruntime gives for its rows.

Run it in an environment of requirements-onnx.txt: python tests/formats/make_onnx.py. Converters go through sets of
names, whose order follows PYTHONHASHSEED: the script starts itself once more with one that is fixed.
"""

from __future__ import annotations

import csv
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import pandas as pd
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType as FloatTensor
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

FOLDER = Path(__file__).parent / "onnx"
_ROWS = 30
# What a float32 holds otherwise than a double does, and what it does not hold.
_EDGES = (0.1, 16777217.0, 1e-50, 0.0, -0.0)
_BEYOND = (float("nan"), float("inf"), float("-inf"), 1e39)


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    numbers, labels = make_classification(160, 4, n_informative=3, n_redundant=0, random_state=0)
    numbers = numbers.astype(np.float32)
    return numbers, labels, np.digitize(numbers[:, 0], [-0.5, 0.5]), numbers[:, 0] * 2 + numbers[:, 1] ** 2


NUMBERS, LABELS, THREE, VALUES = _data()
NAMES = np.array(["basic", "plus", "Übermaß"])


def _session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _rows(*, beyond: bool) -> list[dict[str, float]]:
    """Drawn rows, and edge cases among them; those that float32 has no number for where trees alone read them."""
    rng = np.random.default_rng(1)
    found = [{f"x{n}": float(rng.normal()) for n in range(NUMBERS.shape[1])} for _ in range(_ROWS)]
    edges = [*_EDGES, *(_BEYOND if beyond else (float("nan"),))]
    for place, edge in enumerate(edges):
        found[-1 - place][f"x{place % NUMBERS.shape[1]}"] = edge
    return found


def _write(name: str, model: onnx.ModelProto, rows: list[dict[str, Any]], classes: list[Any] | None = None) -> None:
    """The file, and its CSV."""
    model.doc_string, model.graph.name = "", name
    content = model.SerializeToString()
    session = _session(content)
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].name not in rows[0]:
        kind = np.float64 if "double" in inputs[0].type else np.float32
        with np.errstate(all="ignore"):
            fed = {inputs[0].name: np.array([list(row.values()) for row in rows]).astype(kind)}
    else:
        kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(string)": object, "tensor(bool)": bool}
        fed = {each.name: np.array([[row[each.name]] for row in rows]).astype(kinds[each.type]) for each in inputs}
    labels, scores = ([None], *session.run(None, fed)) if classes is None else session.run(None, fed)[:2]
    expected: list[dict[str, Any]] = []
    for place in range(len(rows)):
        score = scores[place]
        if classes is None:
            expected.append({"expected:value": float(np.ravel(score)[0])})
            continue
        numbers = score if isinstance(score, dict) else dict(zip(classes, np.ravel(score).tolist(), strict=True))
        expected.append(
            {"expected:label": labels[place]} | {f"expected:{each}": float(numbers[each]) for each in classes}
        )
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.onnx").write_bytes(content)
    with (FOLDER / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], *expected[0]], lineterminator="\n")
        writer.writeheader()
        for row, each in zip(rows, expected, strict=True):
            writer.writerow({key: _text(value) for key, value in (row | each).items()})
    print(f"{name}: {len(content):,} bytes, {len(rows)} rows")


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else repr(float(value))
    return str(value)


def _scikit(
    name: str,
    estimator: Any,  # noqa: ANN401
    target: np.ndarray,
    *,
    trees: bool = False,
    zipmap: bool = True,
    opset: dict[str, int] | None = None,
) -> None:
    estimator.fit(NUMBERS, target)
    classes = estimator.classes_.tolist() if hasattr(estimator, "classes_") else None
    options = {} if zipmap or classes is None else {"options": {"zipmap": False}}
    model = to_onnx(estimator, NUMBERS[:1], target_opset=opset, **options)
    _write(name, model, _rows(beyond=trees), classes)


def _estimators() -> None:
    _scikit("logistic", make_pipeline(StandardScaler(), LogisticRegression()), LABELS, zipmap=False)
    _scikit("logistic_zipmap", make_pipeline(MinMaxScaler(), LogisticRegression()), NAMES[THREE])
    _scikit("logistic_opset_12", LogisticRegression(), LABELS, opset={"": 12, "ai.onnx.ml": 1})
    _scikit("stochastic", SGDClassifier(loss="log_loss", random_state=0), LABELS, zipmap=False)
    _scikit("ridge", make_pipeline(StandardScaler(), Ridge()), VALUES)
    _scikit("tree", DecisionTreeClassifier(max_depth=4, random_state=0), NAMES[THREE], trees=True, zipmap=False)
    _scikit("tree_regressor", DecisionTreeRegressor(max_depth=4, random_state=0), VALUES, trees=True)
    scaled = make_pipeline(StandardScaler(), DecisionTreeRegressor(max_depth=5, random_state=0))
    _scikit("tree_scaled", scaled, VALUES, trees=True)
    forest = {"n_estimators": 8, "max_depth": 4, "random_state": 0}
    _scikit("forest", RandomForestClassifier(**forest), LABELS, trees=True, zipmap=False)
    _scikit("forest_regressor", RandomForestRegressor(**forest), VALUES, trees=True)
    _scikit("extra_trees", ExtraTreesClassifier(**forest), THREE, trees=True)
    boosting = {"n_estimators": 10, "max_depth": 3, "random_state": 0}
    _scikit("boosting", GradientBoostingClassifier(**boosting), LABELS, trees=True)
    _scikit("boosting_three", GradientBoostingClassifier(**boosting), NAMES[THREE], trees=True, zipmap=False)
    _scikit("boosting_regressor", GradientBoostingRegressor(**boosting), VALUES, trees=True)
    _scikit("machine", SVC(), LABELS, zipmap=False)
    _scikit("machine_linear", SVC(kernel="linear"), LABELS)
    _scikit("machine_regressor", SVR(), VALUES)
    _scikit("machine_regressor_linear", SVR(kernel="linear"), VALUES)
    network = {"hidden_layer_sizes": (6, 4), "max_iter": 60, "random_state": 0}
    _scikit("network", MLPClassifier(**network), LABELS)
    _scikit("network_three", MLPClassifier(activation="tanh", **network), THREE, zipmap=False)
    _scikit("network_regressor", MLPRegressor(activation="logistic", **network), VALUES)
    _scikit("naive_bayes", GaussianNB(), LABELS, zipmap=False)
    _scikit("bernoulli", BernoulliNB(), NAMES[THREE], zipmap=False)
    model = to_onnx(KMeans(3, random_state=0, n_init=1).fit(NUMBERS), NUMBERS[:1])
    _write("clusters", model, _rows(beyond=False), [0, 1, 2])
    _scikit("calibrated", CalibratedClassifierCV(LogisticRegression(), cv=2), LABELS, zipmap=False)


def _frames() -> None:
    """Pipelines on columns of a DataFrame, a text and an integer among them."""
    rng = np.random.default_rng(2)
    count = len(NUMBERS)
    frame = pd.DataFrame(
        {"minutes": NUMBERS[:, 0], "paid": NUMBERS[:, 1], "plan": NAMES[THREE], "calls": rng.integers(0, 5, count)}
    )
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["minutes", "paid"]),
        (OneHotEncoder(handle_unknown="ignore"), ["plan"]),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["calls"]),
    )
    types = [
        ("minutes", FloatTensorType([None, 1])),
        ("paid", FloatTensorType([None, 1])),
        ("plan", StringTensorType([None, 1])),
        ("calls", Int64TensorType([None, 1])),
    ]
    rows: list[dict[str, Any]] = [
        {
            "minutes": float(rng.normal()),
            "paid": float(rng.choice([rng.normal(), np.nan])),
            "plan": str(rng.choice([*NAMES, "unseen", "Basic", "basic "])),
            "calls": int(rng.integers(-1, 7)),
        }
        for _ in range(_ROWS)
    ]
    for name, last in (
        ("frame_logistic", LogisticRegression()),
        ("frame_forest", RandomForestClassifier(5, max_depth=4, random_state=0)),
    ):
        pipeline = make_pipeline(prepared, last).fit(frame, LABELS)
        model = to_onnx(pipeline, initial_types=types, options={"zipmap": False})
        _write(name, model, rows, [0, 1])


def _boosters() -> None:
    given = [("x", FloatTensor([None, NUMBERS.shape[1]]))]
    rows = _rows(beyond=True)
    for name, target in (("lightgbm", LABELS), ("lightgbm_three", THREE)):
        model = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=8, random_state=0, verbose=-1).fit(NUMBERS, target)
        made = onnxmltools.convert_lightgbm(model, initial_types=given, zipmap=False, target_opset=15)
        _write(name, made, rows, sorted(set(target.tolist())))
    # A category is tested for one code after the other, and all of them lead to one child.
    rng = np.random.default_rng(4)
    codes = np.column_stack([NUMBERS[:, :3], rng.integers(0, 12, len(NUMBERS))]).astype(np.float32)
    model = lightgbm.LGBMClassifier(n_estimators=4, num_leaves=6, min_data_per_group=5, random_state=0, verbose=-1)
    model.fit(codes, LABELS ^ (codes[:, 3] % 3 == 0), categorical_feature=[3])
    made = onnxmltools.convert_lightgbm(model, initial_types=given, zipmap=False, target_opset=15)
    coded = [row | {"x3": float(rng.choice([row["x3"], *range(-1, 14), 3.5]))} for row in rows]
    _write("lightgbm_categories", made, coded, [0, 1])
    for name, kind, target in (
        ("xgboost", xgboost.XGBClassifier, LABELS),
        ("xgboost_three", xgboost.XGBClassifier, THREE),
        ("xgboost_regressor", xgboost.XGBRegressor, VALUES),
    ):
        model = kind(n_estimators=8, max_depth=3, random_state=0).fit(NUMBERS, target)
        made = onnxmltools.convert_xgboost(model, initial_types=given, target_opset=15)
        _write(name, made, rows, sorted(set(target.tolist())) if kind is xgboost.XGBClassifier else None)


def _net(
    name: str, nodes: list[Any], constants: dict[str, np.ndarray], output: list[Any], *, double: bool = False
) -> None:
    kind = TensorProto.DOUBLE if double else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "main_graph",
        [helper.make_tensor_value_info("features", kind, ["batch", NUMBERS.shape[1]])],
        [helper.make_tensor_value_info("score", kind, output)],
        [numpy_helper.from_array(each, key) for key, each in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    _write(name, model, _rows(beyond=False))


def _nets() -> None:
    """Nets as torch.onnx.export writes them, and others."""
    rng = np.random.default_rng(3)

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32) / np.float32(np.sqrt(shape[-1]))

    def gemm(inputs: list[str], output: str, name: str) -> Any:  # noqa: ANN401
        return helper.make_node("Gemm", inputs, [output], name, transB=1, alpha=1.0, beta=1.0)

    _net(
        "net_torch",
        [
            gemm(["features", "0.weight", "0.bias"], "h", "/0/Gemm"),
            helper.make_node("Relu", ["h"], ["a"], "/1/Relu"),
            gemm(["a", "2.weight", "2.bias"], "i", "/2/Gemm"),
            helper.make_node("Relu", ["i"], ["b"], "/3/Relu"),
            gemm(["b", "4.weight", "4.bias"], "z", "/4/Gemm"),
            helper.make_node("Sigmoid", ["z"], ["score"], "/5/Sigmoid"),
        ],
        {"0.weight": drawn(16, 4), "0.bias": drawn(16), "2.weight": drawn(8, 16), "2.bias": drawn(8),
         "4.weight": drawn(1, 8), "4.bias": drawn(1)},
        ["batch", 1],
    )  # fmt: skip
    _net(
        "net_keras",
        [
            helper.make_node("MatMul", ["features", "dense/kernel"], ["h"], "dense/MatMul"),
            helper.make_node("Add", ["h", "dense/bias"], ["i"], "dense/BiasAdd"),
            helper.make_node("Tanh", ["i"], ["a"], "dense/Tanh"),
            helper.make_node("MatMul", ["a", "out/kernel"], ["z"], "out/MatMul"),
            helper.make_node("Add", ["z", "out/bias"], ["score"], "out/BiasAdd"),
        ],
        {"dense/kernel": drawn(4, 12), "dense/bias": drawn(12), "out/kernel": drawn(12, 1), "out/bias": drawn(1)},
        ["batch", 1],
    )
    _net(
        "net_double",
        [
            helper.make_node("Sub", ["features", "mean"], ["1"]),
            helper.make_node("Div", ["1", "scale"], ["2"]),
            helper.make_node("MatMul", ["2", "weight"], ["3"]),
            helper.make_node("Sigmoid", ["3"], ["score"]),
        ],
        {"mean": rng.normal(size=4), "scale": np.abs(rng.normal(size=4)), "weight": rng.normal(size=(4, 1))},
        ["batch", 1],
        double=True,
    )


def main() -> None:
    """Makes all of them."""
    warnings.simplefilter("ignore")
    _estimators()
    _frames()
    _boosters()
    _nets()


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S606
    main()
