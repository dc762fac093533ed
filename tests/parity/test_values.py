"""The same number as in Python, whatever types the columns have and whatever is not known of inputs; or a refusal."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    GammaRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    TweedieRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .engines import Lab

_RANDOM = np.random.default_rng(8)
_NAMES = itertools.count()
# What models of extremes say when Python is asked.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipping features without any observed values"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]
_FORMS = ("pgscore.score(%s, t)", "pgscore.score(%s, r)", "pgscore.score(%s, to_jsonb(t))")


class _Bench:
    """A schema of tables, and models that are published for them."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        lab.session.run("create schema val")
        lab.session.run("grant usage on schema val to pgscore_owner")

    def table(self, name: str, columns: str, frame: pd.DataFrame) -> None:
        """Makes a table of these columns, with the frame's rows in its order."""
        self.lab.session.run(f"create table val.{name} (n integer primary key, {columns})")
        marks = ", ".join(["%s"] * (len(frame.columns) + 1))
        quoted = ", ".join(f'"{column}"' for column in frame.columns)
        for n, row in enumerate(frame.astype(object).where(frame.notna(), None).to_numpy().tolist()):
            self.lab.session.run(f"insert into val.{name} (n, {quoted}) values ({marks})", n, *row)

    def publish(self, model: Any, table: str | None, **given: Any) -> pgscore.Published:  # noqa: ANN401
        """Publishes a model under a name of its own."""
        profile = None if table is None else f"val.{table}"
        name = f"val_{next(_NAMES)}"
        return pgscore.publish(self.lab.engine, name, model, profile=profile, key=self.lab.key, **given)

    def refused(self, message: str, model: Any, table: str | None, **given: Any) -> str:  # noqa: ANN401
        """Expects a refusal; the hint."""
        before = self.lab.session.value("select count(*) from pgscore.model_version")
        with pytest.raises(pgscore.PgscoreError) as refusal:
            self.publish(model, table, **given)
        assert message in str(refusal.value)
        assert self.lab.session.value("select count(*) from pgscore.model_version") == before
        return refusal.value.hint

    def same(self, model: Any, table: str, wanted: Any, **given: Any) -> pgscore.Published:  # noqa: ANN401
        """Publishes a model, and compares what each engine says of each row, in each form, with what Python says."""
        published = self.publish(model, table, **given)
        assert published.problem is None
        assert {each.ok for each in published.verifications} == {True}
        for engine in [each.engine for each in published.verifications]:
            self.lab.session.run("select pgscore._serve(%s, 1, %s)", published.model, engine)
            for form in _FORMS:
                found = self.lab.session.run(
                    f"select {form} from val.{table} t, lateral (select t.*, 1 as more) r order by t.n", published.model
                )
                scores = np.array([np.nan if score is None else score for (score,) in found], dtype=float)
                assert scores == pytest.approx(np.asarray(wanted, dtype=float), rel=1e-11, abs=1e-11, nan_ok=True), (
                    engine, form,
                )  # fmt: skip
        return published


@pytest.fixture(scope="module")
def bench(lab: Lab) -> Iterator[_Bench]:
    yield _Bench(lab)
    of_schema = "select oid from pg_class where relnamespace = 'val'::regnamespace"
    lab.session.run(f"delete from pgscore.model_profile where profile in ({of_schema})")
    lab.session.run("drop schema val cascade")


def _encoded(frame: pd.DataFrame, encoder: Any, target: Any, texts: list[str]) -> Any:  # noqa: ANN401
    steps = ColumnTransformer([("codes", encoder, texts)], remainder="passthrough")
    return make_pipeline(steps, LinearRegression()).fit(frame, target)


