"""Profiles that are gone, and what is left of them where scores went: it goes where that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
import sqlalchemy as sa
from pgscore import PgscoreError
from pgscore.export import export_scores

from tests.support.command import run, run_json

from . import world
from .servers import QUOTED, SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

    from .servers import Server


@pytest.mark.parametrize("kind", ["postgresql", "mysql", "sqlite"])
def test_rows_of_other_databases(
    kind: str, reader: str, session: Session, empty: Database, mariadb: Server, tmp_path: Path
) -> None:
    session.run("update shop.customer set score = 8 where id = 8")
    to = {
        "postgresql": empty.dsn(),
        "mysql": f"mysql+pymysql://me:{QUOTED}@127.0.0.1:{mariadb.port}/shop",
        "sqlite": f"sqlite:///{tmp_path / 'scores.db'}",
    }[kind]
    engine = sa.create_engine(to, poolclass=sa.pool.NullPool)

    def held(sql: str = "select count(*) from shop_scores") -> object:
        with engine.connect() as connection:
            return connection.execute(sa.text(sql)).scalar()

    try:
        export_scores(reader, "shop", to)
        session.run("delete from shop.customer where id <= 10 and id <> 5")
        assert "deleted" not in export_scores(reader, "shop", to, changed=True).details
        assert held() == world.ROWS
        world.change(session, 20)
        done = export_scores(reader, "shop", to, changed=True, delete_missing=True)
        assert (done.rows, done.changed, done.details["deleted"]) == (1, True, 9)
        assert held() == world.ROWS - 9
        assert held("select score from shop_scores where id = 20") == 9020
        # As many as there are: none of them is looked for.
        world.change(session, 21)
        done = export_scores(reader, "shop", to, changed=True, delete_missing=True)
        assert (done.rows, done.details["deleted"]) == (1, 0)
        # One goes while another comes, and in full.
        session.run("delete from shop.customer where id = 5; insert into shop.customer (id, score) values (-1, 1)")
        assert export_scores(reader, "shop", to, delete_missing=True).details["deleted"] == 1
        assert held("select min(id) from shop_scores") == -1
        assert held() == world.ROWS - 9
        session.run("truncate shop.customer")
        assert export_scores(reader, "shop", to, delete_missing=True).details["deleted"] == world.ROWS - 9
        assert held() == 0
    finally:
        with engine.begin() as connection:
            for name in ("shop_scores", "pgscore_export"):
                connection.execute(sa.text(f"drop table if exists {name}"))


def test_keys_of_redis(reader: str, session: Session, redis_at: Server, tmp_path: Path) -> None:
    to = f"redis://:{QUOTED}@127.0.0.1:{redis_at.port}/3"
    cache = redis.Redis(port=redis_at.port, db=3, password=SECRET, decode_responses=True)
    options = ("--as", "hash", "--pattern", "s*[{key}]", "--delete-missing")
    others = {"s*[x]": "1", "s*[1]2": "1", "sx[1]": "1", "other": "1"}
    cache.mset(others)
    said = run(reader, "export", "shop", "--to", to, *options).stdout
    assert "0 that are no profiles any more were removed there" in said
    session.run("delete from shop.customer where id in (11, 12); update shop.customer set score = null where id = 13")
    cache.set("s*[999999]", "from before")
    done = run_json(reader, "export", "shop", "--to", to, *options, "--changed")
    assert (done["rows"], done["changed"], done["details"]["deleted"]) == (1, True, 3)
    assert cache.exists("s*[11]", "s*[12]", "s*[13]", "s*[999999]", "s*[pgscore]:kept") == 0
    # 7 and 13 have no score; the stamp is a key, too.
    assert cache.dbsize() == world.ROWS - 2 - 2 + 1 + len(others)

    def evict(text: str, done: int | None = None, total: int | None = None) -> None:
        if text == "completing":
            cache.delete("s*[pgscore]:kept")

    with pytest.raises(PgscoreError, match="has lost some of"):
        export_scores(reader, "shop", to, value="hash", pattern="s*[{key}]", delete_missing=True, progress=evict)
    assert cache.dbsize() == world.ROWS - 2 - 2 + 1 + len(others)
    with pytest.raises(PgscoreError, match="--delete-missing means nothing for"):
        export_scores(reader, "shop", str(tmp_path / "x.csv"), delete_missing=True)
    session.run("truncate shop.customer")
    assert export_scores(reader, "shop", to, pattern="s*[{key}]", delete_missing=True).details["deleted"] == 4996
    cache.close()
