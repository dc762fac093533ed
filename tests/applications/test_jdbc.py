"""JDBC: server-prepared statements, batches, generated keys and savepoints, over promotions."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.database import APPLICATION, OPERATOR, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Database, Session

_DRIVER = "/usr/share/java/postgresql.jar"
_PROGRAM = Path(__file__).with_name("Application.java")
_ROUND = 49


def test_a_java_application(
    cluster: PrivateCluster, serving: Database, observer: Session, check: Callable[[], None]
) -> None:
    operator = serving.session(OPERATOR)
    address = f"jdbc:postgresql://{cluster.host}:{cluster.port}/{serving.name}"
    with subprocess.Popen(
        ["java", "-cp", _DRIVER, str(_PROGRAM), address, APPLICATION, PASSWORD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as java:
        assert java.stdin is not None
        assert java.stdout is not None
        for number, version in enumerate((1, 2, 1), start=1):
            operator.run("select pgscore.promote('churn', %s)", version)
            java.stdin.write("again\n")
            java.stdin.flush()
            assert java.stdout.readline() == "done\n"
            assert observer.value("select count(*) from churn.complaints") == number * _ROUND
            found = observer.value("select churn_model_version from churn.customer_profile where customer_id = 1")
            assert found == version
            check()
        java.stdin.close()
        assert java.wait(60) == 0
