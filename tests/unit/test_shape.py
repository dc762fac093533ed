"""What the benchmarks call growth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.shape import exponent, word

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZES = [1, 10, 100, 1_000, 10_000, 100_000]


@pytest.mark.parametrize(
    ("grows", "slope", "called"),
    [
        (lambda _: 3e-4, 0, "flat"),
        (lambda n: 1e-4 * n, 1, "linear"),
        # What a statement costs in any case does not hide what each event adds.
        (lambda n: 1e-3 + 1e-6 * n, 0.98, "linear"),
        (lambda n: 1e-4 * n**2, 2, "quadratic"),
        (lambda n: 1e-4 * n**3, 3, "worse than quadratic"),
        (lambda n: n**0.5, 0.5, "less than linear"),
        (lambda n: n**1.5, 1.5, "between linear and quadratic"),
    ],
)
def test_growth_is_called_by_its_exponent(grows: Callable[[int], float], slope: float, called: str) -> None:
    found = exponent(_SIZES, [grows(size) for size in _SIZES])
    assert found == pytest.approx(slope, abs=0.2)
    assert word(found) == called
