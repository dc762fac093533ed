"""The elements of an XML document, read within bounds: no document type, no entities, nothing from outside."""

from __future__ import annotations

import gc
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from pgscore.errors import NotAProgramError, PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a file may have, before memory or time is spent on more of it.
LIMITS = {
    "bytes": 64_000_000,
    "elements": 1_000_000,
    "elements inside of each other": 1_000,
    "attributes of an element": 200,
    "bytes of a text": 16_000_000,
}
_COUNTED = ("elements", "elements inside of each other", "attributes of an element")
_CHUNK = 65_536
_ENCODINGS = (
    "utf-8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii", "iso-8859-1", "latin-1", "windows-1252", "cp1252",
)  # fmt: skip
_DECLARED = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^>]{0,100}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z0-9._:-]{1,60})")
_NAMESPACE_END = "}"


@dataclass(eq=False, slots=True)
class Element:
    """An element, its attributes, and what is in it.

    Attributes:
        tag: its name, without the namespace.
        attributes: by name; those of other namespaces as ``{namespace}name``.
        parent: the element that it is in.
        children: elements, without extensions.
        text: what stands in it before its first child.
        namespace: of its name.
        position: among the children of its name, from 1 on.
    """

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    namespace: str = ""
    # Most elements have no children, and many are a million.
    children: list[Element] | tuple[()] = ()
    text: str = ""
    position: int = 1
    # How many children of each name there are, so that a path takes no search.
    counts: dict[str, int] | None = None

    def append(self, child: Element) -> None:
        """Puts a child behind the others."""
        if self.counts is None or isinstance(self.children, tuple):
            self.children, self.counts = [], {}
        self.children.append(child)
        child.position = self.counts[child.tag] = self.counts.get(child.tag, 0) + 1

    @property
    def path(self) -> str:
        """Where it stands, such as ``/PMML/TreeModel/Node[2]``; counted where its parent has several of its name."""
        steps: list[str] = []
        here: Element | None = self
        while here is not None:
            counts = None if here.parent is None else here.parent.counts
            alike = 1 if counts is None else counts[here.tag]
            steps.append(here.tag if alike == 1 else f"{here.tag}[{here.position}]")
            here = here.parent
        return "/" + "/".join(reversed(steps))

    def all(self, *tags: str) -> list[Element]:
        """The children of these names."""
        return [each for each in self.children if each.tag in tags]

    def first(self, *tags: str) -> Element | None:
        """The first child of these names, or None."""
        return next((each for each in self.children if each.tag in tags), None)

    def one(self, *tags: str) -> Element:
        """The first child of these names.

        Raises:
            NotAProgramError: there is none.
        """
        found = self.first(*tags)
        if found is None:
            raise self.refused(f"has no {' or '.join(tags)}")
        return found

    def get(self, name: str) -> str | None:
        """An attribute, or None."""
        return self.attributes.get(name)

    def need(self, name: str) -> str:
        """An attribute.

        Raises:
            NotAProgramError: it is not there.
        """
        found = self.attributes.get(name)
        if found is None:
            raise self.refused(f"has no {name}")
        return found

    def number(self, name: str, default: float | None = None) -> float:
        """An attribute that is a finite number.

        Raises:
            NotAProgramError: it is none, or not there and there is no default.
        """
        text = self.attributes.get(name)
        if text is None and default is not None:
            return default
        return self.as_number(self.need(name), f"the {name}")

    def optional_number(self, name: str) -> float | None:
        """An attribute that is a finite number, or None where it is not there."""
        return self.number(name) if name in self.attributes else None

    def as_number(self, text: str, what: str) -> float:
        """A text in this element as a finite number.

        Raises:
            NotAProgramError: it is none.
        """
        try:
            found = float(text.strip()) if "_" not in text else float("nan")
        except ValueError:
            found = float("nan")
        if not abs(found) < float("inf"):
            raise self.refused(f"has {what} {text[:60]!r}, which is no finite number")
        # 0 has no sign.
        return found + 0.0

    def choice(self, name: str, default: str | None, known: tuple[str, ...] | dict[str, str]) -> str:
        """An attribute that is one of several words.

        Raises:
            NotAProgramError: it is another one.
        """
        found = self.attributes.get(name, default)
        if found is None:
            found = self.need(name)
        if found not in known:
            raise self.refused(f"has the {name} {found[:60]!r}, which is not supported")
        return found

    def flag(self, name: str, *, default: bool) -> bool:
        """An attribute that is true or false.

        Raises:
            NotAProgramError: it is something else.
        """
        return self.choice(name, "true" if default else "false", ("true", "false", "1", "0")) in ("true", "1")

    def refused(self, why: str) -> NotAProgramError:
        """The error that names this element, and says what is the matter with it."""
        return NotAProgramError(self.path, why)

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in the order of the file."""
        waiting = [self]
        while waiting:
            here = waiting.pop()
            yield here
            waiting.extend(reversed(here.children))


def refused(what: str) -> PgscoreError:
    """The error for a file that is no PMML document that can be read."""
    return PgscoreError(
        f"the file is no PMML document that pgscore reads: {what}", "Export the model anew, as PMML 4.4."
    )


class _Builder:
    """Takes the elements as the parser meets them, and stops it at the limits."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._lengths: list[int] = []
        self._count = 0
        self._outside = 0
        self._names: dict[str, tuple[str, str]] = {}
        self._most, self._deepest, self._widest = (LIMITS[each] for each in _COUNTED)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._count += 1
        found = (self._count, len(self._open) + self._outside, len(attributes))
        if found[0] > self._most or found[1] > self._deepest or found[2] > self._widest:
            limits = (self._most, self._deepest, self._widest)
            over = (count > limit for count, limit in zip(found, limits, strict=True))
            raise refused(_too_many(next(what for what, is_over in zip(_COUNTED, over, strict=True) if is_over)))
        if tag not in self._names:
            namespace, _, name = tag.rpartition(_NAMESPACE_END)
            self._names[tag] = (namespace.removeprefix("{"), name)
        namespace, name = self._names[tag]
        if self._outside or name == "Extension":
            # Extensions say nothing about what a model predicts, whatever is in them.
            self._outside += 1
            return
        parent = self._open[-1] if self._open else None
        element = Element(name, attributes, parent, namespace)
        if parent is None:
            self.root = element
        else:
            parent.append(element)
        self._open.append(element)
        self._texts.append([])
        self._lengths.append(0)

    def end(self, _tag: str) -> None:
        """An element ends."""
        if self._outside:
            self._outside -= 1
            return
        self._open.pop().text = "".join(self._texts.pop())
        self._lengths.pop()

    def data(self, text: str) -> None:
        """A piece of a text."""
        if self._outside or not self._open:
            return
        self._lengths[-1] += len(text)
        if self._lengths[-1] > LIMITS["bytes of a text"]:
            raise refused(_too_many("bytes of a text"))
        self._texts[-1].append(text)

    def close(self) -> Element | None:
        """The document ends."""
        return self.root


