"""Files of this machine: whole or not at all, and what they hold."""

from __future__ import annotations

import csv
import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from pgscore import PgscoreError
from pgscore.export import export_scores

from tests.support.command import run_json

from . import world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Session


def test_a_file_holds_all_scores_of_one_snapshot(reader: str, session: Session, tmp_path: Path) -> None:
    place = tmp_path / "scores.csv"
    done = run_json(reader, "export", "shop", "--to", place, "--columns", "name,tags", "--columns", "paid")
    assert (done["rows"], done["versions"]) == (world.ROWS, {"1": 2500, "2": 2499, "none": 1})
    found = list(csv.reader(place.read_text().splitlines()))
    assert found[0] == ["id", "score", "version", "scored_at", "name", "tags", "paid"]
    held = {row[0]: row[1:] for row in found[1:]}
    for number, score, version in session.run("select id, score, version from shop.customer where id <> 7"):
        assert (float(held[str(number)][0]), int(held[str(number)][1])) == (score, version)
    assert held["9"] == [repr(9 / 7), "2", "2026-01-02 03:04:05.678901Z", "", '{"a": [1]}', "0.09"]
    lines = set(place.read_text().splitlines())
    # NULL is nothing, and an empty text is two quotes.
    for line in (
        '7,,,,"a,""b""","{""a"": [1]}",0.07',
        '8,inf,1,2026-01-02 03:04:05.678901Z,,"{""a"": [1]}",0.08',
        '9,1.2857142857142858,2,2026-01-02 03:04:05.678901Z,"","{""a"": [1]}",0.09',
    ):
        assert line in lines
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    assert (tmp_path / "scores.csv.sha256").read_text() == f"{digest}  scores.csv\n"
    manifest = json.loads((tmp_path / "scores.csv.json").read_text())
    assert (manifest["rows"], manifest["sha256"], manifest["export"]) == (world.ROWS, digest, done["stamp"])
    four = run_json(
        reader, "export", "shop", "--to", tmp_path / "four.csv", "--columns", "name,tags,paid", "--workers", "4"
    )
    assert (four["rows"], four["versions"]) == (world.ROWS, done["versions"])
    assert sorted((tmp_path / "four.csv").read_text().splitlines()) == sorted(place.read_text().splitlines())
    for each in tmp_path.glob("four*"):
        each.unlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["scores.csv", "scores.csv.json", "scores.csv.sha256"]


def test_numbers_of_any_length_are_texts_and_times_without_end_are_refused(
    reader: str, session: Session, tmp_path: Path
) -> None:
    place = tmp_path / "scores.csv"
    session.run(
        "alter table shop.customer alter paid type numeric; delete from shop.customer where id > 3;"
        " update shop.customer set paid = case id when 1 then 1e-31 when 2 then 'NaN' else 12345678901234567890.10 end"
    )
    export_scores(reader, "shop", str(place), columns=["paid"])
    found = {row[0]: row[-1] for row in csv.reader(place.read_text().splitlines())}
    assert found == {"id": "paid", "1": f"0.{'0' * 30}1", "2": "NaN", "3": "12345678901234567890.10"}
    session.run("update shop.customer set scored_at = '-infinity' where id = 2")
    with pytest.raises(PgscoreError, match="-infinity, a time without end"):
        export_scores(reader, "shop", str(place))
    # No rows are a file, too.
    session.run("truncate shop.customer")
    assert export_scores(reader, "shop", str(place)).rows == 0
    assert place.read_text() == '"id","score","version","scored_at"\n'
