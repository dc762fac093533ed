"""`pgscore keys generate`, `trust`, `list` and `revoke`."""

from __future__ import annotations

from dataclasses import asdict, astuple
from pathlib import Path
from typing import Annotated

import typer

from pgscore.errors import PgscoreError
from pgscore.keys import generate_key, read_public_key, revoke_key, trust_key, trusted_keys

from .app import Dsn, Json, command, keys
from .output import print_json, say, table


@command(keys, "generate", "pgscore keys generate me.pem", "pgscore keys generate ~/.config/pgscore.pem --json")
def generate(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", show_default=False, help="Where the private key goes; PATH.pub is the public."),
    ],
    as_json: Json = False,
) -> None:
    """Makes a key pair to sign artifacts with.

    An existing file is never overwritten.
    """
    made = generate_key(path)
    public = path.with_name(f"{path.name}.pub")
    if as_json:
        print_json({"key_id": made.key_id, "private": path, "public": public})
        return
    say(
        f"key {made.key_id}: the private one is {path}, the public one {public}",
        "Who has the private key can run code on servers that trust it: keep it to yourself.",
        f"next: a superuser runs pgscore keys trust {public} --holder NAME",
    )


@command(
    keys,
    "trust",
    "pgscore keys trust me.pem.pub --holder 'Ada, data science'",
    "pgscore keys trust me.pem.pub --holder ada --dsn postgresql://postgres@db/shop",
)
def trust(
    public_key: Annotated[
        Path, typer.Argument(metavar="PUBKEY", show_default=False, help="The public key's file, in PEM.")
    ],
    holder: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="Who holds the private key, for the record.")
    ],
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Has a database unpickle what a key signs.

    Only a superuser may: the key's holder can from then on run code as the server's user.
    """
    key = read_public_key(public_key)
    trust_key(dsn, key, holder)
    stands = next(each for each in trusted_keys(dsn) if each.key_id == key.key_id)
    if stands.revoked_at is not None:
        raise PgscoreError(
            f"key {key.key_id} of {stands.holder} was revoked, and stays so",
            "`pgscore keys generate` makes a new one.",
        )
    if as_json:
        print_json(asdict(stands))
    else:
        say(f"key {key.key_id} of {stands.holder} is trusted: what it signs is unpickled from now on.")


@command(keys, "list", "pgscore keys list", "pgscore keys list --json")
def list_keys(dsn: Dsn = "", as_json: Json = False) -> None:
    """Lists the keys that a database trusts, or has trusted."""
    found = trusted_keys(dsn)
    if as_json:
        print_json([asdict(each) for each in found])
    elif not found:
        say("No key is trusted.", "next: pgscore keys generate PATH")
    else:
        heads = ("key", "holder", "trusted", "by", "revoked", "versions")
        table(heads, (list(astuple(each)) for each in found))


@command(
    keys,
    "revoke",
    "pgscore keys revoke 0123456789abcdef",
    "pgscore keys revoke 0123456789abcdef --json --dsn postgresql://postgres@db/shop",
)
def revoke(
    key_id: Annotated[
        str, typer.Argument(metavar="KEY", show_default=False, help="The key, as `pgscore keys list` shows it.")
    ],
    dsn: Dsn = "",
    as_json: Json = False,
) -> None:
    """Has a database load nothing more that a key signed.

    Says which versions that hits. Only a superuser may. Connections that have loaded such a version keep it until they
    end.
    """
    hit = revoke_key(dsn, key_id)
    if as_json:
        print_json({"key_id": key_id, "versions": [asdict(each) for each in hit]})
        return
    say(f"key {key_id} is revoked: new connections load nothing that it signed.")
    if hit:
        table(
            ("model", "version", "serves"),
            ((v.model, v.version, "unpickled" if v.unpickled else "as a program" if v.serving else "") for v in hit),
        )
    if any(each.unpickled for each in hit):
        say(
            "What serves unpickled goes on in connections that have loaded it, until they end, and fails in new ones.",
            "next: pgscore publish MODEL FILE --key ANOTHER --promote, or pgscore rollback MODEL",
        )
