"""Names, labels and examples are data: whatever they hold, they are never SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pgscore
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.support.database import SCIENTIST, refused
from tests.support.models import ENGINES, serve

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from tests.support.database import Database, Session

_BITES = [
    "'; drop table pgscore.model cascade; --",
    '"; drop table pgscore.model cascade; --',
    "$$; drop table x; $$",
    "$body$ end $body$",
    "$sql$",
    "%s %I %L %1$s",
    "\\'; \\x00",
    "a\nb\tc",
    "Ünïcödé ☃",
    "name",
    "{model}",
]


@pytest.mark.parametrize("bite", _BITES)
def test_a_column_a_category_and_a_label_that_bite(
    shared_session: Session, publisher: Connection, key: Path, bite: str
) -> None:
    session = shared_session
    column = bite[:60]
    frame = pd.DataFrame({column: [bite, "plain", bite, "other"] * 5, "x": [float(n) for n in range(20)]})
    labels = pd.Series([bite, "no"] * 10)
    prepared = ColumnTransformer([("t", OneHotEncoder(handle_unknown="ignore"), [column])], remainder="passthrough")
    model = make_pipeline(prepared, LogisticRegression()).fit(frame, labels)
    name = f"bites_{_BITES.index(bite)}"
    quoted = '"' + column.replace('"', '""') + '"'
    session.run(f"create table public.{name} (x double precision, {quoted.replace('%', '%%')} text)", ())
    session.run(f"grant usage on schema public to pgscore_owner, {SCIENTIST}")
    published = pgscore.publish(publisher, name, model, golden=frame, profile=f"public.{name}", key=key, positive=bite)
    assert {each.engine: each.ok for each in published.verifications} == dict.fromkeys(ENGINES, True)
    for text, number in frame.itertuples(index=False):
        session.run(f"insert into public.{name} values (%s, %s)", number, text)
    position = list(model.classes_).index(bite)
    expected = pytest.approx(list(model.predict_proba(frame)[:, position]), abs=1e-12)
    session.run(f"select pgscore.promote('{name}', 1)")
    for engine in ENGINES:
        serve(session, name, 1, engine)
        for row in ("t", "to_jsonb(t)"):
            found = session.run(f"select pgscore.score('{name}', {row}) from public.{name} t order by x")
            assert [score for (score,) in found] == expected
        label = f"select pgscore.predict('{name}', to_jsonb(t)) ->> 'label' from public.{name} t order by x"
        assert [found for (found,) in session.run(label)] == list(model.predict(frame))
    assert session.value("select count(*) from pgscore.model") > 0


@pytest.mark.parametrize("bite", _BITES)
def test_a_model_name_that_bites(shared: Database, bite: str) -> None:
    session = shared.session(SCIENTIST)
    if bite == "name":
        return
    with refused("42602", "is no identifier"):
        session.run(
            "select pgscore._publish(%s, repeat('0', 64), repeat('0', 64), 1, 'joblib', '{}', null, null, '{}',"
            " '[{}]', null)",
            bite.replace("\x00", ""),
        )
    for call in ("score(%s, '{}'::jsonb)", "predict(%s, '{}'::jsonb)"):
        with refused("42704", "is unknown"):
            session.run(f"select pgscore.{call}", bite)


def test_golden_rows_that_bite_are_compared_not_run(shared_session: Session, publisher: Connection, key: Path) -> None:
    frame = pd.DataFrame({"t": _BITES * 2, "x": [float(n) for n in range(2 * len(_BITES))]})
    prepared = ColumnTransformer([("t", OneHotEncoder(), ["t"])], remainder="passthrough")
    model = make_pipeline(prepared, LogisticRegression()).fit(frame, [n % 2 for n in range(len(frame))])
    pgscore.publish(publisher, "golden_bites", model, golden=frame, key=key, promoted=True)
    stored = shared_session.run(
        "select distinct inputs ->> 't' from pgscore.golden_row where model = 'golden_bites' and inputs ->> 't' <> ''"
    )
    assert {text for (text,) in stored} == {*_BITES, "never seen"}
