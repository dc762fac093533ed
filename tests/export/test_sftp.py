"""SFTP: whole files or none, on a server that is known."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from pgscore import PgscoreError
from pgscore.export import export_scores

from tests.support.command import run, run_json

from . import world
from .servers import ssh_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Session

    from .servers import Ssh


def test_parquet_takes_its_place_when_it_is_whole(reader: str, session: Session, ssh: Ssh) -> None:
    place = ssh.home / "scores.parquet"
    place.write_text("the former one")
    done = run_json(reader, "export", "shop", "--to", ssh.url(place), "--columns", "paid")
    found = pq.read_table(place)
    assert found.num_rows == done["rows"] == world.ROWS
    by_id = {row["id"]: row for row in found.to_pylist()}
    assert by_id[9]["score"] == 9 / 7
    assert by_id[7] == {"id": 7, "score": None, "version": None, "scored_at": None, "paid": by_id[7]["paid"]}
    assert str(found.schema.field("paid").type) == "decimal128(10, 2)"
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    assert done["details"]["sha256"] == json.loads((ssh.home / "scores.parquet.json").read_text())["sha256"] == digest
    assert {each.name for each in ssh.home.iterdir()} == {place.name, place.name + ".json", place.name + ".sha256"}


def test_only_a_server_and_a_user_that_are_known(reader: str, ssh: Ssh, tmp_path: Path) -> None:
    place = ssh.home / "other.csv"
    nobody, other = tmp_path / "nobody", tmp_path / "other"
    nobody.write_text("")
    done = run(reader, "export", "shop", "--to", ssh.url(place, known_hosts=nobody), expect=1)
    assert "is not known, and so not believed" in done.stderr
    assert f"`ssh-keyscan -p {ssh.server.port} 127.0.0.1`" in done.stderr
    with ssh_server() as another:
        key = another.known_hosts.read_text().split()[2]
        other.write_text(f"[127.0.0.1]:{ssh.server.port} ssh-ed25519 {key}\n")
        done = run(reader, "export", "shop", "--to", ssh.url(place, known_hosts=other), expect=1)
        assert "shows another host key than known_hosts has" in done.stderr
        done = run(reader, "export", "shop", "--to", ssh.url(place, key=another.key), expect=1)
        assert "lets us not in" in done.stderr
        another.server.kill()
        done = run(reader, "export", "shop", "--to", another.url(place), "--retries", "0", expect=3)
        assert "cannot be reached" in done.stderr
    done = run(reader, "export", "shop", "--to", ssh.url(ssh.home / "no" / "x.csv"), expect=1)
    assert "there is no folder" in done.stderr
    for name in ("key", "known_hosts"):
        done = run(reader, "export", "shop", "--to", ssh.url(place, **{name: "/no/such"}), expect=1)
        assert f"the file that the target's URL names as {name} cannot be read: /no/such" in done.stderr
    (ssh.home / "link.csv").symlink_to(place)
    with pytest.raises(PgscoreError, match=r"link.csv is no plain file"):
        export_scores(reader, "shop", ssh.url(ssh.home / "link.csv"))
    (ssh.home / "link.csv").unlink()
    assert not place.exists()
