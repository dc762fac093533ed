"""On a server in recovery the doctor looks as it does on its primary, and asks for nothing that a standby cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pgscore.doctor import examine, exit_code

from tests.bindings import shop
from tests.support.database import OPERATOR
from tests.support.standby import standby_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Database


@pytest.fixture(scope="module")
def standby(cluster: PrivateCluster, ward: Database) -> Iterator[int]:
    """The port of a hot standby of the tests' cluster."""
    programs = ward.session().value("select setting from pg_config where name = 'BINDIR'")
    with standby_of(cluster, programs) as found:
        yield found.port


def test_a_standby(standby: int, cluster: PrivateCluster, ward: Database) -> None:
    for user in (None, OPERATOR, shop.OWNER):
        dsn = ward.dsn(user).replace(f":{cluster.port}/", f":{standby}/")
        for full in (False, True):
            found = {each.code: each for each in examine(dsn, full=full)}
            wrong = [each for each in found.values() if each.is_to_mend]
            assert (exit_code(wrong), wrong) == (0, [])
            assert ("counters" in found) == (user != OPERATOR), found
