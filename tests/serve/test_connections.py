"""Connections: certificates of callers, several processes, heads of requests that do not come."""

from __future__ import annotations

import datetime
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pgscore.command import run
from pgscore.serve import protocol

from .running import Running
from .test_rows import BUNDLE

_AUTHORITY, _OTHER = (
    x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("authority", "localhost")
)

_MISMATCH = "KEY_VALUES_MISMATCH"


class _Authority:
    """Signs certificates; files of a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._key, self._folder = ec.generate_private_key(ec.SECP256R1()), folder
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._signed(self._key, authority=True))

    def issue(self, name: str) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(self._signed(key, authority=False))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return str(certificate), str(secret)

    def _signed(self, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_AUTHORITY if authority else _OTHER)
            .issuer_name(_AUTHORITY)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> _Authority:
    return _Authority(tmp_path, "authority")


def _status(address: str, certificate: tuple[str, str] | None) -> int | None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate is not None:
        context.load_cert_chain(*certificate)
    try:
        return httpx.get(f"{address}/models", verify=context, timeout=30).status_code
    except httpx.HTTPError:
        return None


def test_callers_need_a_certificate_of_the_authority(authority: _Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("server")
    options = ("--tls-cert", certificate, "--tls-key", key, "--client-ca", authority.file)
    stranger = _Authority(tmp_path, "stranger").issue("other")
    with Running("--bundle", BUNDLE, *options) as service:
        service.wait("serves")
        assert _status(service.address, authority.issue("caller")) == 200
        assert [_status(service.address, each) for each in (None, stranger)] == [None, None]
        # Another certificate, without a restart.
        authority.issue("server")
        service.send(signal.SIGHUP)
        service.wait("reload")
        assert _status(service.address, authority.issue("caller")) == 200
        # Half of another one: the key is not there yet.
        former = Path(key).read_bytes()
        authority.issue("server")
        Path(key).write_bytes(former)
        service.send(signal.SIGHUP)
        refused = service.wait("reload", problem=f"{certificate} and {key} are no certificate and its key: {_MISMATCH}")
        assert refused
        assert _status(service.address, authority.issue("caller")) == 200
        assert service.end() == 0


def test_a_certificate_that_is_none_is_refused(
    authority: _Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (certificate, key), (_, other) = authority.issue("server"), authority.issue("other")
    none = tmp_path / "none.pem"
    none.write_text("nothing")
    for options, says in (
        (("--tls-cert", certificate, "--tls-key", other), f"are no certificate and its key: {_MISMATCH}"),
        (("--tls-cert", none, "--tls-key", key), "are no certificate and its key"),
        (("--tls-cert", certificate, "--tls-key", key, "--client-ca", none), "none.pem holds no certificate"),
    ):
        assert run(["serve", "--port", "0", "--bundle", str(BUNDLE), *map(str, options)]) == 1
        assert says in capsys.readouterr().err


@pytest.mark.long
def test_several_processes_count_together_and_end_together() -> None:
    with Running("--bundle", BUNDLE, "--workers", "2") as service:
        service.until_ready()
        for _ in range(20):
            assert httpx.get(f"{service.address}/models").status_code == 200
        text = service.client.get("/metrics").text
        assert 'pgscore_requests_total{model="",route="/models",status="200"} 20.0' in text
        assert service.end() == 0


def test_a_head_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    import uvicorn

    monkeypatch.setattr(protocol, "HEAD", 0.05)

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def slow() -> list[bytes]:
        config = uvicorn.Config(
            answer, port=0, http=protocol.Impatient, lifespan="off", log_config=None, timeout_keep_alive=1
        )
        server = uvicorn.Server(config)
        listening = socket.create_server(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        received = []
        for sent in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HT"):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(sent)
            received.append(await asyncio.wait_for(reader.read(), 30))
            writer.close()
        server.should_exit = True
        await serving
        return received

    nothing, begun, answered = asyncio.run(slow())
    assert (nothing, begun) == (b"", b"")
    assert answered.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "0.0.0.0"], "callers need no token"),  # noqa: S104
        (["--bundle", "b.json", "--model", "churn"], "either --bundle or --model"),
        (["--client-ca", "ca.pem"], "need TLS"),
        (["--tls-cert", "c.pem"], "its key"),
        (["--bundle", "/nowhere.json"], "cannot be read"),
        (["--bundle", str(BUNDLE), "--token-file", "/nowhere"], "/nowhere cannot be read"),
    ],
)
def test_what_it_does_not_begin_with(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGSCORE_SERVE_TOKEN", raising=False)
    assert run(["serve", "--port", "0", *arguments]) in (1, 2)
    assert says in capsys.readouterr().err
