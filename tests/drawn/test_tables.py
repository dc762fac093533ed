"""Whatever has a reader is drawn at random: nobody adds a reader that `make parity` does not try."""

from __future__ import annotations

from pgscore.readers import dispatch

from .__main__ import without_generator
from .kinds import class_of
from .predictors import PREDICTORS
from .transformers import TRANSFORMERS


def test_each_reader_has_a_generator() -> None:
    assert without_generator() == [], "add it to a table in tests/drawn/predictors or tests/drawn/transformers"


def test_each_generator_is_of_a_class_that_there_is() -> None:
    for key in (*PREDICTORS, *TRANSFORMERS):
        assert class_of(key).__name__ == key.rpartition(".")[2]


def test_a_reader_without_a_generator_is_found(monkeypatch: object) -> None:
    import pytest

    assert isinstance(monkeypatch, pytest.MonkeyPatch)
    monkeypatch.setitem(dispatch.TRANSFORMERS, "somebody.Scaler", dispatch.TRANSFORMERS["sklearn.pipeline.Pipeline"])
    assert without_generator() == ["somebody.Scaler"]
