"""Who may call: whoever shows one of the tokens. Certificates of callers are TLS's own matter."""

from __future__ import annotations

import hashlib
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING

from pgscore.errors import PgscoreError

from .problems import Problem

if TYPE_CHECKING:
    from .answers import Scope
    from .settings import Settings

_SHORTEST = 16


class Callers:
    """The tokens that are good; kept as hashes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hashes: tuple[bytes, ...] = ()
        self.load()

    def load(self) -> None:
        """Reads the tokens, anew where they were read before.

        Raises:
            PgscoreError: the file cannot be read, holds none, or one that is easily guessed.
        """
        tokens = [self._settings.token] if self._settings.token else []
        if self._settings.token_file is not None:
            try:
                lines = self._settings.token_file.read_text("ascii").splitlines()
            except OSError as error:
                raise PgscoreError(f"{self._settings.token_file} cannot be read: {error.strerror}") from None
            except UnicodeDecodeError:
                raise PgscoreError(f"{self._settings.token_file} holds no token: a token is ASCII") from None
            tokens += [line.strip() for line in lines if line.strip()]
            if not tokens:
                raise PgscoreError(f"{self._settings.token_file} holds no token", "One a line: openssl rand -hex 32")
        if any(len(token) < _SHORTEST for token in tokens):
            raise PgscoreError(
                f"a token has fewer than {_SHORTEST} characters, which is easily guessed", "openssl rand -hex 32"
            )
        self._hashes = tuple(hashlib.sha256(token.encode()).digest() for token in tokens)

    def check(self, scope: Scope) -> None:
        """Returns where the caller may call.

        Raises:
            Problem: it may not.
        """
        if not self._hashes:
            return
        shown = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, token = value.partition(b" ")
                if scheme.lower() == b"bearer":
                    shown = token.strip()
        if shown is not None:
            # Of hashes of one length, and all of them: the time says nothing of the token.
            given = hashlib.sha256(shown).digest()
            if sum([hmac.compare_digest(given, each) for each in self._hashes]):
                return
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "no-token",
            "a token is wanted: Authorization: Bearer TOKEN" if shown is None else "the token is none that is known",
            headers=[(b"www-authenticate", b"Bearer")],
        )
