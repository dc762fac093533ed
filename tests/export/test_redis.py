"""Redis: a key for each profile, and a stamp that says what is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis
from pgscore import DeniedError, PgscoreError, UnreachableError
from pgscore.export import export_scores, to_redis

from tests.support.command import run, run_json

from . import world
from .servers import QUOTED, SECRET, redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Database, Session

    from .servers import Server


@pytest.fixture
def cache(redis_at: Server) -> Iterator[redis.Redis]:
    client = redis.Redis(port=redis_at.port, password=SECRET, decode_responses=True)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def url(redis_at: Server) -> str:
    return f"redis://:{QUOTED}@127.0.0.1:{redis_at.port}/0"


def test_numbers_then_what_changed_then_all_where_the_target_was_emptied(
    reader: str, session: Session, cache: redis.Redis, url: str
) -> None:
    first = run_json(reader, "export", "shop", "--to", url, "--changed")
    assert (first["changed"], first["why_all"]) == (False, "nothing was exported to this target before")
    assert cache.get("shop:9") == repr(9 / 7)
    assert (cache.get("shop:8"), cache.exists("shop:7")) == ("inf", 0)
    stamp = cache.hgetall("shop:pgscore")
    assert (stamp["export"], stamp["rows"], "writing" in stamp) == (first["stamp"], str(world.ROWS), False)
    assert cache.dbsize() == world.ROWS
    world.change(session, 5, 7)
    session.run("update shop.customer set score = null where id = 6")
    second = run_json(reader, "export", "shop", "--to", url, "--changed")
    assert (second["changed"], second["rows"]) == (True, 3)
    assert [cache.get(f"shop:{number}") for number in (5, 6, 7)] == ["9005.0", None, "9007.0"]
    assert run_json(reader, "export", "shop", "--to", url, "--changed")["rows"] == 0
    cache.flushall()
    third = run_json(reader, "export", "shop", "--to", url, "--changed")
    assert (third["rows"], third["why_all"]) == (world.ROWS, "the target does not hold the last export any more")
    assert session.value("select string_agg(target, ' ') from pgscore.export") == (
        f"redis://127.0.0.1:{url.rpartition(':')[2]} {{model}}:{{key}} as number"
    )


def test_hashes_hold_version_and_time_and_expire(reader: str, cache: redis.Redis, url: str) -> None:
    options = ("--as", "hash", "--pattern", "s:{id}:x", "--expire", "1000", "--columns", "name")
    run(reader, "export", "shop", "--to", url, *options)
    held = cache.hgetall("s:9:x")
    assert held == {
        "score": repr(9 / 7),
        "version": "2",
        "scored_at": "2026-01-02T03:04:05.678901+00:00",
        "name": "",
    }
    assert "name" not in cache.hgetall("s:8:x")
    assert 900 < int(cache.ttl("s:9:x")) <= 1000
    assert cache.hget("s:pgscore:x", "versions") == '{"1": 2500, "2": 2499, "none": 1}'
    # Laid out otherwise: nothing of the former form stays, nor does its end.
    export_scores(reader, "shop", url, value="hash", pattern="s:{id}:x")
    assert (cache.ttl("s:9:x"), set(cache.hkeys("s:9:x"))) == (-1, {"score", "version", "scored_at"})
    export_scores(reader, "shop", url, pattern="s:{id}:x")
    export_scores(reader, "shop", url, value="hash", pattern="s:{id}:x")
    assert cache.hget("s:9:x", "version") == "2"


def test_an_older_export_ends_where_a_newer_one_has_begun(
    reader: str, session: Session, shop: Database, cache: redis.Redis, url: str
) -> None:
    """Of another role: one that writes on would put older scores upon newer ones, under the newer one's stamp."""
    begun: list[str] = []

    def overtake(text: str, done: int | None = None, total: int | None = None) -> None:
        if text == "exporting" and not begun:
            session.run("update shop.customer set score = 4242 where id > 4000")
            begun.append(export_scores(shop.dsn(), "shop", url).stamp)

    with pytest.raises(PgscoreError, match="another export has begun to write to the same keys"):
        export_scores(reader, "shop", url, progress=overtake)
    assert (cache.hget("shop:pgscore", "export"), cache.get("shop:5000")) == (begun[0], "4242.0")
    assert cache.hget("shop:pgscore", "writing") is None


def test_what_makes_no_sense_is_refused(reader: str, cache: redis.Redis, url: str) -> None:
    def refused(said: str, **arguments: Any) -> None:  # noqa: ANN401
        with pytest.raises(PgscoreError) as caught:
            export_scores(reader, "shop", url, retries=0, **arguments)
        assert said in str(caught.value)
        assert SECRET not in str(caught.value)

    refused('the pattern names "who", which is no column of the key, id', pattern="s:{who}")
    refused("gives several profiles the same key", pattern="s")
    refused('--as "list" is unknown', value="list")
    refused("--changed does not go with --expire", expire=60, changed=True)
    refused("--table means nothing for redis://127.0.0.1", table="x")
    refused('model "shop" has no binding on shop.visit', profile="shop.visit")
    refused('table shop.customer has no column "what"', columns=["what"])
    refused('two columns of the export would be called "score"', columns=["score"])
    for wrong, said in (
        (url[:-1] + "x", "names no database of Redis: /x"),
        (url + "?decode_responses=0", "has the parameter decode_responses, which is none"),
    ):
        with pytest.raises(PgscoreError, match=said):
            export_scores(reader, "shop", wrong)
    assert cache.dbsize() == 0


def test_a_wrong_password_a_full_server_and_one_that_is_gone(
    reader: str, session: Session, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = url.replace(QUOTED, "wr%2Fong")
    said = run(reader, "export", "shop", "--to", wrong, expect=1).stderr
    assert "lets us not in" in said
    assert "wr/ong" not in said
    monkeypatch.setattr(to_redis, "_SECONDS", 0.3)
    with pytest.raises(UnreachableError) as plain:
        export_scores(reader, "shop", url.replace("redis:", "rediss:"), retries=0)
    assert "rediss:// is TLS" in plain.value.hint
    with pytest.raises(DeniedError) as none:
        export_scores(reader, "shop", url.replace(f":{QUOTED}@", ""))
    assert "redis://:password@host" in none.value.hint
    with redis_server("--maxmemory", "1500kb") as small:
        to = f"redis://:{QUOTED}@127.0.0.1:{small.port}/0"
        done = run(reader, "export", "shop", "--to", to, "--as", "hash", "--pattern", "p" * 200 + ":{key}", expect=1)
        assert "is full" in done.stderr
        client = redis.Redis(port=small.port, password=SECRET, decode_responses=True)
        # It says itself that it is not whole.
        assert set(client.hgetall("p" * 200 + ":pgscore")) == {"writing"}
        small.kill()
        done = run(reader, "export", "shop", "--to", to, "--retries", "0", expect=3)
        assert f"the target redis://127.0.0.1:{small.port}/0 cannot be reached" in done.stderr
    assert session.value("select count(*) from pgscore.export where exported is not null") == 0
