"""XML, as it is written: elements as a tree, and the characters that it can hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pgscore.writers.not_written import NotWrittenError

# XML 1.0 has no others, escaped or not.
_NO_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A parser makes blanks of what stands in attributes as it is, and a line feed of a carriage return.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_ESCAPED = re.compile('[&<>"\t\n\r]')


@dataclass
class Element:
    """An element: what is in it is other elements, or a text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str | None = None


def element(tag: str, *children: Element, text: str | None = None, **attributes: str | None) -> Element:
    """An element; attributes that are None are left out, and a name that Python keeps for itself ends in a line."""
    given = {name.rstrip("_"): value for name, value in attributes.items() if value is not None}
    return Element(tag, given, list(children), text)


def check_text(text: str, place: str) -> str:
    """A text that XML can hold.

    Raises:
        NotWrittenError: it has a character that XML cannot hold.
    """
    found = _NO_CHARACTER.search(text)
    if found is not None:
        raise NotWrittenError(place, f"has the character U+{ord(found[0]):04X}, which XML cannot hold")
    return text


def serialize(root: Element) -> bytes:
    """A document, in UTF-8, each element on a line of its own. Trees may be deep, so this is no recursion."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    left: list[tuple[Element | str, int]] = [(root, 0)]
    while left:
        each, depth = left.pop()
        if isinstance(each, str):
            parts.append(each)
            continue
        # Deeper ones are for no eye.
        blanks = "  " * min(depth, 20)
        opening = f"{blanks}<{each.tag}" + "".join(
            f' {name}="{_escaped(value)}"' for name, value in each.attributes.items()
        )
        if each.text is not None:
            parts.append(f"{opening}>{_escaped(each.text)}</{each.tag}>\n")
        elif each.children:
            parts.append(f"{opening}>\n")
            left.append((f"{blanks}</{each.tag}>\n", depth))
            left.extend((child, depth + 1) for child in reversed(each.children))
        else:
            parts.append(f"{opening}/>\n")
    return "".join(parts).encode()


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)
