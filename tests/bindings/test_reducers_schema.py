"""docs/reducers.schema.json says of reducers what the database says, as far as it does not depend on tables."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import psycopg2
import pytest

from tests.support.migrate import ROOT

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "reducers.schema.json").read_text()))
_COUNT: dict[str, Any] = {"column": "n", "aggregate": "count"}
_SUM: dict[str, Any] = {"column": "Total", "aggregate": "sum", "of": "amount"}
_MIN: dict[str, Any] = {"column": "least", "aggregate": "min", "of": "amount"}
_AVG: dict[str, Any] = {"column": "Total", "aggregate": "avg", "of": "amount"}
_DISTINCT: dict[str, Any] = {"column": "n", "aggregate": "distinct", "of": "Kind"}
_LAST: dict[str, Any] = {"column": "latest", "aggregate": "last", "of": "Kind", "order_by": "at"}

_DUE: dict[str, Any] = {"column": "due", "aggregate": "due"}
_WINDOW: dict[str, Any] = {"window": "30 days", "time": "moment"}

_ACCEPTED: list[Any] = [
    *([each] for each in shop.REDUCERS),
    shop.REDUCERS,
    [{**_COUNT, "deletes": "ignore"}, {**_SUM, "deletes": "ignore"}],
    [_AVG, _DISTINCT],
    [{**_AVG, "where": {"rush": True}}, {**_DISTINCT, "where": {"rush": True}}],
    [{**_COUNT, "where": {}}],
    [{**_COUNT, **_WINDOW}, _DUE],
    [_DUE, *({**each, **_WINDOW} for each in (_SUM, _MIN, _LAST))],
    [_DUE, *({**each, **_WINDOW, "where": {"rush": True}} for each in (_AVG, _DISTINCT))],
    [{**_COUNT, "where": {"Kind": "billing", "rush": False, "pieces": 3, "at": None, "amount": 2.5}}],
    [{**_COUNT, "where": {"rush": "yes", "pieces": "3"}}],
]

_REFUSED: list[Any] = [
    None,
    {},
    "count",
    [],
    [_COUNT] * 51,
    [3],
    [None],
    [[_COUNT]],
    [_COUNT, {}],
    [{"aggregate": "count"}],
    [{"column": "n"}],
    [{**_COUNT, "column": None}],
    [{**_COUNT, "column": ""}],
    [{**_COUNT, "column": 1}],
    [{**_COUNT, "aggregate": "median"}],
    [{**_COUNT, "aggregate": None}],
    [{**_COUNT, "aggregate": "Count"}],
    [{**_COUNT, "colour": "red"}],
    [{**_COUNT, "of": "amount"}],
    [{**_COUNT, "of": None}],
    [{**_COUNT, "order_by": "at"}],
    [{**_SUM, "of": ""}],
    [{**_SUM, "order_by": "at"}],
    [{"column": "Total", "aggregate": "sum"}],
    [{"column": "least", "aggregate": "min"}],
    [{"column": "latest", "aggregate": "last", "order_by": "at"}],
    [{"column": "latest", "aggregate": "last", "of": "Kind"}],
    [{**_LAST, "order_by": None}],
    [{**_LAST, "order_by": ["at"]}],
    [{**_COUNT, "where": None}],
    [{**_COUNT, "where": [1]}],
    [{**_COUNT, "where": "rush"}],
    [{**_COUNT, "where": {"Kind": ["billing"]}}],
    [{**_COUNT, "where": {"Kind": {"is": "billing"}}}],
    [{**_COUNT, "deletes": "count"}],
    [{**_COUNT, "deletes": None}],
    [{**_COUNT, "deletes": True}],
    [{**_MIN, "deletes": "ignore"}],
    [{**_MIN, "aggregate": "max", "deletes": "ignore"}],
    [{**_LAST, "deletes": "ignore"}],
    [{"column": "Total", "aggregate": "avg"}],
    [{"column": "n", "aggregate": "distinct"}],
    [{**_AVG, "order_by": "at"}],
    [{**_DISTINCT, "order_by": "at"}],
    [{**_AVG, "deletes": "ignore"}],
    [{**_DISTINCT, "deletes": "ignore"}],
    [{**_COUNT, "window": "30 days"}, _DUE],
    [{**_COUNT, "time": "moment"}, _DUE],
    [{**_COUNT, **_WINDOW, "window": 30}, _DUE],
    [{**_COUNT, **_WINDOW, "window": ""}, _DUE],
    [{**_COUNT, **_WINDOW, "time": ""}, _DUE],
    [{**_COUNT, **_WINDOW, "deletes": "ignore"}, _DUE],
    *([{**_COUNT, **_WINDOW}, {**_DUE, **more}] for more in ({"of": "moment"}, {"where": {"rush": True}}, _WINDOW)),
    [{**_COUNT, **_WINDOW}, {**_DUE, "deletes": "ignore"}],
    [{**_COUNT, **_WINDOW}, {**_DUE, "order_by": "moment"}],
]


def _attach(session: Session, reducers: object) -> psycopg2.Error | None:
    """What the database says; the tables stay as they were."""
    session.run("begin")
    try:
        shop.attach(session, reducers=reducers)
    except psycopg2.Error as error:
        return error
    finally:
        session.run("rollback")
    return None


def test_what_the_schema_takes_attaches(shopping: Database) -> None:
    session = shopping.session()
    session.run(f"alter table {shop.EVENTS} add moment timestamptz; alter table {shop.PROFILE} add due timestamptz")
    for reducers in _ACCEPTED:
        _VALIDATOR.validate(reducers)
        assert _attach(session, reducers) is None, reducers


def test_what_the_database_refuses_for_its_form_the_schema_refuses(shopping: Database) -> None:
    session = shopping.session()
    session.run(f"alter table {shop.EVENTS} add moment timestamptz; alter table {shop.PROFILE} add due timestamptz")
    for reducers in _REFUSED:
        refusal = _attach(session, reducers)
        assert refusal is not None, reducers
        assert refusal.pgcode == "22023", (reducers, refusal)
        with pytest.raises(jsonschema.ValidationError):
            _VALIDATOR.validate(reducers)


def test_the_examples_of_the_documentation_fit_the_schema() -> None:
    text = (ROOT / "docs" / "bindings.md").read_text()
    examples = [json.loads(f"[{each}]") for each in re.findall(r'`(\{"column".*?\})`', text)]
    aggregates = _VALIDATOR.schema["$defs"]["reducer"]["properties"]["aggregate"]["enum"]
    assert {each["aggregate"] for example in examples for each in example} == set(aggregates)
    for example in examples:
        _VALIDATOR.validate(example)
