"""Keys of all kinds by which events name profiles, for histories that do not care which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import shop

if TYPE_CHECKING:
    from tests.support.database import Session


@dataclass(frozen=True)
class Key:
    """How tables of the shop are keyed.

    Attributes:
        tables: what `shop.build` is told.
        values: four keys, as SQL: a literal for each column, with commas between them.
    """

    tables: dict[str, Any]
    values: tuple[str, str, str, str]

    @property
    def composite(self) -> bool:
        """Whether the key has two columns."""
        return "part" in self.tables

    @property
    def event(self) -> str:
        """The columns of events."""
        return shop.KEYS[self.composite][0]

    @property
    def profile(self) -> str:
        """The columns of profiles."""
        return shop.KEYS[self.composite][1]

    @property
    def excluded(self) -> str:
        """The columns of an event that ON CONFLICT refused."""
        return ", ".join(f"excluded.{column}" for column in self.event.split(", "))

    def build(self, session: Session, **options: Any) -> None:  # noqa: ANN401
        """Makes the tables of the shop."""
        shop.build(session, **self.tables, **options)

    def attach(self, session: Session, **options: Any) -> str:  # noqa: ANN401
        """Attaches them."""
        return shop.attach(session, composite=self.composite, **options)

    def attach_together(self, session: Session, **options: Any) -> list[str]:  # noqa: ANN401
        """Attaches them by five bindings."""
        return shop.attach_together(session, composite=self.composite, **options)

    def assert_right(self, session: Session, **options: Any) -> int:  # noqa: ANN401
        """Holds invariants 1 and 2; how many profiles there are."""
        return shop.assert_right(session, composite=self.composite, **options)


def _uuid(number: int) -> str:
    return f"'00000000-0000-0000-0000-00000000000{number}'"


KEYS = {
    "bigint": Key({"key": "bigint"}, ("1", "2", "3", "-4")),
    "narrow events": Key({"key": "bigint", "event_key": "smallint"}, ("1", "2", "3", "-4")),
    "narrow profiles": Key({"key": "smallint", "event_key": "bigint"}, ("1", "2", "32767", "-4")),
    "text": Key({"key": "text"}, ("'a'", "'B \"q\" \\'", "'Ä,{}'", "'NULL'")),
    "odd text": Key({"key": "text", "event_key": "varchar"}, ("''", "'a  '", "'a'", "e'''\\n\\t'")),
    "uuid": Key({"key": "uuid"}, (_uuid(0), _uuid(1), _uuid(2), _uuid(3))),
    "text, integer": Key(
        {"key": "text", "part": "integer", "event_part": "bigint"},
        ("'', 1", "'{\"a,b\",NULL}', 1", "'{\"a,b\",NULL}', 2", "'NULL', 1"),
    ),
    "integer, text": Key(
        {"key": "integer", "event_key": "bigint", "part": "varchar(9)", "event_part": "text"},
        ("1, ''", "1, 'null'", "2, '\"'", "2, 'a ,}'"),
    ),
    "uuid, uuid": Key(
        {"key": "uuid", "part": "uuid"},
        (f"{_uuid(0)}, {_uuid(1)}", f"{_uuid(1)}, {_uuid(0)}", f"{_uuid(0)}, {_uuid(0)}", f"{_uuid(1)}, {_uuid(1)}"),
    ),
}
