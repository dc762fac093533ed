"""reduce in JavaScript makes of a profile what Python makes of it, and refuses what Python refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pgscore.bundle.reducing.binding import Binding
from pgscore.bundle.reducing.values import column_type
from pgscore.errors import PgscoreError

from tests.support.examples import examples

from .node import RefusedError
from .programs import document
from .reducing import bindings, events, profiles

if TYPE_CHECKING:
    from .node import Node

_fuzz = settings(max_examples=examples(250), deadline=None, suppress_health_check=list(HealthCheck))
_PROGRAM: dict[str, Any] = {
    "program": 1,
    "inputs": [{"name": "x", "type": "double precision", "nullable": True}],
    "steps": [],
    "scores": [0],
    "link": "identity",
    "tie": "first",
}


def _reduced(node: Node, binding: dict[str, Any], *given_: Any, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    node.ask("open", document=document(_PROGRAM) | {"bindings": [binding]})
    found: dict[str, Any] = node.ask("reduce", given=[*given_, options])
    return found


def _compare(
    node: Node,
    binding: dict[str, Any],
    profile: dict[str, Any],
    came: list[dict[str, Any]],
    columns: list[str] | None,
) -> None:
    options = {} if columns is None else {"columns": columns}
    try:
        wanted = Binding(binding, "it").reduce(profile, came, columns)
    except PgscoreError:
        event("refused")
        with pytest.raises(RefusedError):
            _reduced(node, binding, profile, came, **options)
        return
    event("reduced")
    found = _reduced(node, binding, profile, came, **options)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if repr(found[name]) == repr(value):
            continue
        assert name in binding["profile_columns"]
        kind = column_type(binding["profile_columns"][name])
        one, other = (None if each is None else kind.read(each, name) for each in (value, found[name]))
        assert (one is None) == (other is None), name
        assert repr(one) == repr(other) or kind.key(one) == kind.key(other), (name, one, other)


@_fuzz
@given(data=st.data())
def test_drawn_events_make_of_a_profile_what_python_makes_of_it(node: Node, data: st.DataObject) -> None:
    binding = data.draw(bindings())
    columns = [each["column"] for each in binding["reducers"]]
    chosen = st.one_of(st.none(), st.just(columns), st.lists(st.sampled_from(columns), max_size=1))
    _compare(node, binding, data.draw(profiles(binding)), data.draw(events()), data.draw(chosen))
