"""What the tables say of a class: how an object of it is drawn, and what it can be fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .draw import Draw
    from .models import Maker

    Parameters = Callable[[Draw], dict[str, Any]]

Target = Literal["binary", "classes", "value", "positive", "counts", "groups"]
"""`positive`: values above 0; `counts`: integers from 0 on; `groups`: ranks within queries."""

CLASSES: tuple[Target, ...] = ("binary", "classes")
BINARY: tuple[Target, ...] = ("binary",)
VALUES: tuple[Target, ...] = ("value",)


def nothing(_: Draw) -> dict[str, Any]:
    """No parameters."""
    return {}


@dataclass(frozen=True)
class Predictor:
    """How a predictor is drawn.

    Attributes:
        parameters: draws its parameters.
        targets: what it can learn.
        missing: whether it takes numbers that are missing.
        reads: what its columns must be: any finite numbers, `nonnegative` ones, small `codes`, or numbers and `texts`.
        make: draws it, where that takes more than parameters, as of what wraps others.
        finish: what is made of it once it is fitted, such as a file of its own.
        weight: how often, beside others.
        probabilities: whether it gives any, of classes.
        sole: whether it can be no part of another.
    """

    parameters: Parameters = nothing
    targets: tuple[Target, ...] = CLASSES
    missing: bool = False
    reads: Literal["numbers", "nonnegative", "codes", "texts"] = "numbers"
    make: Callable[[Maker, Target, type], Any] | None = None
    finish: Callable[[Any], Any] | None = None
    weight: int = 1
    probabilities: bool = True
    sole: bool = False


@dataclass(frozen=True)
class Transformer:
    """How a transformer is drawn.

    Attributes:
        parameters: draws its parameters.
        reads: numbers; a `matrix` of them, all at once; categories of any type (`encodes`); what puts others together
            is a `whole`.
        missing: `refuses` missing values, `passes` them, or `fills` them.
        make: draws it, where that takes more than parameters.
        nonnegative: whether it wants numbers from 0 on.
        targets: what it has to be fitted with, if with a target.
    """

    parameters: Parameters = nothing
    reads: Literal["numbers", "matrix", "encodes", "whole"] = "numbers"
    missing: Literal["refuses", "passes", "fills"] = "refuses"
    make: Callable[[Maker, type], Any] | None = None
    nonnegative: bool = False
    targets: tuple[Target, ...] = ("binary", "classes", "value", "positive", "counts")


def class_of(key: str) -> type[Any]:
    """The class that a reader's table means by a name.

    Raises:
        ImportError: the installed release of its library does not have it.
    """
    module, _, name = key.rpartition(".")
    if "HalvingRandom" in name or "HalvingGrid" in name:
        import_module("sklearn.experimental.enable_halving_search_cv")
    found: type[Any] | None = getattr(import_module(module), name, None)
    if found is None:
        raise ImportError(f"{module} has no {name}")
    return found