def _too_many(what: str) -> str:
    return f"it has more than {LIMITS[what]:,} {what}"


def parse(content: bytes) -> Element:
    """The root element of a document.

    Raises:
        PgscoreError: it is no XML, is cut short, has a document type or entities, or is beyond a limit.
    """
    if len(content) > LIMITS["bytes"]:
        raise refused(_too_many("bytes"))
    _check_encoding(content)
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        with _without_collection():
            for start in range(0, len(content), _CHUNK):
                parser.feed(content[start : start + _CHUNK])
            root = parser.close()
    except DefusedXmlException:
        raise refused("it has a document type or entities, which are not read") from None
    except (ParseError, ValueError, LookupError) as error:
        raise refused(f"it is no XML, or cut short: {str(error)[:200]}") from None
    if root is None:
        raise refused("it is empty")
    found: Element = root
    return found


@contextmanager
def _without_collection() -> Iterator[None]:
    """Elements are all kept: looking again and again for those that are not takes twice the time of all else."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _check_encoding(content: bytes) -> None:
    """Refuses encodings that a parser would have to look up."""
    declared = _DECLARED.match(content)
    name = declared[1].decode().lower() if declared else "utf-8"
    if name not in _ENCODINGS:
        raise refused(f"it is encoded as {name[:40]!r}; read are UTF-8, UTF-16, US-ASCII, ISO-8859-1 and windows-1252")
