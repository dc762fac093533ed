"""Arrays and matrices of numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .xml import Element

_MOST_ENTRIES = 1_000_000


def numbers(array: Element) -> list[float]:
    """The numbers of an Array, a REAL-SparseArray or an INT-SparseArray.

    Raises:
        NotAProgramError: it is no array of numbers, or has not as many as it says.
    """
    if array.tag != "Array":
        return _sparse(array)
    if array.choice("type", None, ("int", "real", "string")) == "string":
        raise array.refused("is an array of texts, where numbers are wanted")
    found = [array.as_number(each, "the entry") for each in array.text.split()]
    if array.get("n") is not None and int(array.number("n")) != len(found):
        raise array.refused(f"has {len(found)} entries, and says {array.get('n')}")
    return found


def texts(array: Element) -> list[str]:
    """The entries of an Array as texts: those in double quotes hold blanks, and quotes behind a backslash.

    Raises:
        NotAProgramError: a quote is left open.
    """
    if array.choice("type", None, ("int", "real", "string")) != "string":
        return array.text.split()
    found = [
        each[1:-1].replace('\\"', '"') if each.startswith('"') else each
        for each in re.findall(r'"(?:[^"\\]|\\.)*"|[^\s"]\S*', array.text)
    ]
    if array.text.replace('\\"', "").count('"') % 2:
        raise array.refused("has a quote that is left open")
    return found


def _sparse(array: Element) -> list[float]:
    count = int(array.number("n"))
    if not 0 <= count <= _MOST_ENTRIES:
        raise array.refused(f"has {count:,} entries")
    found = [array.number("defaultValue", 0.0)] * count
    indices = array.first("Indices")
    entries = array.first("REAL-Entries", "INT-Entries")
    if indices is None or entries is None:
        return found
    values = [entries.as_number(each, "the entry") for each in entries.text.split()]
    places = [int(indices.as_number(each, "the index")) for each in indices.text.split()]
    if len(values) != len(places) or any(not 1 <= each <= count for each in places):
        raise array.refused("has indices that do not fit its entries")
    for place, value in zip(places, values, strict=True):
        found[place - 1] = value
    return found


def matrix(element: Element) -> list[list[float]]:
    """The rows of a Matrix that is written in full.

    Raises:
        NotAProgramError: it is of another kind.
    """
    element.choice("kind", "any", ("any",))
    rows = [numbers(each) for each in element.all("Array")]
    if not rows:
        raise element.refused("has no rows")
    return rows
