"""Which target stands for which address: the tables of all modules of targets, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import to_file, to_redis, to_sftp, to_sql
from .address import parse

if TYPE_CHECKING:
    from .records import Options
    from .target import Target

TARGETS: dict[str, type[Target]] = {**to_file.TARGETS, **to_redis.TARGETS, **to_sftp.TARGETS, **to_sql.TARGETS}


def target(to: str, options: Options) -> Target:
    """The target that an address names; SQLAlchemy may know what is none of these.

    Raises:
        PgscoreError: the address is malformed, or an option means nothing there.
    """
    address = parse(to)
    return TARGETS.get(address.scheme, to_sql.SqlTable)(address, options)
