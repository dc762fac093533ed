"""Databases in other encodings and collations: words that are no ASCII, and what an encoding cannot hold."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pgscore
import psycopg2
import pytest
from pgscore.doctor import examine
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.support import command, migrate
from tests.support.database import Database, Session, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster

_C = "lc_collate 'C' lc_ctype 'C'"
_ICU = "locale 'C.UTF-8' locale_provider icu icu_locale"
# The options of a database, a word for columns and categories, and a character that it cannot hold.
_DATABASES = {
    "latin1": (f"encoding 'LATIN1' {_C}", "Größe", "Ł"),
    "latin2": (f"encoding 'LATIN2' {_C}", "Łódź", "顧"),
    "win1252": (f"encoding 'WIN1252' {_C}", "Größe€", "Ł"),
    "euc_jp": (f"encoding 'EUC_JP' {_C}", "顧客", "😀"),
    "sql_ascii": (f"encoding 'SQL_ASCII' {_C}", "Größe", ""),
    "c": (f"encoding 'UTF8' {_C}", "顧客😀", ""),
    # Where i is no lower case of I.
    "turkish": (f"encoding 'UTF8' {_ICU} 'tr-TR'", "ISPARTA İl", ""),
}


@pytest.fixture(params=_DATABASES)
def place(request: pytest.FixtureRequest, cluster: PrivateCluster) -> Iterator[tuple[Database, Session, str, str]]:
    """A database, a session whose text is UTF-8, its word, and a character that it cannot hold."""
    name: str = request.param
    options, word, foreign = _DATABASES[name]
    administrator = Session(cluster.dsn())
    administrator.run(f"create database {name} template template0 {options}")
    database = Database(cluster, name)
    session = Session(f"{database.dsn()}?client_encoding=UTF8")
    yield database, session, word, foreign
    session.close()
    database.close()
    administrator.run(f"drop database {name} with (force)")
    administrator.close()


def _model(column: str, category: str) -> tuple[Pipeline, pd.DataFrame]:
    frame = pd.DataFrame({column: ["a", category, "b", "I", "i"] * 12, "n": np.arange(60)})
    prepared = ColumnTransformer(
        [("c", OneHotEncoder(handle_unknown="ignore"), [column]), ("n", StandardScaler(), ["n"])]
    )
    fitted = Pipeline([("prepare", prepared), ("model", LogisticRegression())]).fit(frame, np.arange(60) % 5 < 2)
    return fitted, frame.head(5)


def test_names_and_categories_beyond_ascii(place: tuple[Database, Session, str, str]) -> None:
    database, session, word, foreign = place
    dsn = database.dsn()
    # The others need what these need, and time.
    branches = ["core", *(["plpython"] if database.name in ("latin1", "euc_jp", "sql_ascii") else [])]
    for branch in branches:
        migrate.upgrade(dsn, f"{branch}@head")
    session.run(
        f'create table "{word} e" (id integer primary key, who integer, "{word}" text);'
        f' create table "{word} p" (id integer primary key, "{word}" text, n bigint not null default 0, score float8)'
    )
    model, golden = _model(word, word)
    published = pgscore.publish(dsn, "m", model, profile=f'"{word} p"', golden=golden, promoted=True)
    assert {each.engine: each.ok for each in published.verifications} == dict.fromkeys(
        ("sql", "interpreter") if "plpython" in branches else ("sql",), True
    )
    pgscore.attach(
        dsn,
        "m",
        f'"{word} e"',
        f'"{word} p"',
        event_key="who",
        profile_key="id",
        reducers=[{"column": "n", "aggregate": "count", "where": {word: word}}],
        score="score",
    )
    session.run(f"""insert into "{word} p" (id, "{word}") values (1, %s), (2, 'I'), (3, 'i'), (4, 'x')""", word)
    session.run(f"""insert into "{word} e" values (1, 1, %s), (2, 2, 'a'), (3, 2, %s), (4, 2, %s)""", word, word, word)
    rows = session.run(f'select "{word}", n, score from "{word} p" order by id')
    assert [n for _, n, _ in rows] == [1, 2, 0, 0]
    expected = model.predict_proba(pd.DataFrame([row[:2] for row in rows], columns=[word, "n"]))[:, 1]
    assert [score for *_, score in rows] == pytest.approx(list(expected), abs=1e-12)
    for row in ("p", "to_jsonb(p)", f'(select r from (select p."{word}", p.n) r)'):
        scores = session.run(f"select pgscore.score('m', {row}) from \"{word} p\" p order by id")
        assert [score for (score,) in scores] == pytest.approx(list(expected), abs=1e-12)
    if "plpython" in branches:
        assert word in command.run(dsn, "show", "m").stdout
    assert "error" not in {each.level for each in examine(dsn)}
    if foreign:
        model, golden = _model("c", foreign)
        with pytest.raises(
            pgscore.PgscoreError, match=f'"{foreign}" does not exist in the encoding of the database'
        ) as caught:
            pgscore.publish(dsn, "m", model, golden=golden)
        assert caught.value.sqlstate == "22P05"
        # A connection of the caller's has the encoding of the database, where nobody has set another.
        with (
            closing(psycopg2.connect(dsn)) as connection,
            pytest.raises(pgscore.PgscoreError, match="a text does not fit the encoding of the connection"),
        ):
            pgscore.publish(connection, "m", model, golden=golden)
        with refused("22P05", "has no equivalent"):
            session.run("select pgscore.score('m', jsonb_build_object('n', 1, %s, 'a'))", foreign)
    if database.name == "sql_ascii":
        # Bytes that are no UTF-8, in a row that serves as a golden row.
        session.run(f"""delete from "{word} p"; insert into "{word} p" (id, "{word}") values (9, chr(228))""")
        with pytest.raises(pgscore.PgscoreError, match='invalid byte sequence for encoding "UTF8": 0xe4'):
            pgscore.publish(dsn, "m", _model(word, word)[0], profile=f'"{word} p"')
    pgscore.detach(dsn, f'"{word} e"', f'"{word} p"')
    migrate.downgrade(dsn, "core@base", lose="models")


def test_scripts_are_ascii() -> None:
    """They are stored in databases of any encoding."""
    scripts = [*(migrate.ROOT / "sql").rglob("*.sql"), *(migrate.ROOT / "migrations").rglob("*.sql")]
    assert [str(path) for path in scripts if re.search(rb"[^\x00-\x7f]", path.read_bytes())] == []
