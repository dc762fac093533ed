"""The data dictionary: fields, their types, and which values of theirs are valid, invalid or missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .intervals import Span, spans
from .types import NUMBERS, TYPES, Scalar, UnfitError, parse

if TYPE_CHECKING:
    from .xml import Element

_OPTYPES = ("categorical", "ordinal", "continuous")
_PROPERTIES = ("valid", "invalid", "missing")


@dataclass(frozen=True, eq=False)
class DataField:
    """A field of the data dictionary.

    Attributes:
        element: where it stands.
        name: its name.
        type: its data type.
        optype: ``categorical``, ``ordinal`` or ``continuous``.
        values: what is valid, invalid or missing, by value, in the order of the file.
        intervals: where numbers are valid; empty: everywhere.
    """

    element: Element
    name: str
    type: str
    optype: str
    values: dict[Scalar, str]
    intervals: tuple[Span, ...]

    @property
    def valid(self) -> tuple[Scalar, ...]:
        """The values that are listed as valid."""
        return tuple(value for value, status in self.values.items() if status == "valid")


def data_fields(dictionary: Element) -> dict[str, DataField]:
    """The fields of a data dictionary, by name.

    Raises:
        NotAProgramError: two have one name, or one says what is not supported.
    """
    found: dict[str, DataField] = {}
    for element in dictionary.all("DataField"):
        name = element.need("name")
        if name in found:
            raise element.refused(f"has the name {name!r}, as another one has")
        found[name] = _field(element, name)
    return found


def _field(element: Element, name: str) -> DataField:
    kind = element.need("dataType")
    optype = element.choice("optype", None, _OPTYPES)
    if element.get("isCyclic") in ("1", "true"):
        raise element.refused("is cyclic, which is not supported")
    values = _values(element, kind) if kind in TYPES else {}
    intervals = tuple(span for span, _ in spans(element.all("Interval")))
    return DataField(element, name, kind, optype, values, intervals)


def _values(element: Element, kind: str) -> dict[Scalar, str]:
    found: dict[Scalar, str] = {}
    for each in element.all("Value"):
        status = each.choice("property", "valid", _PROPERTIES)
        text = each.need("value")
        try:
            value = parse(kind, text)
        except UnfitError:
            if status == "valid":
                raise each.refused(f"has the value {text[:60]!r}, which is no {kind}") from None
            # No row holds such a thing: `N/A` among numbers.
            continue
        if kind in NUMBERS and value != value:  # noqa: PLR0124  NaN
            continue
        found.setdefault(value, status)
    return found
