"""What a step of a program reads, and how many registers it defines (docs/program.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore_runtime.links import link_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def reads(step: Mapping[str, Any]) -> Sequence[int]:
    """The registers that it reads, in its order."""
    of = step["of"]
    return of if isinstance(of, list) else [of]


def defines(step: Mapping[str, Any]) -> int:
    """How many registers it defines: one for each output of trees and links, else one."""
    if step["step"] == "trees":
        return len(step["base"])
    return link_outputs(step["link"], len(step["of"])) if step["step"] == "link" else 1