def test_char_is_padded_in_every_form(bench: _Bench, tmp_path: Path) -> None:
    run = bench.lab.session.run
    run("create domain val.code as char(5); create domain val.code_of_code as val.code")
    run("create type val.mood as enum ('ok', 'sad '); create domain val.mood_of_mood as val.mood")
    columns = {
        "plan": ("char(8)", ["gold", "tin", "a'b"]), "code": ("val.code", ["\u00e4", "bb"]),
        "deep": ("val.code_of_code", ["q", "rr"]), "one": ("char", ["x", "y"]), "free": ("bpchar", ["p", "p  ", "qq"]),
        "short": ("varchar(6)", ["v", "v "]), "mood": ("val.mood", ["ok", "sad "]),
        "moods": ("val.mood_of_mood", ["ok", "sad "]),
    }  # fmt: skip
    written = pd.DataFrame({name: _RANDOM.choice(values, 30) for name, (_, values) in columns.items()}).astype(object)
    bench.table("chars", ", ".join(f"{name} {kind}" for name, (kind, _) in columns.items()), written)
    read = pd.DataFrame(run(f"select {', '.join(columns)} from val.chars order by n"), columns=list(columns))
    assert set(read["plan"]) == {"gold    ", "tin     ", "a'b     "}
    target = sum((read[name] == read[name][0]) * 2.0**n for n, name in enumerate(columns))
    trimmed = read.assign(**{name: read[name].str.rstrip() for name in ("plan", "code", "deep", "one")})
    trimmed.to_csv(tmp_path / "trimmed.csv", index=False)
    every: list[dict[str, Any]] = [{}, {"golden": read}, {"golden": trimmed}, {"golden": tmp_path / "trimmed.csv"}]
    for unknown, some in (("ignore", every), ("error", every[:1])):
        model = _encoded(read, OneHotEncoder(handle_unknown=unknown), target, list(columns))
        for given in some:
            published = bench.same(model, "chars", model.predict(read), **given)
        assert {each.column for each in published.casts} >= {"character(8)", "val.code_of_code", "val.mood"}
        model = _encoded(trimmed, OneHotEncoder(handle_unknown=unknown), target, list(columns))
        message = "column plan of val.chars is character(8), whose values are padded with blanks, and the model was"
        for given in ({}, {"golden": trimmed}):
            assert "casts the column to text" in bench.refused(message, model, "chars", **given)
    # One of the categories fills the column by chance.
    chance = written[["plan"]].replace("tin", "tinntinn")
    model = _encoded(chance, OneHotEncoder(handle_unknown="ignore"), target, ["plan"])
    bench.refused("fitted on texts without them such as", model, "chars")
    run("create table val.lists (n integer, plan char(8)[]); insert into val.lists values (1, array['gold'])")
    bench.refused(
        "cannot serve as inputs: plan (character(8)[]); the model was fitted in plan on texts", model, "lists"
    )


_FITTED: dict[str, list[Any]] = {
    "numbers": [1, 2, 3], "texts": ["1", "2", "3"], "decimals as texts": ["1.0", "2.0", "3.0"],
    "booleans": [True, False, True], "bits": [1, 0, 1],
}  # fmt: skip
_COLUMNS: dict[str, list[Any]] = {
    "smallint": [1, 2, 3], "integer": [1, 2, 3], "numeric(6,2)": [1, 2, 3], "real": [1, 2, 3],
    "double precision": [1, 2, 3], "text": ["1", "2", "3"], "varchar": ["1", "2", "3"], "val.digit": ["1", "2", "3"],
    "boolean": [True, False, True], "date": ["2020-01-01", "2020-01-02", "2020-01-03"],
}  # fmt: skip
_NUMBERS = ("smallint", "integer", "numeric(6,2)", "real", "double precision")
_GO: dict[str, tuple[str, ...]] = {
    "numbers": _NUMBERS, "texts": ("text", "varchar", "val.digit"), "decimals as texts": (),
    "booleans": ("boolean",), "bits": ("boolean",),
}  # fmt: skip


@pytest.fixture(scope="module")
def codes(bench: _Bench) -> list[str]:
    """A table for each of the columns."""
    bench.lab.session.run("create type val.digit as enum ('1', '2', '3')")
    names = [f"codes{number}" for number in range(len(_COLUMNS))]
    for name, (kind, values) in zip(names, _COLUMNS.items(), strict=True):
        bench.table(name, f"code {kind}, x double precision", pd.DataFrame({"code": values * 2, "x": 0.5}))
    return names


