"""The steps that make numbers of several registers by a formula, as `pgscore_runtime.formulas` has them for one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore_runtime.formulas import LinkStep

from .links import link_function

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from .texts import Vocabulary

    FloatArray = npt.NDArray[np.float64]
    Registers = list[npt.NDArray[Any]]
    Append = Callable[[Registers, int], None]


def _link_step(step: LinkStep, _: dict[int, Vocabulary]) -> Append:
    of, function = step.of, link_function(step.link)
    return lambda registers, _: registers.extend(function([registers[register] for register in of]))


FORMULA_COMPILERS: dict[type, Callable[[Any, dict[int, Vocabulary]], Append]] = {
    LinkStep: _link_step,
}
