"""Columns of numeric hold numbers that no double does: a model reads of them what numpy's float() gives."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from .engines import ENGINES

if TYPE_CHECKING:
    from .engines import Lab

_NUMBERS = [
    "0", "1.1", "-1.1", "1e400", "-1e400", "1e-400", "-1e-400", "1.7976931348623157e308", "1.7976931348623158e308",
    "1.7976931348623159e308", "-1.7976931348623159e308", "2.4e-324", "2.5e-324", "-5e-324", "9007199254740993",
    "0.1000000000000000055511151231257827021181583404541015625", "NaN", "Infinity", "-Infinity",
]  # fmt: skip


@pytest.mark.parametrize("text", _NUMBERS)
def test_a_numeric_is_read_as_python_reads_it(lab: Lab, text: str) -> None:
    wanted = float(Decimal(text))
    found = lab.session.value("select pgscore._number(%s::numeric)", text)
    assert found == wanted or (math.isnan(found) and math.isnan(wanted))
    if math.isfinite(Decimal(text)):
        payload = json.dumps({"x": 0}).replace("0", text)
        assert lab.session.row(
            "select pgscore._payload_value(%s::jsonb, 'x', 'double precision')::double precision,"
            ' pgscore._payload_numbers(\'[{"name": "x", "type": "double precision"}]\', %s::jsonb)',
            payload,
            payload,
        ) == (wanted, [wanted])


@pytest.mark.parametrize(
    ("kind", "guarded"),
    [
        ("numeric", True),
        ("numeric(12,2)", False),
        ("numeric(308)", False),
        ("numeric(309)", True),
        ("numeric(1000,700)", True),
        ("numeric(320,320)", False),
        ("numeric(400,324)", True),
        ("numeric(3,-400)", True),
        ("numeric(3,-5)", False),
        ("guarded_money", True),
        ("bounded_money", False),
        ("double precision", False),
        ("bigint", False),
    ],
)
def test_only_a_numeric_that_can_overflow_is_guarded(lab: Lab, kind: str, guarded: bool) -> None:
    if "-" in kind and lab.session.value("show server_version_num") < "150000":
        pytest.skip("scales below 0 came with PostgreSQL 15")
    lab.session.run("begin")
    try:
        lab.session.run("create domain guarded_money as numeric")
        lab.session.run("create domain bounded_money as numeric(12,2)")
        lab.session.run(f"create table guarded (x {kind})")
        expression = lab.session.value(
            'select pgscore._profile_expression(\'guarded\', \'{"name": "x", "type": "double precision"}\', \'g\')'
        )
    finally:
        lab.session.run("rollback")
    assert expression == ("pgscore._number(g.x)" if guarded else "g.x::pg_catalog.float8")


def test_models_over_numbers_that_no_double_holds(lab: Lab) -> None:
    frame = pd.DataFrame({"x": np.linspace(-5, 5, 60), "y": np.tile([1.0, 0.0, 2.0], 20)})
    types = {"x": "numeric", "y": "numeric"}
    linear = lab.publish("beyond_linear", LinearRegression().fit(frame, frame["x"]), frame.head(5), types, None)
    trees = HistGradientBoostingRegressor(max_iter=5).fit(frame, frame["x"])
    treed = lab.publish("beyond_trees", trees, frame.head(5), types, None)
    for published in (linear, treed):
        lab.session.run(
            f"insert into p_{published.name} (n, x, y) values (0, '1e400', 1), (1, '-1e400', 1), (2, '1e-400', 1)"
        )
        published.rows += [[math.inf, 1.0], [-math.inf, 1.0], [0.0, 1.0]]
        top, bottom, tiny = trees.predict(pd.DataFrame({"x": [1e300, -1e300, 0.0], "y": 1.0})).tolist()
        for engine in ENGINES:
            published.serve(engine)
            for form in ("typed", "json", "record"):
                found = [score for _, score in sorted(published.scores(form, engine).items())]
                if published is treed:
                    assert found == pytest.approx([top, bottom, tiny], rel=1e-12)
                else:
                    assert found == [None, None, pytest.approx(0.0, abs=1e-11)]


def test_numbers_far_from_zero_are_scaled_as_scikit_learn_rounds(lab: Lab) -> None:
    frame = pd.DataFrame({"x": 2.0**53 + 2.0 * np.arange(60), "y": np.tile([1.0, 0.0, 2.0], 20)})
    types = {"x": "double precision", "y": "integer"}
    for name, scaler in (("far_min_max", MinMaxScaler((0.25, 7.5))), ("far_standard", StandardScaler())):
        fitted = make_pipeline(scaler, LinearRegression()).fit(frame, frame["y"] * 3 + frame.index)
        published = lab.publish(name, fitted, frame.head(5), types, None)
        assert published.verified == dict.fromkeys(ENGINES, True)
        published.insert(frame.to_numpy().tolist())
        wanted = dict(enumerate(fitted.predict(frame).tolist()))
        for engine in ENGINES[:2]:
            published.serve(engine)
            assert published.scores("typed", engine) == pytest.approx(wanted, rel=1e-12)


def test_products_and_quotients_at_the_largest_double(lab: Lab) -> None:
    random = np.random.default_rng(5)
    root, largest = math.sqrt(1.7976931348623157e308), 1.7976931348623157e308
    factors = np.concatenate([[1.0, 2.0, 1 + 2.0**-52, root, 3e153, 1e300], np.exp(random.uniform(0, 700, 60))])
    pairs = [
        (float(a), float(b)) for a in factors for b in (largest / a, np.nextafter(largest / a, 0), 2 * largest / a)
    ]
    pairs += [(float(np.nextafter(a, np.inf)), b) for a, b in pairs if math.isfinite(b)]
    pairs = [(a, b) for a, b in pairs if math.isfinite(b)]
    with np.errstate(all="ignore"):
        products = [float(np.float64(a) * np.float64(b)) for a, b in pairs]
        quotients = [float(np.float64(a) / np.float64(1 / b)) for a, b in pairs]
    found = lab.session.run(
        "select pgscore._multiply(a, b), pgscore._divide(a, c) from unnest(%s::float8[], %s::float8[], %s::float8[])"
        " with ordinality as t (a, b, c, n) order by n",
        [repr(a) for a, _ in pairs],
        [repr(b) for _, b in pairs],
        [repr(1 / b) for _, b in pairs],
    )
    assert [product for product, _ in found] == products
    assert [quotient for _, quotient in found] == quotients


def test_products_and_quotients_next_to_zero(lab: Lab) -> None:
    least = 5e-324
    numbers = [least, 2 * least, 3 * least, 7 * least, 1e-320, 1e-310, 2.2250738585072014e-308]
    factors = [0.1, 0.25, 0.49999999999999994, 0.5, 0.5000000000000001, 0.75, 0.9999999999999999, 1e-3, 1e-12]
    pairs = [(sign * a, b) for a in numbers for b in factors for sign in (1.0, -1.0)]
    found = lab.session.run(
        "select pgscore._multiply(a, b), pgscore._divide(a, c) from unnest(%s::float8[], %s::float8[], %s::float8[])"
        " with ordinality as t (a, b, c, n) order by n",
        [repr(a) for a, _ in pairs],
        [repr(b) for _, b in pairs],
        [repr(1 / b) for _, b in pairs],
    )
    assert [product for product, _ in found] == [a * b for a, b in pairs]
    assert [quotient for _, quotient in found] == [a / (1 / b) for a, b in pairs]
