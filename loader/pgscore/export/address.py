"""Where an export goes: the forms of an address, and what of it may be shown and stored."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlencode, urlsplit

from pgscore.errors import PgscoreError

_HIDDEN = "***"
_ENCODE = "In a URL, @ of a user or a password is written %40, / %2F, : %3A, # %23, ? %3F and % itself %25."
# Where these stand in the name of a parameter, its value is nobody's to see.
_SECRET = re.compile(r"pass|pwd|secret|token|auth|cred|sig", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """Where an export goes.

    Attributes:
        scheme: what the address begins with, without a driver; ``file`` for a path.
        given: the address as it was given, or the absolute path.
        shown: the same without passwords: it tells targets apart, and is stored.
        secrets: what may be shown nowhere, in all the ways in which it may be written.
    """

    scheme: str
    given: str = field(repr=False)
    shown: str
    secrets: tuple[str, ...] = field(repr=False, default=())

    def hidden(self, text: object) -> str:
        """A message in one line, without the address's secrets."""
        said = " ".join(str(text).split())
        for secret in self.secrets:
            said = said.replace(secret, _HIDDEN)
        return said

    @property
    def parts(self) -> SplitResult:
        """The URL, taken apart."""
        return urlsplit(self.given)

    @property
    def parameters(self) -> dict[str, str]:
        """What stands behind the question mark."""
        return dict(parse_qsl(self.parts.query, keep_blank_values=True))


def parse(given: str) -> Address:
    """An address of what was given: a path, or a URL.

    Raises:
        PgscoreError: it is none; no part of it is repeated, because that might be the password.
    """
    given = given.strip()
    if not given:
        raise PgscoreError("the target of the export is empty", "Such as --to scores.csv or --to redis://host/0.")
    if "://" not in given:
        path = str(Path(given).absolute())
        return Address("file", path, path)
    try:
        parts = urlsplit(given)
    except ValueError:
        raise PgscoreError("the target's URL is malformed", _ENCODE) from None
    login, _, host = parts.netloc.rpartition("@")
    ports = re.sub(r"\[[^]]*\]", "", host).split(",")
    if (
        parts.fragment
        or "@" in parts.path + parts.query
        or any(port.partition(":")[2] and not port.partition(":")[2].isdigit() for port in ports)
    ):
        raise PgscoreError("the target's URL is malformed: its host or its port is none", _ENCODE)
    user, _, password = login.partition(":")
    queries = parse_qsl(parts.query, keep_blank_values=True)
    shown = [(name, _HIDDEN if _SECRET.search(name) else value) for name, value in sorted(queries)]
    hidden = [unquote(password), *(value for name, value in queries if _SECRET.search(name))]
    place = f"{user}@{host}" if user else host
    query = "?" + urlencode(shown, safe="*/:") if shown else ""
    return Address(
        parts.scheme.lower().partition("+")[0], given, f"{parts.scheme}://{place}{parts.path}{query}", _forms(hidden)
    )


def _forms(secrets: list[str]) -> tuple[str, ...]:
    """The longest first, so that no rest of one is left."""
    forms = {
        form
        for secret in secrets
        if secret
        for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1])
    }
    return tuple(sorted(forms, key=len, reverse=True))
