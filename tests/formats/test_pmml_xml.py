"""XML that is hostile, broken or of another encoding."""

from __future__ import annotations

import time

import pytest
from pgscore.errors import PgscoreError
from pgscore.readers.pmml import xml
from pgscore.readers.pmml.document import open_pmml

from tests.formats import fixtures

_PLAIN = fixtures.FOLDER.joinpath("pmml/regression_exp.pmml").read_bytes()
_BODY = _PLAIN[_PLAIN.index(b"<PMML") :]


def _with(head: str) -> bytes:
    return head.encode() + _BODY


@pytest.mark.parametrize(
    "content",
    [
        _with('<!DOCTYPE PMML [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>').replace(b'"a"', b'"&c;"'),
        _with('<!DOCTYPE PMML [<!ENTITY file SYSTEM "file:///etc/passwd">]>'),
        _with('<!DOCTYPE PMML SYSTEM "http://localhost:1/pmml.dtd">'),
        _with("<!DOCTYPE PMML>"),
    ],
)
def test_a_document_type_is_refused(content: bytes) -> None:
    with pytest.raises(PgscoreError, match="document type or entities"):
        open_pmml(content)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"not XML", b"\x00" * 1000, b"PK\x03\x04", _BODY[: len(_BODY) // 2],
        _BODY.replace(b"double", b"dou\x00ble"),
        _BODY.replace(b"double", b"dou\xffble"), _BODY + b"<PMML/>", _BODY.replace(b"</DataDictionary>", b""),
        b'<?xml version="1.0" encoding="UTF-16"?>' + _BODY, _with('<?xml version="1.0" encoding="cp037"?>'),
        _with('<?xml version="1.0" encoding="rot13"?>'), _with('<?xml version="1.0" encoding="no such thing"?>'),
        _BODY.replace(b'name="a"', b'name="&undefined;"'), _BODY.replace(b'name="a"', b'name="&#0;"'),
    ],
)  # fmt: skip
def test_what_is_no_xml_is_refused(content: bytes) -> None:
    with pytest.raises(PgscoreError, match="the file is no PMML"):
        open_pmml(content)


@pytest.mark.parametrize(
    "content",
    [
        _BODY, b"\xef\xbb\xbf" + _BODY, _BODY.decode().encode("utf-16"), b"\xef\xbb\xbf" + _PLAIN,
        ('<?xml version="1.0" encoding="UTF-16"?>' + _BODY.decode()).encode("utf-16"),
        _with('<?xml version="1.0" encoding="ISO-8859-1"?>'), _with('<?xml version="1.0" encoding="windows-1252"?>'),
        b"<!-- a comment --><?a word?>" + _BODY,
    ],
)  # fmt: skip
def test_encodings(content: bytes) -> None:
    assert [each.name for each in open_pmml(content).inputs] == ["a"]


def test_names_are_any_text() -> None:
    name = "\u0159\u00ed\u010dka \U0001f600"
    content = _BODY.replace(b'"a"', f'"{name}"'.encode())
    assert [each.name for each in open_pmml(content).inputs] == [name]
    latin = ('<?xml version="1.0" encoding="ISO-8859-1"?>' + _BODY.decode().replace('"a"', '"\xe9"')).encode("latin-1")
    assert [each.name for each in open_pmml(latin).inputs] == ["\xe9"]


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ('xmlns="http://www.dmg.org/PMML-3_2" version="3.2"', "3.2"),
        ('xmlns="http://www.dmg.org/PMML-4_5" version="4.5"', "4.5"),
        ('xmlns="http://www.dmg.org/PMML-4_4" version="5.0"', "5.0"),
        ('xmlns="http://example.org" version="4.4"', "4.4"),
        ('version="4.4"', "4.4"), ('xmlns="http://www.dmg.org/PMML-4_4"', "PMML-4_4"),
    ],
)  # fmt: skip
def test_other_versions_are_refused(found: str, named: str) -> None:
    content = _BODY.replace(b'xmlns="http://www.dmg.org/PMML-4_0" version="4.0"', found.encode())
    with pytest.raises(PgscoreError, match=f"version '.*{named}', and versions 4.0 to 4.4 are read"):
        open_pmml(content)


@pytest.mark.parametrize("version", ["4_0", "4_1", "4_2", "4_3", "4_4"])
def test_versions_that_are_read(version: str) -> None:
    named = version.replace("_", ".")
    content = _BODY.replace(b"PMML-4_0", f"PMML-{version}".encode()).replace(b'"4.0"', f'"{named}"'.encode())
    assert open_pmml(content).libraries == {"pmml": named}


def test_depth_is_bounded() -> None:
    deep = b"<Apply function='+'>" * 100_000
    with pytest.raises(PgscoreError, match="more than 1,000 elements inside of each other"):
        open_pmml(_BODY.replace(b"</Header>", b"</Header>" + deep))
    extensions = b"<Extension>" * 100_000
    with pytest.raises(PgscoreError, match="more than 1,000 elements inside of each other"):
        open_pmml(_BODY.replace(b"</Header>", extensions + b"</Header>"))


def test_expressions_as_deep_as_a_file_may_be_are_read_or_refused() -> None:
    deep = b"<Apply function='exp'>" * 900 + b"<FieldRef field='a'/>" + b"</Apply>" * 900
    derived = b"<TransformationDictionary><DerivedField name='x' optype='continuous' dataType='double'>" + deep
    content = _BODY.replace(
        b"<RegressionModel", derived + b"</DerivedField></TransformationDictionary><RegressionModel"
    )
    with pytest.raises(PgscoreError):
        open_pmml(content.replace(b'NumericPredictor name="a"', b'NumericPredictor name="x"'))


def test_attributes_and_elements_and_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = " ".join(f'a{n}="1"' for n in range(300)).encode()
    with pytest.raises(PgscoreError, match="more than 200 attributes"):
        open_pmml(_BODY.replace(b"<Header>", b"<Header " + flood + b">"))
    monkeypatch.setitem(xml.LIMITS, "elements", 100)
    with pytest.raises(PgscoreError, match="more than 100 elements"):
        open_pmml(_BODY.replace(b"<Header>", b"<Header>" + b"<Annotation/>" * 100))
    monkeypatch.setitem(xml.LIMITS, "bytes of a text", 100)
    with pytest.raises(PgscoreError, match="more than 100 bytes of a text"):
        open_pmml(_BODY.replace(b"<Header>", b"<Header>" + b"x" * 101))
    monkeypatch.setitem(xml.LIMITS, "bytes", 100)
    with pytest.raises(PgscoreError, match="more than 100 bytes"):
        open_pmml(_BODY)


def test_paths_of_many_elements_take_no_long() -> None:
    values = "".join(f'<Value value="{n}"/>' for n in range(20_000)) + '<Value value="x" property="odd"/>'
    content = _BODY.replace(b'dataType="double"></DataField>', f'dataType="double">{values}</DataField>'.encode(), 1)
    begun = time.monotonic()
    with pytest.raises(PgscoreError, match=r"/PMML/DataDictionary/DataField\[1\]/Value\[20001\]"):
        open_pmml(content)
    assert time.monotonic() - begun < 5
