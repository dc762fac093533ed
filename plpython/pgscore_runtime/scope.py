"""What the steps of a program may refer to: the registers before them, and what is left of the limits they share."""

from __future__ import annotations

from typing import Any, NamedTuple

from .checks import Budget, items, refuse, shown


class Scope(NamedTuple):
    """What steps may refer to.

    Attributes:
        texts: for each register that is defined so far, whether it holds a text.
        reads: how many more registers steps may read.
        keys: how many more keys and members there may be.
        nodes: how many more nodes there may be.
        constants: how many more numbers there may be in knots, coefficients, matrices and vectors.
    """

    texts: list[bool]
    reads: Budget
    keys: Budget
    nodes: Budget
    constants: Budget

    def register(self, found: Any, place: str, *, texts: bool | None = False) -> int:  # noqa: ANN401
        """A register that is defined, and holds a number, a text, or either (None)."""
        if type(found) is not int:
            refuse(place, f"is {shown(found)}, not the number of a register")
        if not 0 <= found < len(self.texts):
            refuse(place, f"is {shown(found)}, and only registers 0 to {len(self.texts) - 1} come before it")
        if texts is not None and self.texts[found] != texts:
            holds, wanted = ("a text", "a number") if self.texts[found] else ("a number", "a text")
            refuse(place, f"is {found}, which holds {holds}, and {wanted} is wanted")
        return found

    def registers(self, found: Any, place: str, *, texts: bool | None = False) -> tuple[int, ...]:  # noqa: ANN401
        """A list of registers."""
        self.reads.spend(len(items(found, place)), place)
        return tuple(self.register(each, f"{place}[{n}]", texts=texts) for n, each in enumerate(found))

    def operand(self, found: dict[str, Any], place: str, *, texts: bool | None = False) -> int:
        """The one register that a step reads."""
        self.reads.spend(1, place)
        return self.register(found["of"], f"{place}.of", texts=texts)