@pytest.mark.parametrize(
    ("encoder", "last"),
    [(OneHotEncoder(handle_unknown="ignore"), LinearRegression()),
     # This is no program, so that only the estimator engine knows what it was fitted on.
     (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), PoissonRegressor())],
    ids=["program", "estimator"],
)  # fmt: skip
def test_codes_fit_the_column_or_are_refused(bench: _Bench, codes: list[str], encoder: Any, last: Any) -> None:  # noqa: ANN401
    columns = dict(zip(_COLUMNS, codes, strict=True))
    if isinstance(last, PoissonRegressor):  # dear, and alike
        columns = {kind: columns[kind] for kind in ("integer", "text", "boolean", "date")}
    for (fitted, values), (kind, table) in itertools.product(_FITTED.items(), columns.items()):
        frame = pd.DataFrame({"code": values * 2, "x": _RANDOM.normal(size=6)})
        steps = ColumnTransformer([("code", encoder, ["code"])], remainder="passthrough")
        model = make_pipeline(steps, last).fit(frame, [1.0, 5.0, 2.0] * 2)
        declared = kind.replace("varchar", "character varying")
        words = "texts" if "texts" in fitted else "booleans" if fitted == "booleans" else "numbers"
        read_as = {"texts": "text", "numbers": "double precision", "booleans": "boolean"}[words]
        if kind in _GO[fitted]:
            for given in ({}, {"golden": frame})[: 2 if kind in ("integer", "text", "boolean") else 1]:
                published = bench.same(model, table, model.predict(frame.assign(x=0.5)), **given)
                casts = [(each.column, each.read_as) for each in published.casts]
                assert casts == ([] if declared == read_as else [(declared, read_as)])
        elif fitted == "decimals as texts" and kind in _GO["texts"]:
            message = f"no value of column code of val.{table} is known to the model, which was fitted on texts such as"
            assert "--golden" in bench.refused(message, model, table)
        elif fitted != "bits" or kind not in _NUMBERS:  # where 2 and 3 are codes that it does not know
            message = f"column code of val.{table} is {declared}, and the model was fitted on {words} such as "
            if kind == "date":
                message = f"code (date); the model was fitted in code on {words} such as "
            bench.refused(message, model, table)
            # Booleans are 0 and 1 in a column of numbers; of these rows alone nobody knows that there is more in it.
            if (fitted, kind in _NUMBERS) != ("booleans", True):
                bench.refused(message, model, table, golden=frame)


def test_numbers_in_texts_and_the_reverse(bench: _Bench) -> None:
    frame = pd.DataFrame({"x": np.tile([1.0, 2.0, 5.0], 8)})
    bench.table("texts", "x text", frame.map(str))
    bench.table("flags", "x boolean", frame.map(lambda value: value > 1))
    model = DecisionTreeRegressor(max_depth=3).fit(frame, frame["x"] * 2)
    bench.refused("column x of val.texts is text, and the model reads it as numbers", model, "texts")
    bench.refused("is text, and the golden rows hold numbers such as 1.0", model, "texts", golden=frame)
    bench.refused("is boolean, and the golden rows hold numbers such as 1.0", model, "flags", golden=frame)
    bits = frame.map(lambda value: float(value > 1))
    model = DecisionTreeRegressor(max_depth=3).fit(bits, bits["x"] * 2)
    bench.same(model, "flags", model.predict(bits), golden=bits)
    bench.table("bits", "x smallint", bits)
    model = _encoded(frame > 1, OneHotEncoder(handle_unknown="ignore"), frame["x"], ["x"])
    for given in ({}, {"golden": frame > 1}):
        published = bench.same(model, "bits", model.predict(frame > 1), **given)
        assert [(each.column, each.read_as) for each in published.casts] == [("smallint", "boolean")]
    # Who shows that it was fitted on texts gets what scikit-learn makes of them.
    model = DecisionTreeRegressor(max_depth=3).fit(frame.map(str).astype(object), frame["x"] * 2)
    bench.same(model, "texts", model.predict(frame), golden=frame.map(str).astype(object))


