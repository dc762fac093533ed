"""The renderer puts the runtime's source into SQL, and refuses what would not survive it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plpython import render

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder, sql = tmp_path / "runtime", tmp_path / "sql"
    folder.mkdir()
    sql.mkdir()
    (folder / "__init__.py").write_text('"""A package."""\n')
    (folder / "a.py").write_text("from .b import B\n")
    (folder / "b.py").write_text("B = 'x'\n")
    (sql / "call.sql").write_text(f'"pgscore_runtime:{"0" * 64}"')
    monkeypatch.setattr(render, "_RUNTIME", folder)
    monkeypatch.setattr(render, "_SQL", sql)
    monkeypatch.setattr(render, "_HERE", tmp_path / "here")
    return folder


def test_it_renders_once_and_then_it_is_up_to_date(runtime: Path) -> None:
    assert render.main(["--check"]) == 1
    render.main([])
    assert render.main(["--check"]) == 0
    text = (runtime.parent / "sql" / "_runtime.sql").read_text()
    assert '".a": ' in text
    assert '".b": ' in text
    assert f'"pgscore_runtime:{"0" * 64}"' not in (runtime.parent / "sql" / "call.sql").read_text()
    (runtime / "b.py").write_text("B = 'y'\n")
    assert render.main(["--check"]) == 1


@pytest.mark.parametrize("source", ["B = '''x'''\n", "B = '$runtime$'\n", "if True:\n\tB = 1\n"])
def test_sources_that_would_not_survive_are_refused(runtime: Path, source: str) -> None:
    (runtime / "b.py").write_text(source)
    with pytest.raises(SystemExit, match=r"b\.py holds"):
        render.main([])
    assert not (runtime.parent / "sql" / "_runtime.sql").exists()
