"""What holds scores and is not computed when it is asked: a promotion would make it wrong, and is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .look import Look

_QUERY = """
    select kind, object, on_table, array_remove(array_agg(model order by model), null), bool_or(model is null)
    from pgscore._score_dependents() where is_wrong group by kind, object, on_table order by 1, 3, 2
"""


@dataclass(frozen=True)
class _Dependent:
    kind: str
    object: str
    on_table: str | None
    models: list[str]
    is_of_any: bool


def check_dependents(look: Look) -> Iterator[Finding]:
    """Which indexes, generated columns, constraints, partition keys and materialized views hold scores."""
    for each in look.rows(_Dependent, _QUERY):
        whose = "some model" if each.is_of_any else " and ".join(each.models)
        place = f" of {each.on_table}" if each.on_table not in (None, each.object) else ""
        sentence = f"{each.kind}{place} holds scores of {whose}: promotions are refused, for they would make it wrong"
        remedy = (
            "Compute scores when they are asked, or attach the table; or drop it before a promotion, and make it anew."
        )
        yield Finding("score-held", each.object, sentence, remedy)
