"""Spark's session and its errors, as sentences."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pgscore.dsn import without_passwords
from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark import SparkContext
    from pyspark.sql import DataFrame, SparkSession

_NO_DRIVER = ("ClassNotFoundException: org.postgresql.Driver", "No suitable driver")
_CLASS_NAME = re.compile(r"^(?:[a-z][\w$]*\.)+[A-Z][\w$]*: ")


def need_pyspark() -> None:
    """Returns where pyspark is installed.

    Raises:
        PgscoreError: it is not, or a package that it needs for pandas.
    """
    for package in ("pyspark", "pyarrow", "pandas"):
        try:
            __import__(package)
        except ModuleNotFoundError:
            raise PgscoreError(f"{package} is not installed", "pip install 'pgscore[spark]'") from None


def check_frame(df: DataFrame) -> SparkContext:
    """The context of a DataFrame's session.

    Raises:
        PgscoreError: it is no DataFrame of Spark's, or its session has ended.
    """
    need_pyspark()
    from pyspark.sql import DataFrame

    if not isinstance(df, DataFrame):
        raise PgscoreError(
            f"a {type(df).__module__}.{type(df).__qualname__} is given, and a DataFrame of Spark's is wanted",
            "For pandas: pgscore.Scorer.fetch(dsn, model).score(frame).",
        )
    return check_session(df.sparkSession)


def check_session(spark: SparkSession) -> SparkContext:
    """The context of a session.

    Raises:
        PgscoreError: it is no session of Spark's, or it has ended.
    """
    need_pyspark()
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    if not isinstance(spark, SparkSession):
        raise PgscoreError(
            f"{'nothing' if spark is None else f'a {type(spark).__qualname__}'} is given for Spark's session",
            "SparkSession.builder.getOrCreate() gives one.",
        )
    try:
        context = spark.sparkContext
    except PySparkException:
        raise PgscoreError(
            "the session is one of Spark Connect, which can send no version to its workers",
            "Run it where the driver is: spark-submit, or SparkSession.builder.master(…).",
        ) from None
    if context._jsc is None:
        raise PgscoreError("Spark's session has ended", "SparkSession.builder.getOrCreate() gives a new one.")
    return context


@contextmanager
def told(what: str, *dsns: str) -> Iterator[None]:
    """Says what Spark raises in one sentence.

    Args:
        what: what is done meanwhile, such as ``reading shop.customer``.
        dsns: connection strings, whose passwords are hidden.

    Raises:
        PgscoreError: Spark has failed.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        if any(each in str(error) for each in _NO_DRIVER):
            raise PgscoreError(
                f"{what} failed: Spark has no driver for PostgreSQL",
                "Start it with --jars /usr/share/java/postgresql.jar, or spark.jars in its configuration; Debian's"
                " package is libpostgresql-jdbc-java.",
            ) from None
        raise PgscoreError(f"{what} failed: {without_passwords(_cause(error), *dsns)}") from None


def _cause(error: Any) -> str:  # noqa: ANN401
    """The first line of what was the matter at the bottom of it."""
    thrown = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if thrown is not None:
        while thrown.getCause() is not None:
            thrown = thrown.getCause()
        lines = str(thrown.toString()).strip().splitlines() or lines
    # Python's own errors stand at the end of the worker's traceback, which is a part of the text.
    if any("Traceback (most recent call last)" in line for line in lines):
        lines = [line for line in lines if line.strip() and not line.startswith(("\t", " "))][-1:]
    return _CLASS_NAME.sub("", lines[0])
