"""Nothing that a session can set changes a score, not in the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.database import ANALYST
from tests.support.models import ENGINES, serve

from .typed import MODELS

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_SETTINGS = [
    "datestyle = 'German'",
    "datestyle = 'SQL, DMY'",
    "timezone = 'UTC'",
    "timezone = 'America/New_York'",
    "timezone = 'Asia/Kolkata'",
    "extra_float_digits = 0",
    "extra_float_digits = -15",
    "intervalstyle = 'sql_standard'",
    "client_encoding = 'LATIN1'",
    "bytea_output = 'escape'",
    "jit = on; set jit_above_cost = 0; set jit_inline_above_cost = -1; set jit_optimize_above_cost = -1",
    "jit = off",
]
# The JSON of a caller's own making is theirs to write; this is what a session with defaults writes.
_FORMS = {
    "typed": "select pgscore.score('{model}', r) from typed.row r order by r.id",
    "record": "select pgscore.score('{model}', s) from (select r.*, 1 as more from typed.row r) s order by s.id",
    "json": "select pgscore.score('{model}', payload) from written order by id",
    "predict": "select pgscore.predict('{model}', s) from (select r.*, 1 as more from typed.row r) s order by s.id",
    "one row": "select (pgscore._rescore('{model}', null, r, true))[1] from typed.row r order by r.id",
    "a binding's one": "select pgscore._rescore('{model}', r, r, true) from typed.row r order by r.id",
    "a binding's change": "select pgscore._rescore('{model}', r, s, false) from typed.row r, typed.row s"
    " where s.id in (r.id, r.id + 1) order by r.id, s.id",
    "a binding's many": "select (pgscore._score_rows('{model}', array_agg(r order by r.id))).scores from typed.row r",
    "late": "select pgscore._late_score('{model}', r) from typed.row r order by r.id",
    "late rows": "select (pgscore._late_rows('{model}', array_agg(r order by r.id))).scores from typed.row r",
}


def _scores(session: Session) -> dict[tuple[str, str], Any]:
    session.run("create temporary table written as select r.id, to_jsonb(r) as payload from typed.row r")
    return _asked(session)


def _asked(session: Session, setting: str | None = None) -> dict[tuple[str, str], Any]:
    found = {}
    for model in MODELS:
        for form, sql in _FORMS.items():
            if setting is not None:
                session.run(f"set {setting}")
            session.run(f"create temporary table answer as select q.* from ({sql.format(model=model)}) q")
            # What was computed under the setting is written as every bit of it.
            session.run("set extra_float_digits = 1; set client_encoding = 'UTF8'")
            found[model, form] = session.run("table answer")
            session.run("drop table answer; reset all")
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_no_setting_changes_a_score(typed: Database, engine: str) -> None:
    session = typed.session()
    for model in MODELS:
        serve(session, model, 1, engine)
    expected = _scores(session)
    for model in MODELS:
        first = expected[model, "typed"]
        assert len(first) == 60
        assert len({score for (score,) in first}) > 30
        for form in ("record", "json", "one row", "late"):
            assert expected[model, form] == first, form
        for form in ("a binding's many", "late rows"):
            ((many,),) = expected[model, form]
            # The estimator adds up many rows in an order of its own.
            assert many == pytest.approx([score for (score,) in first], rel=0 if engine != "estimator" else 1e-12)
        assert [answer[0] for (answer,) in expected[model, "a binding's one"]] == [score for (score,) in first]
        changed = [answer for (answer,) in expected[model, "a binding's change"]]
        assert [answer is None for answer in changed] == [n % 2 == 0 for n in range(119)]
    # One row takes scikit-learn milliseconds.
    for setting in _SETTINGS if engine != "estimator" else _SETTINGS[:7:3]:
        assert _asked(session, setting) == expected, setting


@pytest.mark.parametrize("engine", ["sql", "estimator"])
def test_no_setting_of_a_fresh_session_changes_a_score(typed: Database, engine: str) -> None:
    """What a role brings along: functions are planned under it from the start."""
    observer = typed.session()
    for model in MODELS:
        serve(observer, model, 1, engine)
    expected = _scores(typed.session())
    settings = ("extra_float_digits = -15", "datestyle = 'German'", "timezone = 'Asia/Kolkata'")
    # One row takes scikit-learn milliseconds.
    for setting in settings if engine != "estimator" else settings[:1]:
        observer.run(f"alter role {ANALYST} set {setting}")
        session = typed.session(ANALYST)
        observer.run(f"alter role {ANALYST} reset all")
        session.run("set extra_float_digits = 1; create temporary table written as select r.id, to_jsonb(r) as payload"
                    " from typed.row r; reset extra_float_digits")  # fmt: skip
        assert _asked(session) == expected, setting


def test_a_promotion_in_a_session_with_other_settings_gives_the_same(typed: Database) -> None:
    operator = typed.session()
    for model in MODELS:
        operator.run("select pgscore.promote(%s, 1, 'sql')", model)
    expected = _scores(typed.session())
    operator.run("set extra_float_digits = -15; set datestyle = 'German'; set quote_all_identifiers = on")
    for model in MODELS:
        operator.run("select pgscore.promote(%s, 1, 'interpreter')", model)
        operator.run("select pgscore.promote(%s, 1, 'sql')", model)
    assert _scores(typed.session()) == expected