def test_a_model_without_names(bench: _Bench, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": _RANDOM.normal(size=30), "b": _RANDOM.normal(size=30)})
    bench.table("reversed", "b double precision, a double precision", frame)
    labels = (frame["a"] > 2 * frame["b"]).astype(int)
    model = LogisticRegression().fit(frame.to_numpy(), labels)
    wanted = model.predict_proba(frame.to_numpy())[:, 1]
    frame.to_csv(tmp_path / "golden.csv", index=False)
    nameless = "the estimator was fitted on 2 columns without names, and nothing names them"
    for given in ({}, {"golden": frame.to_numpy()}, {"golden": pd.DataFrame(frame.to_numpy())}):
        assert "--inputs" in bench.refused(nameless, model, "reversed", **given)
        published = bench.same(model, "reversed", wanted, inputs=["a", "b"], **given)
        assert (published.inputs, published.named_by) == (["a", "b"], "inputs")
    for golden in (frame, tmp_path / "golden.csv", frame.to_dict("records")):
        published = bench.same(model, "reversed", wanted, golden=golden)
        assert (published.inputs, published.named_by) == (["a", "b"], "the golden rows")
    wider = frame.assign(c=1.0)
    bench.refused("2 columns without names, and the golden rows have 3", model, "reversed", golden=wider)
    bench.same(model, "reversed", wanted, golden=wider, inputs=["a", "b"])
    bench.refused("fitted on 2 inputs, and 3 are named", model, "reversed", inputs=["a", "b", "c"])
    bench.refused("has no column c, which", model, "reversed", inputs=["a", "c"])
    named = LogisticRegression().fit(frame, labels)
    assert bench.same(named, "reversed", wanted).named_by == "the estimator"
    bench.refused("fitted with the inputs a, b, and others are named: b, a", named, "reversed", inputs=["b", "a"])


_LOG = {"func": np.log, "inverse_func": np.exp}


def test_scores_that_are_not_finite(bench: _Bench) -> None:
    frame = pd.DataFrame({"a": [*_RANDOM.normal(size=30), 800.0, 1e5, -1e5], "b": 0.5})
    bench.table("extremes", "a double precision, b double precision", frame)
    fitting, target = frame.head(30), np.exp(frame["a"].head(30))
    huge = LinearRegression().fit(fitting, target)
    huge.coef_ = np.array([1e305, 1.0])
    for model in (
        PoissonRegressor().fit(fitting, target),
        make_pipeline(StandardScaler(), GammaRegressor()).fit(fitting, target),
        TweedieRegressor(power=1.5, link="log").fit(fitting, target),
        TransformedTargetRegressor(LinearRegression(), **_LOG).fit(fitting, target),
        TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1).fit(fitting, target),
        huge,
    ):
        wanted = model.predict(frame)
        assert np.isinf(wanted).any()
        for given in ({}, {"golden": frame}):
            published = bench.same(model, "extremes", wanted, **given)
        assert published.score == "the prediction"
        stored = "select count(*) from pgscore.golden_row where model = %s and abs(expected) = 'Infinity'"
        assert bench.lab.session.value(stored, published.model) >= 1
        predicted = "select pgscore.predict(%s, t) ->> 'value' from val.extremes t where n = 31"
        assert bench.lab.session.value(predicted, published.model) in ("Infinity", "-Infinity", "0")
    # A number beside infinity is no match, nor is the other infinity.
    session = bench.lab.session
    session.run("begin; alter table pgscore.golden_row disable trigger immutable")
    for wrong in ("Infinity", "-Infinity", "1"):
        session.run(
            "update pgscore.golden_row set expected = %s::float8, outputs = array[%s::float8] where model = %s and"
            " ordinal = 1", wrong, wrong, published.model,
        )  # fmt: skip
        assert not any(ok for (ok,) in session.run("select ok from pgscore.verify(%s)", published.model))
    session.run("rollback")


