"""Makes the MOJOs in `mojo/`, and what genmodel gives for rows beside them.

In an environment of its own:

    python -m venv fmt && fmt/bin/pip install -r tests/formats/requirements-mojo.txt
    fmt/bin/python tests/formats/make_mojo.py [NAME …]

It needs Java, 17 or newer, with its compiler. A server of H2O's is started on this machine, with little memory and one
thread, and shut down. The MOJOs are as H2O writes them, without the details for humans, which are larger than all else.
"""

from __future__ import annotations

import csv
import importlib
import math
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import urllib.parse
import zipfile
import zlib
from pathlib import Path
from typing import Any

# Of its environment, not of the project's.
h2o: Any = importlib.import_module("h2o")
H2OTree: Any = importlib.import_module("h2o.tree").H2OTree
_ESTIMATORS: Any = importlib.import_module("h2o.estimators")
GBM, DRF = _ESTIMATORS.H2OGradientBoostingEstimator, _ESTIMATORS.H2ORandomForestEstimator
GLM, XGBoost = _ESTIMATORS.H2OGeneralizedLinearEstimator, _ESTIMATORS.H2OXGBoostEstimator
IsolationForest = _ESTIMATORS.H2OIsolationForestEstimator

FOLDER = Path(__file__).parent / "mojo"
SEED = 13
TRAINED, SCORED, BORDERS = 700, 16, 18
PLANS = ["gold", "silver", "Söder \t", 'a "quoted", one', "back\\slash\\n", "two\nlines", "日本", "NA"]
TOWNS = [f"town {number:02d}" for number in range(45)]
REGIONS = ["north", "south", "plan.north"]
NUMBERS = {"minutes": "real", "age": "int", "paid": "real"}
TEXTS = {"plan": PLANS, "town": TOWNS, "plan.region": REGIONS}
RESPONSES = {
    "churned": "enum", "tier": "enum", "grade": "enum", "half": "real", "cost": "real", "visits": "int",
    "value": "real", "share": "real", "gone": "int",
}  # fmt: skip
OTHERS = {"weight": "real", "shift": "real", "fold": "int"}
HARD = [
    math.inf, -math.inf, -0.0, 0.0, 1e300, -1e300, 5e-324, 1e-46, 2.0**-150, 3.4028235677973366e38, 2147483648.5,
]  # fmt: skip
UNSEEN = ["never seen", "GOLD", "gold ", "plan.gold", "region", "plan.plan.north", "north", "x" * 900, "\\n"]


def features(draw: random.Random, gaps: float) -> dict[str, Any]:
    """Values of all features; None where one is missing."""
    found: dict[str, Any] = {
        "minutes": draw.gauss(180, 55), "age": draw.randrange(18, 90),
        "paid": draw.choice([0.0, draw.lognormvariate(3, 1)]),
        "plan": draw.choice(PLANS), "town": draw.choice(TOWNS), "plan.region": draw.choice(REGIONS),
    }  # fmt: skip
    return {name: None if draw.random() < gaps else value for name, value in found.items()}


def trained(draw: random.Random, gaps: float) -> dict[str, Any]:
    """A row to train with: features, responses that go by them, and columns for weights, offsets and folds."""
    row = features(draw, gaps)
    minutes, paid = (row["minutes"] or 100) / 100, math.log1p(row["paid"] or 0)
    z = 0.8 * minutes - 0.5 * paid + (len(row["plan"] or "") % 3) - 1.2 + (row["town"] or "9")[-1:].count("7")
    noise = draw.gauss(0, 0.7)
    tier = ["basic", "größer", "top"][min(2, max(0, int(z + noise + 1)))]
    return row | {
        "churned": "yes" if z + noise > 0.6 else "no", "tier": tier, "grade": "abc"[min(2, max(0, int(z + noise + 1)))],
        "half": z + noise, "cost": math.exp(0.4 * z + 0.3 * noise), "visits": int(math.exp(0.5 * z + 0.5 * noise)),
        "value": 1000 * z + 300 * noise, "share": 1 / (1 + math.exp(-z - noise)), "gone": int(z + noise > 1.5),
        "weight": draw.uniform(0.5, 2), "shift": draw.gauss(0, 0.5), "fold": draw.randrange(3),
    }  # fmt: skip


