"""Fetching a version out of a database, to evaluate it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgscore_runtime.contract import parse_contract
from pgscore_runtime.errors import Refusal

from pgscore.database import row, rows, transaction
from pgscore.errors import DeniedError, NotFoundError, PgscoreError, refusal
from pgscore.keys import PublicKey, read_public_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Contract
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.database import Database

_TRUST_HINT = (
    "If its holder may run code here, name the key: trusted=['key.pem.pub'], the public half that"
    " `pgscore keys generate` has written."
)


@dataclass(frozen=True)
class FetchedVersion:
    """A version as data, to be sent to where it is evaluated.

    Attributes:
        model: the model's name.
        version: its number.
        contract: its JSON.
        program: its JSON, or None for a version that is none.
        artifact: the bytes of a version that is no program, whose signature a trusted key has made; else None.
        signature: that signature.
        key_id: the key's.
        confirmed: types that a skops artifact may make, as an operator has confirmed.
        trusted: raw public keys by key id, as whoever fetched it named them.
    """

    model: str
    version: int
    contract: str
    program: str | None
    artifact: bytes | None = field(default=None, repr=False)
    signature: bytes | None = None
    key_id: str | None = None
    confirmed: tuple[str, ...] = ()
    trusted: dict[str, bytes] = field(default_factory=dict)

    def parsed_contract(self) -> Contract:
        """The contract.

        Raises:
            PgscoreError: it is malformed.
        """
        try:
            return parse_contract(self.contract)
        except Refusal as error:
            raise as_error(error) from None

    def check(self) -> None:
        """Returns where the artifact may be unpickled; nothing of it has been by then.

        Raises:
            PgscoreError: its signature is none, or of no trusted key, or does not cover artifact and contract; or
                scikit-learn here is another than the model was fitted with.
        """
        import hashlib

        from pgscore_runtime.artifact import check_libraries
        from pgscore_runtime.signature import check_signature

        contract = self.parsed_contract()
        name = f"version {self.version} of model {self.model}"
        if self.key_id is None:
            raise DeniedError(
                f"{name} is no program and carries no signature, and unpickling it could run any code",
                "Publish it again with `pgscore publish --key`, made by `pgscore keys generate`.",
            )
        if self.key_id not in self.trusted:
            raise DeniedError(
                f"{name} is no program: it would have to be unpickled, which runs code, and its key {self.key_id} is"
                " none that you trust",
                _TRUST_HINT,
            )
        try:
            sha256 = hashlib.sha256(self.artifact or b"").hexdigest()
            check_signature(contract.signed_message(sha256), self.signature, self.key_id, self.trusted)
            check_libraries(contract.libraries)
        except Refusal as error:
            raise as_error(error, name) from None


def fetch_version(
    database: Database, model: str, version: int | None = None, trusted: Sequence[PublicKey | Path | str] = ()
) -> FetchedVersion:
    """Fetches a version's program; where it is none, its artifact, if a key signed it that the caller trusts.

    Args:
        database: a connection string, an SQLAlchemy engine on psycopg2, or a connection of psycopg2.
        model: the model's name.
        version: the version's number; None: the one that answers.
        trusted: public keys, or their files, whose holders may have this process run their code.

    Raises:
        NotFoundError: there is no such model or version.
        DeniedError: the version is no program, and you trust no key that signed it, or may not read artifacts.
        PgscoreError: no version is promoted, or the artifact is gone.
    """
    named = [trusted] if isinstance(trusted, PublicKey | Path | str) else trusted
    keys = {key.key_id: key.raw for key in map(_key, named)}
    with transaction(database) as connection:
        found = _found(connection, model, version)
        programs = rows(
            connection,
            "select program::text from pgscore.program where model = %s and version = %s",
            (model, found["version"]),
        )
        if programs:
            return FetchedVersion(model, found["version"], found["contract"], programs[0]["program"])
        fetched = FetchedVersion(
            model,
            found["version"],
            found["contract"],
            None,
            _artifact(connection, model, found["version"], found["size"]) if found["key_id"] in keys else None,
            None if found["signature"] is None else bytes(found["signature"]),
            found["key_id"],
            tuple(found["confirmed"]),
            keys,
        )
    fetched.check()
    return fetched


def as_error(error: Refusal, name: str | None = None) -> PgscoreError:
    """What the runtime refuses, as the error that the rest of pgscore raises."""
    message = error.message if name is None else f"{name} cannot be loaded: {error.message}"
    return refusal(message, error.hint, error.sqlstate)


def _key(given: PublicKey | Path | str) -> PublicKey:
    return given if isinstance(given, PublicKey) else read_public_key(Path(given))


def read_serving(connection: Connection, model: str) -> tuple[int, Contract]:
    """The version that answers, and its contract.

    Raises:
        NotFoundError: there is no such model.
        PgscoreError: no version is promoted.
    """
    found = _found(connection, model, None)
    try:
        return found["version"], parse_contract(found["contract"])
    except Refusal as error:
        raise as_error(error) from None


def find_serving(connection: Connection, model: str) -> tuple[int, Contract] | None:
    """The version that answers, and its contract; None where none does yet.

    Raises:
        NotFoundError: there is no such model.
    """
    known = rows(connection, "select m.serving from pgscore.model m where m.name = %s", (model,))
    return None if known and known[0]["serving"] is None else read_serving(connection, model)


def _found(connection: Connection, model: str, version: int | None) -> dict[str, Any]:
    found = rows(
        connection,
        "select m.name, v.version, v.contract::text as contract, v.size, v.signature, v.key_id,"
        " array(select c.type from pgscore.confirmed_type c"
        " where c.model = v.model and c.version = v.version order by 1) as confirmed"
        " from pgscore.model m"
        " left join pgscore.model_version v on v.model = m.name and v.version = coalesce(%s, m.serving)"
        " where m.name = %s",
        (version, model),
    )
    if not found:
        raise NotFoundError(f"model {model!r} is unknown", "`pgscore list` shows the models.")
    if found[0]["version"] is None and version is not None:
        raise NotFoundError(f"model {model!r} has no version {version}", f"`pgscore show {model}` lists its versions.")
    if found[0]["version"] is None:
        raise PgscoreError(
            f"model {model!r} has no promoted version", f"An operator runs `pgscore promote {model} VERSION`."
        )
    return found[0]


def _artifact(connection: Connection, model: str, version: int, size: int) -> bytes:
    rights = row(
        connection,
        "select has_table_privilege('pgscore.artifact_chunk', 'select') as may, quote_ident(current_user) as caller",
    )
    if not rights["may"]:
        raise DeniedError(
            f"version {version} of model {model} is no program, and {rights['caller']} may not read artifacts",
            "They may hold what a model learnt about people, so nobody may unless told otherwise:"
            f" grant select on pgscore.artifact_chunk to {rights['caller']}",
        )
    pieces = rows(
        connection,
        "select content from pgscore.artifact_chunk where model = %s and version = %s order by ordinal",
        (model, version),
    )
    content = b"".join(bytes(piece["content"]) for piece in pieces)
    if len(content) != size:
        raise PgscoreError(
            f"the artifact of version {version} of model {model} is not all there: it was pruned",
            "Promote another version, or publish it again.",
        )
    return content
