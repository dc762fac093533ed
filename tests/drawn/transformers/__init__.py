"""How transformers are drawn: a table for each subject, put together here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import encoding, expanding, scaling, selecting

if TYPE_CHECKING:
    from tests.drawn.kinds import Transformer

TRANSFORMERS: dict[str, Transformer] = {
    **encoding.TRANSFORMERS, **scaling.TRANSFORMERS, **expanding.TRANSFORMERS, **selecting.TRANSFORMERS
}  # fmt: skip
