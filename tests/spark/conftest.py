"""The lane `make test-spark`. Without PGSCORE_TEST_SPARK nothing here is collected: Spark is not installed then."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Kafka for streams, and topics of each test's own.
from tests.streams.conftest import broker, topic  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from examples.server.broker import PrivateBroker
    from tests.spark.streams import Stream
    from tests.streams.conftest import MakeTopic
    from tests.support.database import Database

collect_ignore_glob = [] if os.environ.get("PGSCORE_TEST_SPARK") else ["test_*.py"]
# Debian's libpostgresql-jdbc-java.
DRIVER = "/usr/share/java/postgresql.jar"


def connector() -> list[str]:
    """The jars of docker/spark-kafka.txt."""
    import pyspark

    return sorted(str(jar) for jar in (Path(pyspark.__file__).parents[1] / "kafka").glob("*.jar"))


def built(folder: str) -> SparkSession:
    """A session with two workers."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        # A task that fails is tried again, as on a cluster.
        SparkSession.builder.master("local[2,3]")
        .appName("pgscore's tests")
        .config("spark.jars", ",".join([DRIVER, *connector()]))
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", "1g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.local.dir", folder)
        .config("spark.sql.warehouse.dir", f"{folder}/warehouse")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for all; starting it takes longer than what it does."""
    session = built(str(tmp_path_factory.mktemp("spark")))
    yield session
    session.stop()


@pytest.fixture
def shopping(serving: Database) -> Database:
    """The shop's tables, attached, with some customers."""
    from tests.bindings import shop
    from tests.spark.streams import PROFILES, REDUCERS

    session = serving.session()
    shop.build(session)
    shop.publish(serving.dsn(), None)
    shop.attach(session, reducers=REDUCERS)
    session.run(f"""insert into {shop.PROFILE} (id, "Age") select i, i %% 80 from generate_series(1, %s) i""", PROFILES)
    return serving


@pytest.fixture
def stream(
    spark: SparkSession,
    broker: PrivateBroker,  # noqa: F811
    topic: MakeTopic,  # noqa: F811
    shopping: Database,
    tmp_path: Path,
) -> Stream:
    """A query of the test's own."""
    from tests.spark.streams import Stream

    return Stream(spark, broker, topic, shopping, tmp_path)
