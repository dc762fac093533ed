"""What says how events of a topic move profiles: read before there is a broker or a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pgscore import PgscoreError
from pgscore.stream.definition import read_definition

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "profile": "shop.customer",
    "event_key": "customer_id",
    "profile_key": ["id"],
    "event_columns": {"customer_id": "bigint not null"},
    "reducers": [{"column": "complaints", "aggregate": "count"}],
}


def test_one_name_is_a_list_of_one() -> None:
    found = read_definition(GOOD)
    assert (found["event_key"], found["profile_key"], found["primary_key"]) == (["customer_id"], ["id"], [])


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("profile", 5, "has profile, which is no name: 5"),
        ("score", ["s"], "has score, which is no name: ['s']"),
        ("profile", None, "has profile, which is no name: None"),
        ("event_key", 5, "has event_key, which is no list of names: 5"),
        ("profile_key", ["id", 1], "has profile_key, which is no list of names"),
        ("primary_key", {"id": 1}, "has primary_key, which is no list of names"),
        ("event_columns", [], "no object of event_columns"),
        ("reducers", {}, "no list of reducers"),
        ("on_missing", "wait", "neither error nor insert"),
        ("window", "1h", "has a window, which is none of"),
    ],
)
def test_what_is_no_definition_is_refused(name: str, value: Any, says: str) -> None:  # noqa: ANN401
    with pytest.raises(PgscoreError) as refusal:
        read_definition({**GOOD, name: value})
    assert says in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "definition.json").write_bytes(content)
    with pytest.raises(PgscoreError):
        read_definition(tmp_path / "definition.json")
