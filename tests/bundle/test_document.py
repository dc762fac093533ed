"""Bundles as documents: their schema, and the text that is hashed."""

from __future__ import annotations

import hashlib
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pgscore.bundle.canonical import canonical, number_text
from referencing import Registry, Resource

from tests.support.migrate import ROOT

from .samples import SAMPLES

_SCHEMAS = {
    name: json.loads((ROOT / "docs" / f"{name}.schema.json").read_text()) for name in ("bundle", "program", "reducers")
}
_VALIDATOR = jsonschema.Draft202012Validator(
    _SCHEMAS["bundle"],
    registry=Registry().with_resources((each["$id"], Resource.from_contents(each)) for each in _SCHEMAS.values()),
)
# RFC 8785, appendix B.
_NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_what_the_schema_says(name: str) -> None:
    _VALIDATOR.validate(json.loads(SAMPLES[name].read_text()))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_hash_is_of_the_canonical_text_without_the_seal(name: str) -> None:
    text = SAMPLES[name].read_text()
    document = json.loads(text)
    assert canonical(document) == text
    stated = {field: value for field, value in document.items() if field not in ("sha256", "signature")}
    assert hashlib.sha256(canonical(stated).encode()).hexdigest() == document["sha256"]
    # As docs/bundle.md says of the file itself.
    cut = text[: text.rindex('"sha256":')] + f'"version":{document["version"]}}}'
    assert hashlib.sha256(cut.encode()).hexdigest() == document["sha256"]


@pytest.mark.parametrize("bits", _NUMBERS)
def test_numbers_are_written_as_the_rfc_has_them(bits: str) -> None:
    import struct

    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert number_text(value) == _NUMBERS[bits]
    assert canonical([value]) == f"[{_NUMBERS[bits]}]"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(value: float) -> None:
    written = number_text(value)
    assert float(written) == value
    assert canonical([value]) == f"[{written}]"
    digits = repr(value).partition("e")[0].removesuffix(".0").replace(".", "").strip("-0")
    assert digits in written.replace(".", "")
