"""Steps that make numbers of several registers by a formula: what each is, how it is read, and how it is walked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import fields
from .links import check_scores, link_function, link_outputs, read_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from .links import Link
    from .scope import Scope

_MOST_SCORES = 1000


class LinkStep(NamedTuple):
    """A link of registers, as scores have it."""

    of: tuple[int, ...]
    link: Link

    @property
    def outputs(self) -> int:
        """How many registers it defines."""
        return link_outputs(self.link, len(self.of))


def _read_link_step(found: dict[str, Any], place: str, scope: Scope) -> LinkStep:
    fields(found, place, ("step", "of", "link"))
    of = scope.registers(found["of"], f"{place}.of")
    link = read_link(found["link"], f"{place}.link")
    check_scores(link, len(of), f"the number of registers in {place}.of", _MOST_SCORES)
    return LinkStep(of, link)


def _link_step(step: LinkStep) -> Callable[[list[Any]], None]:
    of, function = step.of, link_function(step.link)
    return lambda registers: registers.extend(function([registers[register] for register in of]))


Formula = LinkStep

FORMULA_READERS: dict[str, Callable[[dict[str, Any], str, Scope], Formula]] = {
    "link": _read_link_step,
}
FORMULA_COMPILERS: dict[type, Callable[[Any], Callable[[list[Any]], None]]] = {
    LinkStep: _link_step,
}
