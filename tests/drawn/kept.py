"""Failing cases: made smaller, and kept so that they can be run again."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

from .engines import answers
from .expected import expect
from .judge import judge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Session

    from .case import Prepared
    from .judge import Verdict
    from .rows import Row


def shrink(session: Session, key: Path, prepared: Prepared, row: Row, *, estimates: bool) -> Row:
    """The row with as many values as can be from the first row that the model was fitted on."""
    plain = prepared.rows[0]
    for position, value in enumerate(plain):
        changed = [*row[:position], value, *row[position + 1 :]]
        if changed != row and _verdict(session, key, prepared, [changed], estimates=estimates).problems:
            row = changed
    return row


def _verdict(session: Session, key: Path, prepared: Prepared, rows: list[Row], *, estimates: bool) -> Verdict:
    version = prepared.version
    expected = expect(version.estimator, version.contract, prepared.reading, rows)
    return judge(version.contract, rows, expected, answers(session, key, version, rows, [0] if estimates else None))


def keep(folder: Path, prepared: Prepared, row: Row, problems: list[str]) -> None:
    """Writes a failing case: the fitted estimator, its program, the rows, what is wrong, and the smallest row."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.pickle").write_bytes(pickle.dumps(prepared.drawn.estimator))
    document: dict[str, Any] = {
        "estimator": " ".join(str(prepared.drawn.estimator).split()),
        "problems": problems,
        "row": row,
        "rows": prepared.rows,
        "contract": json.loads(prepared.version.contract.to_json()),
        "program": prepared.version.program,
    }
    (folder / "case.json").write_text(json.dumps(document, ensure_ascii=False, indent=1))