PLAIN, MIXED = ["minutes", "age", "paid"], ["plan", "minutes", "town", "paid", "age", "plan.region"]
# name: estimator, its parameters, features, response, and how many values are missing in training.
MODELS: dict[str, tuple[Any, dict[str, Any], list[str], str | None, float]] = {
    "gbm_binomial": (GBM, {"ntrees": 8, "max_depth": 4}, MIXED, "churned", 0.1),
    "gbm_binomial_plain": (GBM, {"ntrees": 6, "max_depth": 3}, PLAIN, "churned", 0.0),
    "gbm_binomial_balanced": (GBM, {"ntrees": 5, "balance_classes": True}, MIXED, "churned", 0.1),
    "gbm_binomial_offset": (
        GBM, {"ntrees": 5, "max_depth": 3, "offset_column": "shift", "weights_column": "weight"}, MIXED, "churned", 0.1,
    ),
    "gbm_binomial_folds": (GBM, {"ntrees": 3, "max_depth": 3, "fold_column": "fold"}, PLAIN, "churned", 0.1),
    "gbm_multinomial": (GBM, {"ntrees": 5, "max_depth": 3}, MIXED, "tier", 0.1),
    "gbm_multinomial_balanced": (GBM, {"ntrees": 4, "max_depth": 3, "balance_classes": True}, PLAIN, "tier", 0.1),
    "gbm_quasibinomial": (GBM, {"ntrees": 5, "max_depth": 3, "distribution": "quasibinomial"}, PLAIN, "gone", 0.0),
    "gbm_gaussian": (GBM, {"ntrees": 8, "max_depth": 5, "min_rows": 3}, MIXED, "value", 0.1),
    "gbm_deep": (GBM, {"ntrees": 2, "max_depth": 12, "min_rows": 1, "nbins_cats": 8}, MIXED, "half", 0.3),
    "gbm_poisson_offset": (
        GBM, {"ntrees": 5, "max_depth": 3, "distribution": "poisson", "offset_column": "shift"}, MIXED, "visits", 0.1,
    ),
    "gbm_gamma": (GBM, {"ntrees": 5, "max_depth": 3, "distribution": "gamma"}, MIXED, "cost", 0.0),
    "gbm_tweedie": (GBM, {"ntrees": 5, "max_depth": 3, "distribution": "tweedie"}, MIXED, "cost", 0.1),
    "gbm_laplace": (GBM, {"ntrees": 5, "max_depth": 3, "distribution": "laplace"}, MIXED, "value", 0.1),
    "gbm_quantile": (
        GBM, {"ntrees": 5, "max_depth": 3, "distribution": "quantile", "quantile_alpha": 0.9}, MIXED, "value", 0.1,
    ),
    "gbm_huber": (GBM, {"ntrees": 5, "max_depth": 3, "distribution": "huber"}, MIXED, "value", 0.1),
    "gbm_platt": (GBM, {"ntrees": 5, "max_depth": 3, "calibrate_model": True}, MIXED, "churned", 0.1),
    "drf_isotonic": (
        DRF, {"ntrees": 4, "max_depth": 4, "calibrate_model": True, "calibration_method": "IsotonicRegression"}, PLAIN,
        "churned", 0.1,
    ),
    "gbm_sorted": (GBM, {"ntrees": 5, "categorical_encoding": "sort_by_response"}, MIXED, "churned", 0.1),
    "drf_regression": (DRF, {"ntrees": 5, "max_depth": 6}, MIXED, "value", 0.1),
    "drf_binomial": (DRF, {"ntrees": 5, "max_depth": 6}, MIXED, "churned", 0.1),
    "drf_binomial_double": (DRF, {"ntrees": 4, "max_depth": 5, "binomial_double_trees": True}, MIXED, "churned", 0.1),
    "drf_binomial_balanced": (DRF, {"ntrees": 4, "max_depth": 5, "balance_classes": True}, PLAIN, "churned", 0.1),
    "drf_multinomial": (DRF, {"ntrees": 5, "max_depth": 6}, MIXED, "tier", 0.1),
    "isolation": (IsolationForest, {"ntrees": 10, "sample_size": 64}, MIXED, None, 0.1),
    "isolation_flagged": (
        IsolationForest, {"ntrees": 10, "sample_size": 64, "contamination": 0.1}, PLAIN, None, 0.0,
    ),
    "glm_gaussian": (GLM, {"family": "gaussian"}, MIXED, "value", 0.1),
    "glm_gaussian_plain": (GLM, {"family": "gaussian", "lambda_": 0, "standardize": False}, PLAIN, "value", 0.1),
    "glm_binomial": (GLM, {"family": "binomial", "lambda_": 0}, MIXED, "churned", 0.1),
    "glm_binomial_skip": (GLM, {"family": "binomial", "missing_values_handling": "Skip"}, MIXED, "churned", 0.02),
    "glm_binomial_offset": (GLM, {"family": "binomial", "offset_column": "shift"}, MIXED, "churned", 0.1),
    "glm_quasibinomial": (GLM, {"family": "quasibinomial"}, PLAIN, "gone", 0.0),
    "glm_fractional": (GLM, {"family": "fractionalbinomial", "link": "logit"}, PLAIN, "share", 0.0),
    "glm_poisson": (GLM, {"family": "poisson"}, MIXED, "visits", 0.1),
    "glm_negativebinomial": (GLM, {"family": "negativebinomial", "theta": 0.5}, MIXED, "visits", 0.1),
    "glm_gamma_inverse": (GLM, {"family": "gamma", "link": "inverse"}, MIXED, "cost", 0.1),
    "glm_gamma_log": (GLM, {"family": "gamma", "link": "log"}, MIXED, "cost", 0.1),
    "glm_tweedie_log": (
        GLM, {"family": "tweedie", "tweedie_variance_power": 1.5, "tweedie_link_power": 0}, MIXED, "cost", 0.1,
    ),
    "glm_tweedie_power": (
        GLM, {"family": "tweedie", "tweedie_variance_power": 1.5, "tweedie_link_power": -0.4}, MIXED, "cost", 0.1,
    ),
    "glm_multinomial": (GLM, {"family": "multinomial"}, MIXED, "tier", 0.1),
    "glm_ordinal": (GLM, {"family": "ordinal"}, MIXED, "grade", 0.1),
    "xgboost_binomial": (XGBoost, {"ntrees": 8, "max_depth": 4, "dmatrix_type": "dense"}, MIXED, "churned", 0.1),
    "xgboost_sparse": (XGBoost, {"ntrees": 6, "max_depth": 4, "dmatrix_type": "sparse"}, MIXED, "churned", 0.1),
    "xgboost_multinomial": (XGBoost, {"ntrees": 4, "max_depth": 3}, MIXED, "tier", 0.1),
    "xgboost_regression": (XGBoost, {"ntrees": 6, "max_depth": 4, "dmatrix_type": "dense"}, PLAIN, "value", 0.1),
    "xgboost_poisson": (XGBoost, {"ntrees": 5, "max_depth": 3, "distribution": "poisson"}, MIXED, "visits", 0.1),
    "xgboost_gamma": (XGBoost, {"ntrees": 5, "max_depth": 3, "distribution": "gamma"}, MIXED, "cost", 0.1),
    "xgboost_tweedie": (XGBoost, {"ntrees": 5, "max_depth": 3, "distribution": "tweedie"}, MIXED, "cost", 0.1),
    "xgboost_offset": (XGBoost, {"ntrees": 5, "max_depth": 3, "offset_column": "shift"}, MIXED, "value", 0.1),
    "xgboost_dart": (
        XGBoost, {"ntrees": 6, "max_depth": 3, "booster": "dart", "rate_drop": 0.4}, PLAIN, "churned", 0.1,
    ),
    "xgboost_dart_multinomial": (
        XGBoost, {"ntrees": 5, "max_depth": 3, "booster": "dart", "rate_drop": 0.4}, PLAIN, "tier", 0.1,
    ),
    "xgboost_linear": (XGBoost, {"ntrees": 8, "booster": "gblinear"}, MIXED, "churned", 0.1),
    "xgboost_linear_value": (XGBoost, {"ntrees": 8, "booster": "gblinear"}, PLAIN, "half", 0.1),
}  # fmt: skip