def test_models_that_decide_nothing(bench: _Bench) -> None:
    frame = pd.DataFrame({"a": _RANDOM.normal(size=24), "b": 1.0, "plan": _RANDOM.choice(["x", "y"], 24)}).astype(
        {"plan": object}
    )
    bench.table("constants", "plan text, a double precision, b double precision", frame)
    numbers, labels = frame[["a", "b"]], np.tile([0, 1], 12)
    ones, never = [3.5] * 24, {"min_samples_split": 1000}
    for model, given in (
        (DecisionTreeRegressor().fit(numbers, ones), {}),
        (RandomForestRegressor(2).fit(numbers, ones), {}),
        (GradientBoostingRegressor(n_estimators=2).fit(numbers, ones), {}),
        (HistGradientBoostingRegressor(max_iter=2).fit(numbers, ones), {}),
        (HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=99).fit(numbers, labels), {}),
        (GradientBoostingClassifier(n_estimators=2, **never).fit(numbers, labels), {}),
        (DecisionTreeClassifier().fit(numbers, [0] * 24), {"positive": 0}),
        (Lasso(alpha=1e9).fit(numbers, labels), {}),
        (DummyClassifier().fit(numbers, labels), {}),
        (make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers, labels), {}),
        (_encoded(frame, OneHotEncoder(), ones, ["plan"]), {}),
        (make_pipeline(OrdinalEncoder(), ExtraTreesClassifier(2, **never)).fit(frame[["plan"]], labels), {}),
    ):
        rows = frame[list(model.feature_names_in_)]
        wanted = model.predict_proba(rows)[:, -1] if hasattr(model, "classes_") else model.predict(rows)
        bench.same(model, "constants", wanted, **given)


def test_a_column_that_is_null_everywhere(bench: _Bench) -> None:
    frame = pd.DataFrame({"a": _RANDOM.normal(size=20), "later": np.nan, "words": None})
    bench.table("early", "a double precision, later bigint, words text", frame)
    filled = frame.assign(later=np.tile([1.0, 2.0], 10), words=np.tile(["x", "y"], 10)).astype({"words": object})
    some = filled.assign(later=filled["later"].where(filled.index > 3))
    labels = np.tile([0, 1], 10)
    empty = frame.astype({"words": object})
    for model in (
        make_pipeline(SimpleImputer(), LogisticRegression()).fit(filled[["a", "later"]], labels),
        make_pipeline(SimpleImputer(add_indicator=True), LogisticRegression()).fit(some[["a", "later"]], labels),
        make_pipeline(SimpleImputer(), LogisticRegression()).fit(empty[["a", "later"]], labels),
        HistGradientBoostingClassifier(max_iter=2).fit(some[["a", "later"]], labels),
    ):
        for given in ({}, {"golden": empty.head(5)}):
            bench.same(model, "early", model.predict_proba(empty[["a", "later"]])[:, 1], **given)
    texts = _encoded(filled[["a", "words"]], OneHotEncoder(handle_unknown="ignore"), labels, ["words"])
    bench.same(texts, "early", texts.predict(empty[["a", "words"]].fillna({"words": np.nan})))
    model = LogisticRegression().fit(filled[["a", "later"]], labels)
    hint = bench.refused("later has no value in any of the sample of val.early (", model, "early")
    assert "--golden FILE.csv" in hint
    bench.publish(model, "early", golden=filled)
    # It is in the last rows that all columns have a value.
    bench.table("late", "a double precision, later bigint", frame[["a", "later"]])
    bench.lab.session.run(
        "insert into val.late select n, n, case when n > 900 then 1 end from generate_series(20, 999) n"
    )
    published = bench.publish(model, "late")
    assert {each.ok for each in published.verifications} == {True}
    bench.lab.session.run("delete from val.late")
    assert "--golden" in bench.refused("table val.late has no rows to take golden rows from", model, "late")


class _Ratio(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A step that no server can import."""

    def fit(self, given: Any, _: Any = None) -> _Ratio:  # noqa: ANN401
        return self

    def transform(self, given: Any) -> Any:  # noqa: ANN401
        return np.column_stack([given["a"] / (1 + given["b"].abs()), given["a"]])


def test_a_first_step_that_the_server_cannot_import(bench: _Bench) -> None:
    frame = pd.DataFrame({"a": _RANDOM.normal(size=20), "b": _RANDOM.normal(size=20)})
    bench.table("own", "b double precision, a double precision", frame)
    model = make_pipeline(_Ratio(), LogisticRegression()).fit(frame, (frame["a"] > 0).astype(int))
    message = "the estimator was fitted on columns without names, and nothing names them"
    bench.refused(message, model, "own")
    for given in ({"golden": frame}, {"inputs": ["a", "b"]}):
        published = bench.publish(model, "own", **given)
        assert published.problem is not None
        assert "package that is missing" in published.problem
        assert "tests" in published.problem
        assert (published.positive, published.score) == (1, "the probability of class 1")
