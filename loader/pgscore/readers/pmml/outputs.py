"""The Output element: what may be the score instead of the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fields import Scope
    from .values import Prediction


def chosen(name: str, prediction: Prediction, scope: Scope) -> Prediction:
    """The output field of a name, as a prediction.

    Raises:
        NotAProgramError: there is none, or it is no number.
    """
    raise scope.model.refused(f"has no output field {name!r}, or none that is supported")
