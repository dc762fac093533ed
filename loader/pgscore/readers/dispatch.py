"""Which reader reads what: the tables of all modules of readers, put together by `entry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pgscore.errors import NotAProgramError

from .algebra.columns import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from .writing.writer import Result, Writer

    TransformerReader = Callable[[Any, Table, Writer, str], Table]
    PredictorReader = Callable[[Any, Table, Writer, str], Result]

_Reader = TypeVar("_Reader")

TRANSFORMERS: dict[str, TransformerReader] = {}
PREDICTORS: dict[str, PredictorReader] = {}


def class_name(part: Any) -> str:  # noqa: ANN401
    """The class of an object as its users import it: ``sklearn.tree.DecisionTreeClassifier``.

    Subclasses may predict otherwise, so they have names of their own, and no reader.
    """
    public = type(part).__module__.partition("._")[0]
    return f"{public}.{type(part).__qualname__}"


def part_name(part: Any, name: str | None) -> str:  # noqa: ANN401
    """How messages call a part of a pipeline."""
    return f"the {type(part).__name__}" if name is None else f"step {name!r}"


def transform(transformer: Any, table: Table, writer: Writer, name: str | None = None) -> Table:  # noqa: ANN401
    """What a fitted transformer makes of columns.

    Args:
        transformer: the transformer, or a word that stands for one: ``passthrough``, ``drop``, or None.
        table: the columns that it gets.
        writer: takes the steps that are left; its domains are narrowed to what the transformer accepts.
        name: the name of its step.

    Raises:
        NotAProgramError: it cannot be part of a program; the message names it.
    """
    if transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
        return table
    if isinstance(transformer, str) and transformer == "drop":
        return Table(())
    part = part_name(transformer, name)
    return _found(TRANSFORMERS, transformer, part)(transformer, table, writer, part)


def predict(predictor: Any, table: Table, writer: Writer, name: str | None = None) -> Result:  # noqa: ANN401
    """The scores of a fitted predictor of these columns.

    Raises:
        NotAProgramError: it cannot be part of a program; the message names it.
    """
    part = part_name(predictor, name)
    return _found(PREDICTORS, predictor, part)(predictor, table, writer, part)


def _found(readers: dict[str, _Reader], part: Any, name: str) -> _Reader:  # noqa: ANN401
    reader = readers.get(class_name(part))
    if reader is None:
        raise NotAProgramError(name, f"is a {type(part).__name__}, which cannot become a program")
    return reader
