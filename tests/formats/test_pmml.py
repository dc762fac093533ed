"""PMML documents as programs, against what jpmml-evaluator predicts of the same rows; and what is refused, with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pgscore.errors import NotAProgramError, PgscoreError
from pgscore.readers.pmml import xml
from pgscore.readers.pmml.document import open_pmml
from tests.formats import fixtures

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", fixtures.paths("pmml"), ids=lambda path: path.stem)
def test_a_document_gives_what_its_evaluator_gives(path: Path) -> None:
    fixture = fixtures.read_fixture(path)
    fixtures.check(open_pmml(fixture.content), fixture, "pmml")
