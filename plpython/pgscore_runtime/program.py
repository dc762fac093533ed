"""Programs: a version of a model as data, read from JSON that nobody vouches for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import Budget, choice, fields, flag, items, members, number, refuse, shown, text
from .errors import INVALID_PARAMETER, Refusal
from .links import check_scores, link_outputs, read_link
from .scope import Scope
from .steps import read_step

if TYPE_CHECKING:
    from .links import Link
    from .steps import Step

_MOST_BYTES = 64 * 2**20
_MOST_INPUTS = 1600
_MOST_STEPS = 10_000
_MOST_SCORES = 1000
_MOST_READS = 100_000
_MOST_KEYS = 1_000_000
_MOST_NODES = 4_000_000
_MOST_CONSTANTS = 1_000_000
_TYPES = ("double precision", "text", "boolean")


class ProgramInput(NamedTuple):
    """An input, and what of it the estimator accepts.

    Attributes:
        name: as in the contract.
        type: as in the contract.
        nullable: whether a missing value is accepted.
        minimum: the least number that is accepted; minus infinity where all are.
        maximum: the largest.
        known: the only values that are accepted, or None.
    """

    name: str
    type: str
    nullable: bool
    minimum: float
    maximum: float
    known: frozenset[str | float] | None

    @property
    def is_text(self) -> bool:
        """Whether the value travels in the array of texts rather than in that of numbers."""
        return self.type == "text"


class Requirement(NamedTuple):
    """What the estimator accepts of what steps compute.

    Attributes:
        of: the register.
        nullable: whether it may be missing.
        minimum: the least number that is accepted; minus infinity where all are.
        maximum: the largest.
    """

    of: int
    nullable: bool
    minimum: float
    maximum: float


class Program(NamedTuple):
    """A program; `docs/program.md` says what its parts mean."""

    inputs: tuple[ProgramInput, ...]
    steps: tuple[Step, ...]
    scores: tuple[int, ...]
    link: Link
    tie: str
    require: tuple[Requirement, ...] = ()
    decide: tuple[int, ...] = ()


def parse_program(text: str) -> Program:
    """Reads a program from JSON, and trusts nothing in it.

    Raises:
        Refusal: the text is no JSON, or something in it is not as `docs/program.md` says; the message names the place.
    """
    try:
        return _program(_document(text))
    except RecursionError:
        raise Refusal(INVALID_PARAMETER, "the program is refused: it is nested too deeply") from None


def _document(text: str) -> Any:  # noqa: ANN401
    # Characters first: the bytes of what is far too long are not worth counting.
    if len(text) > _MOST_BYTES or len(text.encode(errors="surrogatepass")) > _MOST_BYTES:
        raise Refusal(INVALID_PARAMETER, f"the program is refused: it has more than {_MOST_BYTES // 2**20} MB")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except ValueError as error:
        raise Refusal(INVALID_PARAMETER, f"the program is refused: it is not JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has two fields of one name")
    return found


def _no_constant(name: str) -> Any:  # noqa: ANN401
    raise ValueError(f"{name} is no JSON")


def _program(found: Any) -> Program:  # noqa: ANN401
    fields(found, "it", ("program", "inputs", "steps", "scores", "link", "tie"), ("require", "decide"))
    if type(found["program"]) is not int or found["program"] != 1:
        refuse("program", f"is {shown(found['program'])}, and this version reads format 1 only")
    keys = Budget(_MOST_KEYS, "keys and members")
    inputs = tuple(
        _input(each, f"inputs[{n}]", keys) for n, each in enumerate(items(found["inputs"], "inputs", _MOST_INPUTS))
    )
    names: set[str] = set()
    for position, each in enumerate(inputs):
        if each.name in names:
            refuse(f"inputs[{position}].name", f"is {shown(each.name)}, as that of an input before it")
        names.add(each.name)
    scope = Scope(
        [each.is_text for each in inputs],
        Budget(_MOST_READS, "registers read by steps"),
        keys,
        Budget(_MOST_NODES, "nodes"),
        Budget(_MOST_CONSTANTS, "numbers in knots, coefficients, matrices and vectors"),
    )
    found_steps = items(found["steps"], "steps", _MOST_STEPS)
    steps = tuple(read_step(each, f"steps[{n}]", scope) for n, each in enumerate(found_steps))
    link = read_link(found["link"], "link")
    scores = tuple(
        scope.register(each, f"scores[{n}]") for n, each in enumerate(items(found["scores"], "scores", _MOST_SCORES))
    )
    check_scores(link, len(scores), "the number of scores", _MOST_SCORES)
    wanted = items(found.get("require", []), "require", _MOST_STEPS)
    require = tuple(_requirement(each, f"require[{n}]", scope) for n, each in enumerate(wanted))
    tie = choice(found["tie"], "tie", ("first", "last"))
    return Program(inputs, steps, scores, link, tie, require, _decide(found, link_outputs(link, len(scores)), scope))


def _decide(found: dict[str, Any], outputs: int, scope: Scope) -> tuple[int, ...]:
    if "decide" not in found:
        return ()
    listed = items(found["decide"], "decide", _MOST_SCORES)
    if len(listed) != outputs or outputs == 1:
        refuse("decide", f"has {len(listed):,} entries, and there are {outputs:,} outputs, of which it decides")
    return tuple(scope.register(each, f"decide[{n}]") for n, each in enumerate(listed))


def _requirement(found: Any, place: str, scope: Scope) -> Requirement:  # noqa: ANN401
    fields(found, place, ("of", "nullable"), ("minimum", "maximum"))
    of = scope.register(found["of"], f"{place}.of")
    return Requirement(of, flag(found["nullable"], f"{place}.nullable"), **_bounds(found, place))


def _bounds(found: dict[str, Any], place: str) -> dict[str, float]:
    bounds = {"minimum": -float("inf"), "maximum": float("inf")}
    bounds |= {bound: number(found[bound], f"{place}.{bound}") for bound in bounds if bound in found}
    if bounds["minimum"] > bounds["maximum"]:
        refuse(f"{place}.minimum", "is above the maximum")
    return bounds


def _input(found: Any, place: str, keys: Budget) -> ProgramInput:  # noqa: ANN401
    fields(found, place, ("name", "type", "nullable"), ("minimum", "maximum", "known"))
    kind = choice(found["type"], f"{place}.type", _TYPES)
    for bound in ("minimum", "maximum"):
        if bound in found and kind == "text":
            refuse(f"{place}.{bound}", "stands at a text")
    known: list[Any] | None = None
    if "known" in found:
        keys.spend(len(items(found["known"], f"{place}.known")), f"{place}.known")
        known = members(found["known"], f"{place}.known", texts=kind == "text")
    return ProgramInput(
        name=text(found["name"], f"{place}.name"),
        type=kind,
        nullable=flag(found["nullable"], f"{place}.nullable"),
        known=None if known is None else frozenset(known),
        **_bounds(found, place),
    )