def frame(gaps: float, folder: Path) -> Any:  # noqa: ANN401
    """The rows to train with, on the server."""
    draw = random.Random(SEED)  # noqa: S311
    rows = [trained(draw, gaps) for _ in range(TRAINED)]
    types = NUMBERS | dict.fromkeys(TEXTS, "enum") | RESPONSES | OTHERS
    path = folder / f"train_{gaps}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(types), quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            # Quotes around nothing would be an empty text, and not a missing one.
            writer.writerow({name: math.nan if value is None else value for name, value in row.items()})
    path.write_text(path.read_text().replace("nan", ""))
    found = imported(path, types)
    assert found.nrow == TRAINED, found.nrow
    return found


def imported(path: Path, types: dict[str, str]) -> Any:  # noqa: ANN401
    """A file on the server; what ends a line within a text is put in there, as its parser may take it for a row."""
    path.write_text(path.read_text().replace("two\nlines", "two/lines"))
    found = h2o.import_file(str(path), header=1, sep=",", col_types=types)
    if "plan" in types and "two/lines" in found["plan"].levels()[0]:
        levels = [each.replace("two/lines", "two\nlines") for each in found["plan"].levels()[0]]
        found["plan"] = found["plan"].set_levels(levels)
    return found


def borders(model: Any, classes: list[str] | None) -> dict[str, list[float]]:  # noqa: ANN401
    """By feature, thresholds of trees."""
    found: dict[str, set[float]] = {}
    for number in range(2):
        for name in classes or [""]:
            try:
                tree = H2OTree(model, number, name or None)
            except Exception:  # noqa: S112  models without trees, and classes that have none of their own
                continue
            for feature, threshold in zip(tree.features, tree.thresholds, strict=True):
                if feature in NUMBERS and threshold is not None and math.isfinite(threshold):
                    found.setdefault(feature, set()).add(struct.unpack("f", struct.pack("f", threshold))[0])
    return {name: sorted(values) for name, values in found.items()}


