"""The contract, its bytes, and who signed them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from pgscore.errors import PgscoreError
from pgscore.keys import generate_key, read_public_key, sign
from pgscore_runtime.contract import Characteristic, Contract, Input, Output, ReasonCodes, parse_contract
from pgscore_runtime.errors import Refusal
from pgscore_runtime.signature import check_signature

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = Contract(
    format="joblib",
    inputs=(Input("größe", "double precision", nullable=False), Input("state", "text", nullable=True)),
    frame=True,
    missing_text="nan",
    output=Output("probability", ("no", "yes"), 1),
    libraries={"scikit-learn": "1.9.1"},
)
_SHA256 = "0" * 64
_PART = {"partial": 3, "baseline": 1.0, "by": None, "keys": [], "codes": ["A"]}


def test_json_there_and_back() -> None:
    assert parse_contract(CONTRACT.to_json()) == CONTRACT


def test_reason_codes_survive_the_database() -> None:
    """Which writes 1e22 without a point, and -0.0 without a sign."""
    parts = (Characteristic(3, 1e22, 4, (-1.5, 1e22), ("A", "\u00c4")), Characteristic(5, 0.5, None, (), ("A",)))
    contract = replace(CONTRACT, reason_codes=ReasonCodes("pointsBelow", parts))
    stored = contract.to_json().replace("1e+22", "10000000000000000000000")
    assert stored != contract.to_json()
    assert parse_contract(stored) == contract
    assert parse_contract(stored).to_json() == contract.to_json()
    assert "reason_codes" not in CONTRACT.to_json()


def test_bytes_do_not_depend_on_the_order_or_blanks_of_json() -> None:
    shuffled = json.dumps(dict(reversed(json.loads(CONTRACT.to_json()).items())), indent=4)
    assert parse_contract(shuffled).signed_message(_SHA256) == CONTRACT.signed_message(_SHA256)


@given(st.text(min_size=1), st.booleans())
def test_any_name_survives(name: str, nullable: bool) -> None:
    contract = replace(CONTRACT, inputs=(Input(name, "text", nullable),))
    assert parse_contract(contract.to_json()) == contract


def test_digest_names_artifact_and_contract() -> None:
    other = replace(CONTRACT, frame=False)
    assert len({CONTRACT.digest(_SHA256), CONTRACT.digest("1" * 64), other.digest(_SHA256)}) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": None}, "the contract is malformed"),
        ({"inputs": [{"name": "a", "type": "integer", "nullable": False}]}, "input 'a' has type 'integer'"),
        ({"missing_text": "maybe"}, "missing_text is 'maybe'"),
        ({"output": {"kind": "guess", "classes": [], "positive": None}}, "output.kind is 'guess'"),
        ({"output": {"kind": "value", "classes": [], "positive": 1}}, "output.positive goes with a classifier"),
        ({"output": {"kind": "probability", "classes": [], "positive": None}}, "positive goes with a classifier"),
        ({"output": {"kind": "probability", "classes": ["a"], "positive": 1}}, "no position in output.classes"),
        ({"output": {"kind": "probability", "classes": ["a"], "positive": True}}, "no position in output.classes"),
        ({"libraries": []}, "the contract is malformed"),
        ({"reason_codes": []}, "the contract is malformed"),
        ({"reason_codes": {"algorithm": "points", "characteristics": []}}, "reason_codes.algorithm is 'points'"),
        ({"reason_codes": {"algorithm": "pointsAbove", "characteristics": [_PART | {"codes": []}]}}, "other codes"),
        ({"reason_codes": {"algorithm": "pointsAbove", "characteristics": [_PART | {"codes": [1]}]}}, "other codes"),
        ({"reason_codes": {"algorithm": "pointsAbove", "characteristics": [_PART | {"by": True}]}}, "no register"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal, match=message):
        parse_contract(json.dumps({**json.loads(CONTRACT.to_json()), **change}))


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", "null"])
def test_what_is_no_contract_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="the contract is"):
        parse_contract(text)


def test_a_signature_covers_artifact_and_contract(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    public = generate_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_public_key(path.with_name("key.pem.pub")) == public
    made = sign(CONTRACT, _SHA256, path)
    trusted = {public.key_id: public.raw}
    check_signature(CONTRACT.signed_message(_SHA256), made.value, made.key_id, trusted)
    for message in (CONTRACT.signed_message("1" * 64), replace(CONTRACT, frame=False).signed_message(_SHA256)):
        with pytest.raises(Refusal, match="does not cover this artifact and contract"):
            check_signature(message, made.value, made.key_id, trusted)
    message = CONTRACT.signed_message(_SHA256)
    with pytest.raises(Refusal, match="does not cover"):
        check_signature(message, made.value[:-1], made.key_id, trusted)
    with pytest.raises(Refusal, match="which this database does not trust"):
        check_signature(message, made.value, made.key_id, {})
    for signature, key_id in ((None, None), (made.value, None), (None, made.key_id)):
        with pytest.raises(Refusal, match="carries no signature"):
            check_signature(message, signature, key_id, trusted)


def test_another_key_under_the_same_name_is_refused() -> None:
    private = Ed25519PrivateKey.generate()
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    message = CONTRACT.signed_message(_SHA256)
    with pytest.raises(Refusal, match="does not cover"):
        check_signature(message, private.sign(message), "k", {"k": other})
    with pytest.raises(Refusal, match="does not cover"):
        check_signature(message, private.sign(message), "k", {"k": b"short"})


def test_keys_are_never_overwritten_and_never_confused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    public = generate_key(path)
    assert public.key_id == hashlib.sha256(public.raw).hexdigest()[:16]
    before = path.read_bytes()
    with pytest.raises(PgscoreError, match="a private key is never overwritten"):
        generate_key(path)
    assert path.read_bytes() == before
    with pytest.raises(PgscoreError, match="is a private key: trust the public one"):
        read_public_key(path)
    with pytest.raises(PgscoreError, match="is no Ed25519 private key"):
        sign(CONTRACT, _SHA256, path.with_name("key.pem.pub"))
