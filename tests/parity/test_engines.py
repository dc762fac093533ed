"""Invariant 5 and beyond: all engines agree with scikit-learn, for any row, in every form in which they are asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.support.programs import Pair, hard_rows

from .cases import cases
from .engines import ENGINES

if TYPE_CHECKING:
    from .engines import Answer, Lab, Published

# Published versions are proved already.
_PROMOTED = ("logistic", "boosted_classes")
_TEXTS = ["zinc", "GOLD", "gold ", " gold", "", "oro ä", "𝄞", "tin"]


def _rows(published: Published, frame: Any) -> list[list[Any]]:  # noqa: ANN401
    """Rows at the program's borders, and texts beside those that the model knows."""
    rows = [list(row) for row in hard_rows(Pair(None, published.contract, published.document), frame, count=40)]
    for position, each in enumerate(published.contract.inputs):
        if each.is_text:
            for number, text in enumerate(_TEXTS):
                changed = list(rows[number])
                changed[position] = text
                rows.append(changed)
        elif each.type == "double precision":
            changed = list(rows[0])
            changed[position] = math.nan
            rows.append(changed)
    return rows


class _Judge:
    """Compares answers with scikit-learn's."""

    def __init__(self, published: Published) -> None:
        self.published = published
        self.expected = published.expected()
        self.scales = published.scales()
        self.margins = published.margins()
        self.compared = 0

    def score(self, n: int, score: float | None) -> None:
        """Compares a score."""
        wanted = self.expected[n]
        if self.published.refused[n]:
            assert score is None, self._row(n)
        elif wanted is None or wanted.score is None:
            assert score is None, (self._row(n), score)
        elif self._decided(n):
            assert score is not None, (self._row(n), wanted.score)
            assert abs(score - wanted.score) <= self._tolerance(n, wanted.score), (self._row(n), score, wanted.score)
            self.compared += 1

    def answer(self, n: int, answer: Answer) -> None:
        """Compares the label and all outputs."""
        self.score(n, answer.score)
        wanted = self.expected[n]
        if wanted is None or wanted.outputs is None or answer.outputs is None or not self._decided(n):
            return
        for one, other in zip(answer.outputs, wanted.outputs, strict=True):
            assert abs(one - other) <= self._tolerance(n, other), (self._row(n), answer.outputs, wanted.outputs)
        if answer.label != wanted.label:
            # What is as good as a tie may be decided either way by the last bit.
            assert self.published.is_linear or self.published.document["link"] != "identity", self._row(n)
            assert self.margins[n] <= 1e-12 * self.scales[n], (self._row(n), answer.label, wanted.label)

    def _decided(self, n: int) -> bool:
        """Whether the order of additions does not matter: they do not overflow, and choose between no classes."""
        if self.published.document["link"] in ("sign", "argmax") and self.margins[n] <= 1e-12 * self.scales[n]:
            return False
        return math.isfinite(self.scales[n]) and self.scales[n] < 1e307

    def _tolerance(self, n: int, wanted: float) -> float:
        return 1e-12 * max(abs(wanted), self.scales[n])

    def _row(self, n: int) -> Any:  # noqa: ANN401
        return n, self.published.rows[n]


@pytest.mark.parametrize("name", list(cases()))
def test_all_engines_give_what_scikit_learn_gives(lab: Lab, name: str) -> None:
    case = cases()[name]
    estimator, frame = case.fitted()
    positive = "class 1" if case.classes else None
    published = lab.publish(name, estimator, frame.head(12), case.types, positive)
    assert published.verified == dict.fromkeys(ENGINES, True)
    published.insert(_rows(published, frame))
    judge = _Judge(published)
    bits: dict[str, dict[int, float | None]] = {}
    for engine in ENGINES:
        published.serve(engine, prove=name in _PROMOTED)
        scores = published.scores("typed", engine)
        for n, score in scores.items():
            judge.score(n, score)
        # One engine is one function, however a row comes to it.
        for form in ("json", "record"):
            _same(scores, published.scores(form, engine), exact=engine != "sql" or not published.is_linear)
        for single in (True, False):
            bound = published.bound_scores(engine, single=single)
            for n, (score, reason) in bound.items():
                judge.score(n, score)
                assert (reason is not None) == published.refused[n], (published.rows[n], reason)
        for n, answer in published.predictions(engine).items():
            judge.answer(n, answer)
        bits[engine] = scores
    assert judge.compared > 200
    assert any(published.refused) or published.document["inputs"][0].get("maximum") is None
    if not published.is_linear:
        assert bits["sql"] == bits["interpreter"]


def _same(scores: dict[int, float | None], others: dict[int, float | None], *, exact: bool) -> None:
    assert set(scores) == set(others)
    for n, score in scores.items():
        other = others[n]
        if exact or score is None or other is None:
            assert score == other, n
        else:
            assert np.isclose(score, other, rtol=1e-9, atol=1e-9) or not np.isfinite(score), n
