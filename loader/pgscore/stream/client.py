"""Clients of a broker: their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from pathlib import Path


def settings(brokers: str, file: Path | None = None) -> dict[str, str]:
    """What clients of a broker are told, under librdkafka's names.

    Args:
        brokers: `host:port`, several with commas.
        file: lines of `name=value`, such as passwords, which are no matter for a command line.

    Raises:
        PgscoreError: the file cannot be read.
    """
    found = {"bootstrap.servers": brokers}
    if file is not None:
        try:
            lines = file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise PgscoreError(f"{file} cannot be read: {error}") from None
        for number, line in enumerate(lines, start=1):
            name, equals, value = line.partition("=")
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if not equals:
                raise PgscoreError(f"line {number} of {file} is no NAME=VALUE", "For example sasl.username=shop.")
            found[name.strip()] = value.strip()
    if not found["bootstrap.servers"]:
        raise PgscoreError("no broker is named", "--brokers HOST:PORT, or PGSCORE_BROKERS.")
    return found