def scored(inputs: list[str], thresholds: dict[str, list[float]], most: float) -> list[dict[str, Any]]:
    """Rows to score: drawn ones, hard ones, and some at thresholds and beside them."""
    draw = random.Random(SEED + 1)  # noqa: S311
    rows = [features(draw, 0.0 if n < SCORED // 2 else 0.2) for n in range(SCORED)]
    rows.append(dict.fromkeys(rows[0]))
    for n, value in enumerate(each for each in HARD if abs(each) <= most):
        rows.append(features(draw, 0.0) | {list(NUMBERS)[n % len(NUMBERS)]: value})
    if not set(TEXTS).isdisjoint(inputs):
        for n, text in enumerate(UNSEEN):
            rows.append(features(draw, 0.0) | {list(TEXTS)[n % len(TEXTS) if n > 2 else 0]: text})
    at = [(name, value) for name, values in sorted(thresholds.items()) for value in values]
    for name, value in draw.sample(at, min(len(at), BORDERS // 3)):
        for beside in (math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf)):
            rows.append(features(draw, 0.0) | {name: beside})
    return [{name: row.get(name, draw.gauss(0, 1)) for name in inputs} for row in rows]


def stripped(path: Path, target: Path) -> None:
    """The MOJO without what is there for humans, and with a time and an identity that are the same each time."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for entry in source.infolist():
            if not entry.filename.startswith("experimental/"):
                copied = zipfile.ZipInfo(entry.filename, (2026, 1, 1, 0, 0, 0))
                copied.compress_type = zipfile.ZIP_DEFLATED
                content = source.read(entry)
                if entry.filename == "model.ini":
                    content = re.sub(rb"(?m)^uuid = .*$", b"uuid = %d" % zlib.crc32(target.name.encode()), content)
                    content = re.sub(rb"(?m)^timestamp = .*$", b"timestamp = 2026-01-01T00:00:00.000Z", content)
                out.writestr(copied, content)


def handed(value: float | str | None) -> str:
    """A value as ScoreMojo takes it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return "t:" + urllib.parse.quote_plus(value)
    return "n:" + repr(float(value)).replace("inf", "Infinity")


def main() -> None:
    """Makes all of them, or those that are named."""
    wanted = sys.argv[1:] or list(MODELS)
    FOLDER.mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp())
    jar = str(next(Path(h2o.__file__).parent.rglob("h2o.jar")))
    subprocess.run(["javac", "-cp", jar, "-d", work, Path(__file__).with_name("ScoreMojo.java")], check=True)
    h2o.init(nthreads=1, max_mem_size="1g", name="formats", port=54471, strict_version_check=False, verbose=False)
    h2o.no_progress()
    try:
        made = {name: train(name, work) for name in wanted}
    finally:
        h2o.cluster().shutdown()
    arguments = [each for name, (rows, *_) in made.items() for each in (FOLDER / f"{name}.zip", rows)]
    subprocess.run(["java", "-Xmx512m", "-cp", f"{jar}:{work}", "ScoreMojo", *arguments], check=True)
    for name, (path, rows, labels, cluster) in made.items():
        finish(name, path, rows, labels, cluster)
    shutil.rmtree(work)


def train(name: str, work: Path) -> tuple[Path, list[dict[str, Any]], list[str] | None, list[list[str]]]:
    """Trains a model, and writes its MOJO and rows; with the rows its classes, and what the server itself predicts."""
    kind, parameters, inputs, response, gaps = MODELS[name]
    data = frame(gaps, work)
    if response and RESPONSES[response] == "enum":
        data[response] = data[response].asfactor()
    calibrating = {"calibration_frame": data} if parameters.get("calibrate_model") else {}
    model = kind(seed=SEED, **parameters, **calibrating)
    model.train(x=inputs, y=response, training_frame=data)
    model.download_mojo(str(work / "model.zip"))
    stripped(work / "model.zip", FOLDER / f"{name}.zip")
    labels = data[response].levels()[0] if response and RESPONSES[response] == "enum" else None
    if response in ("gone", "share"):
        labels = ["0", "1"]
    offset = [parameters["offset_column"]] if "offset_column" in parameters else []
    # Of linear boosters rows are refused whose sums may be past float32.
    most = 1e6 if parameters.get("booster") == "gblinear" else math.inf
    rows = scored([*inputs, *offset], borders(model, labels), most)
    path = work / f"{name}.rows"
    lines = ["\t".join(map(urllib.parse.quote_plus, rows[0])), *("\t".join(map(handed, row.values())) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path, rows, labels, cluster_predictions(model, rows, work)


def cluster_predictions(model: Any, rows: list[dict[str, Any]], work: Path) -> list[list[str]]:  # noqa: ANN401
    """What the server predicts, for rows that a CSV file can hold without doubt."""
    path = work / "score.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows(["" if value is None else value for value in row.values()] for row in rows[:SCORED])
    types = {name: {"age": "real"}.get(name, NUMBERS.get(name, OTHERS.get(name, "enum"))) for name in rows[0]}
    found = model.predict(imported(path, types))
    predicted: list[list[str]] = found.as_data_frame(use_pandas=False)[1:]
    return predicted


def finish(
    name: str, path: Path, rows: list[dict[str, Any]], labels: list[str] | None, cluster: list[list[str]]
) -> None:
    """Writes the CSV of a MOJO, and says how far genmodel and the server are apart."""
    found = [line.split("\t") for line in path.with_name(path.name + ".out").read_text().splitlines()]
    if found[0][0] == "unreadable":
        print(f"{name}: genmodel does not read it: {found[0][1]}")
        return
    names = [f"expected:{each}" for each in (["label", *labels] if labels else ["value"])]
    flagged = MODELS[name][1].get("contamination") is not None
    errors, apart = 0, 0.0
    with (FOLDER / f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*rows[0], *names])
        for number, (row, line) in enumerate(zip(rows, found, strict=True)):
            expected = line
            if line[0] == "error":
                errors, expected = errors + 1, [""] * len(names)
            elif labels:
                expected = [urllib.parse.unquote_plus(line[0]), *line[1:]]
                assert len(expected) == len(names), (name, line)
            else:
                expected = [line[1 if flagged else 0]]
            if number < len(cluster) and line[0] != "error":
                apart = max(apart, distance(expected, cluster[number][1 if flagged else 0 :]))
            writer.writerow(["" if each is None else each for each in row.values()] + expected)
    size = (FOLDER / f"{name}.zip").stat().st_size
    print(f"{name}: {size:,} bytes, {len(rows)} rows, {errors} errors, the server at most {apart:.2g} away")


def distance(expected: list[str], predicted: list[str]) -> float:
    """How far two predictions are apart; infinite where labels differ."""
    found = 0.0
    for one, other in zip(expected, predicted, strict=False):
        try:
            a, b = float(one), float(other)
            found = max(found, abs(a - b) / max(1.0, abs(a)))
        except ValueError:
            found = math.inf if one != other else found
    return found


if __name__ == "__main__":
    main()
