"""What a format cannot say."""

from __future__ import annotations

from pgscore.errors import PgscoreError


class NotWrittenError(PgscoreError):
    """A program, or a part of one, that a format cannot say.

    Attributes:
        place: the part, as in ``steps[2]``.
        why: what is the matter with it, a clause that continues the place.
    """

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place} of the program {why}", "`--to model.json` writes whatever is a program.")
        self.place = place
        self.why = why
