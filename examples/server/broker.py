"""A private, throw-away Apache Kafka: one KRaft node, for the streams' demo, tests and benchmarks.

It stands in a temporary folder, listens on free ports of 127.0.0.1 without a password, and leaves nothing behind.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pgscore import PgscoreError

from .ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from confluent_kafka.admin import AdminClient

_FETCH = Path(__file__).resolve().parents[2] / "docker" / "kafka"
# Little memory and a quick start: what runs for minutes is not worth optimizing.
_JAVA = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"]
_START_TRIES = 5
_PATIENCE = 120.0
_ONCE = 0.05
_LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c: %m%n
"""


class BrokerError(PgscoreError):
    """The private broker cannot be made or started."""


class PrivateBroker:
    """A running private broker. Use it as a context manager, or call `start` and `stop`.

    Topics are not made by being written to: `create` makes them.

    Args:
        settings: further lines for server.properties.
        jars: the folder of Kafka's jars; without it that of PGSCORE_KAFKA, else what `docker/kafka` fetches.
        place: where its folder is made; without it, among the system's temporary files.

    Raises:
        BrokerError: there is no Java, or the broker does not start.
    """

    def __init__(
        self, settings: Mapping[str, str] | None = None, jars: Path | None = None, place: Path | None = None
    ) -> None:
        self._settings = dict(settings or {})
        self._jars = jars or _jars()
        self.directory = Path(tempfile.mkdtemp(prefix="pgscore-kafka-", dir=place))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> str:
        """What clients call bootstrap.servers."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that runs."""
        if self._process is None:
            raise BrokerError("the broker does not run")
        return self._process.pid

    def admin(self) -> AdminClient:
        """A client that makes topics, lists groups and the like."""
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.servers, "log_level": 0})

    def create(self, topic: str, partitions: int = 1, **settings: str) -> None:
        """Makes a topic; its settings have underscores for dots: `cleanup_policy="compact"`."""
        from confluent_kafka.cimpl import NewTopic

        config = {name.replace("_", "."): value for name, value in settings.items()}
        admin = self.admin()
        made = admin.create_topics([NewTopic(topic, partitions, 1, config=config)])
        made[topic].result(_PATIENCE)
        # Answered by the controller; the broker itself may know it a moment later.
        deadline = time.monotonic() + _PATIENCE
        while topic not in admin.list_topics(timeout=_PATIENCE).topics:
            if time.monotonic() > deadline:
                raise BrokerError(f"topic {topic} was made, and does not appear")
            time.sleep(_ONCE)

    def start(self) -> Self:
        """Makes the node and starts it; an interrupted or failed start leaves nothing behind."""
        try:
            (self.directory / "log4j2.properties").write_text(_LOGGING)
            self._configure()
            identifier = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            format_arguments = ["format", "-t", identifier, "-c", str(self.directory / "server.properties")]
            self._run(self._command("kafka.tools.StorageTool", *format_arguments)).wait()
            for attempt in range(_START_TRIES):
                try:
                    self._go()
                except BrokerError:
                    # Another program may have taken a port meanwhile.
                    if attempt == _START_TRIES - 1 or "Address already in use" not in self.log_end():
                        raise
                    self._configure()
                else:
                    return self
        except BaseException:
            self.stop()
            raise
        raise AssertionError

    def kill(self) -> None:
        """Kills it, as kill -9 does; what it has stays, for `restart`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Starts it again on the same ports, after `kill` or instead of it."""
        self.kill()
        self._go()

    def stop(self) -> None:
        """Stops it and removes its folder."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_end(self) -> str:
        """The end of what it said."""
        log = self.directory / "log"
        return log.read_text(errors="replace").strip()[-1000:] if log.exists() else "(nothing)"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _configure(self) -> None:
        self.port, controller = free_ports(2)
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.servers},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.servers}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.directory / "data"),
            "auto.create.topics.enable": "false",
            # One node has no replicas.
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # Small and quick.
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "4",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "log.cleaner.dedupe.buffer.size": "4194304",
            "group.initial.rebalance.delay.ms": "0",
            # After kill -9 it is taken for another one of its number until this has passed.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            # Tests want a dead member to be missed soon.
            "group.min.session.timeout.ms": "500",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            **self._settings,
        }
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        (self.directory / "server.properties").write_text(lines)

    def _command(self, program: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}"
        return [*_JAVA, logging, "-cp", f"{self._jars}/*", program, *arguments]

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.directory / "log").open("ab") as log:
            try:
                return subprocess.Popen(  # noqa: S603  a session of its own: Ctrl-C is for whoever started it
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            except FileNotFoundError:
                raise BrokerError("there is no java on PATH", "Install Java 17 or newer.") from None

    def _go(self) -> None:
        self._process = self._run(self._command("kafka.Kafka", str(self.directory / "server.properties")))
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None:
                raise BrokerError(f"the broker does not start; its log ends: {self.log_end()}")
            if time.monotonic() > deadline:
                raise BrokerError(f"the broker does not answer after {_PATIENCE:.0f} s: {self.log_end()}")
            time.sleep(_ONCE)

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException

        # Before anybody listens, a client would wait longer and longer between its tries.
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        try:
            return bool(self.admin().list_topics(timeout=1).brokers)
        except KafkaException:
            return False


def _jars() -> Path:
    named = os.environ.get("PGSCORE_KAFKA")
    if named:
        return Path(named)
    try:
        done = subprocess.run([str(_FETCH)], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise BrokerError(f"Apache Kafka cannot be fetched: {error}") from None
    return Path(done.stdout.strip())
