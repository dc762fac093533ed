"""Whether those who read changes of scores can go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .look import Look

_OUTBOX = "pgscore.score_change"
_IS_USED = """
    select exists (select from pgscore.binding where changes) or exists (select from pgscore.score_change)
        or exists (select from pgscore.change_consumer)
"""


@dataclass(frozen=True)
class _Consumer:
    reader: str
    name: str
    problem: str


def check_changes(look: Look) -> Iterator[Finding]:
    """Whether the outbox is this cluster's, and which consumers are refused."""
    if not look.value(_IS_USED):
        return
    if look.value("select pgscore._has_foreign_changes()"):
        sentence = (
            "it came with a dump of another cluster, whose positions mean nothing here: nobody can read it;"
            " once that is mended, consumers take all scores once and begin anew"
        )
        yield Finding(
            "changes-restored", _OUTBOX, sentence, "select pgscore.prune_score_changes();", "pgscore_operator"
        )
        return
    for each in look.ask(_Consumer, "_doctor_consumers"):
        name = each.name.replace("'", "''")
        sentence = f"consumer {each.name} of {each.reader} cannot go on: {each.problem}; it takes all scores once"
        remedy = f"delete from pgscore.change_consumer where name = '{name}';"  # noqa: S608  shown, not run
        yield Finding("consumer-refused", _OUTBOX, sentence, remedy, each.reader)
