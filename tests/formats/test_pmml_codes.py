"""Reason codes of PMML scorecards: read, and in the database those that jpmml-evaluator gives."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pgscore
import psycopg2
import pytest
from pgscore.command import run
from pgscore.errors import NotAProgramError, PgscoreError
from pgscore.readers import read_program
from pgscore.readers.pmml.document import open_pmml

from tests.support.database import ANALYST, NOBODY, OPERATOR, SCIENTIST

from . import fixtures, pmml_codes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgscore_runtime.contract import ReasonCodes

    from tests.support.database import Database, Session

_PATHS = [path for path in fixtures.paths("pmml") if path.stem.startswith("codes_")]
_ABOVE, _BELOW = (fixtures.FOLDER / "pmml" / f"codes_{name}.pmml" for name in ("above", "below"))
_KINDS: dict[str, Callable[[str], Any]] = {
    "age": float, "debts": float, "home": str, "member": lambda text: text == "true",
}  # fmt: skip
# The evaluator's order; its points by hand, from the document.
_ROW = {"age": 30, "debts": 0, "home": "own", "member": True}
_POINTS = [(1, "AGE", 20.0), (2, "HOME", 17.5), (3, "DEBTS", 16.0)]


def _payload(row: dict[str, str | None]) -> str:
    return json.dumps({name: None if value is None else _KINDS[name](value) for name, value in row.items()})


def _refusal(session: Session, statement: str, *values: object) -> str:
    """What the database says against a statement; nothing where it has nothing against it."""
    try:
        session.run(statement, *values)
    except psycopg2.Error as error:
        return str(error)
    return ""


def _codes(text: str, output: str | None = None) -> ReasonCodes | None:
    document = open_pmml(text.encode(), output)
    return read_program(document, fixtures.contract_of(document, "pmml")).reason_codes


def _publish(database: Database, path: Path, name: str, **options: Any) -> pgscore.Published:  # noqa: ANN401
    golden, expect = path.with_suffix(".csv"), ["expected:value"]
    return pgscore.publish(database.dsn(), name, path, golden=golden, expect=expect, **options)


@cache
def _given(database: Database, path: Path) -> pgscore.Published:
    """A file as version 1 of a model of its name, for all tests."""
    return _publish(database, path, path.stem)


@pytest.mark.parametrize("path", _PATHS, ids=[path.stem for path in _PATHS])
def test_codes_are_those_of_the_evaluator(shared: Database, path: Path) -> None:
    """In its order, for each row; for those without a score, none."""
    published, fixture = _given(shared, path), fixtures.read_fixture(path)
    assert all(each.ok for each in published.verifications)
    assert {each.engine for each in published.verifications} >= {"sql", "interpreter"}
    analyst = shared.session(ANALYST)
    for row, wanted in zip(fixture.rows, fixture.reasons, strict=True):
        found = analyst.run("select rank, code from pgscore.reason_codes(%s, %s::jsonb, 1)", path.stem, _payload(row))
        assert found == list(enumerate(wanted, 1)), row


def test_a_row_has_codes_in_every_form(shared: Database) -> None:
    _given(shared, _ABOVE)
    session = shared.session(ANALYST)
    row = "(select 30::float8 as age, 0 as debts, 'own'::text as home, true as member, 'x'::text as other) p"
    for given in ("p, 1", "to_jsonb(p), 1", "p, version => 1, most => 9"):
        found = session.run(f"select c.* from {row}, pgscore.reason_codes('codes_above', {given}) c")
        assert found == _POINTS
    assert session.run(f"select c.* from {row}, pgscore.reason_codes('codes_above', p, 1, most => 1) c") == _POINTS[:1]
    assert session.run("select * from pgscore.reason_codes('codes_above', null::jsonb, 1)") == []


def test_the_command_shows_codes(shared: Database, capsys: pytest.CaptureFixture[str]) -> None:
    _given(shared, _ABOVE)
    dsn, given = shared.dsn(ANALYST), json.dumps(_ROW)
    assert run(["explain", "codes_above", "--version", "1", "--row", given, "--dsn", dsn]) == 0
    assert capsys.readouterr().out.split()[-9:] == ["1", "AGE", "20", "2", "HOME", "17.5", "3", "DEBTS", "16"]
    assert run(["explain", "codes_above", "--version", "1", "--row", given, "--json", "--dsn", dsn]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(each["rank"], each["code"], each["points"]) for each in told["codes"]] == _POINTS
    assert run(["show", "codes_above", "--dsn", dsn]) == 0
    assert "it has reason codes, by pointsAbove of 4 characteristics" in capsys.readouterr().out
    found = pgscore.reason_codes(dsn, "codes_above", values=_ROW, version=1, most=2)
    assert [(each.rank, each.code, each.points) for each in found] == _POINTS[:2]


def test_what_is_no_sum_of_its_inputs_has_codes_all_the_same(
    shared: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    _given(shared, _BELOW)
    arguments = ["explain", "codes_below", "--version", "1", "--row", json.dumps(_ROW), "--dsn", shared.dsn(ANALYST)]
    assert run(arguments) == 0
    said = capsys.readouterr().out
    assert "DEBTS" in said
    assert "cannot be explained" in said
    assert run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["codes"][0]["code"] == "DEBTS"


def test_a_version_without_codes_says_so(shared: Database, capsys: pytest.CaptureFixture[str]) -> None:
    _given(shared, fixtures.FOLDER / "pmml" / "trees_tree_regressor.pmml")
    session = shared.session(ANALYST)
    assert "has no reason codes" in _refusal(
        session, "select * from pgscore.reason_codes('trees_tree_regressor', '{}'::jsonb, 1)"
    )
    assert "has no version 7" in _refusal(
        session, "select * from pgscore.reason_codes('trees_tree_regressor', '{}'::jsonb, 7)"
    )
    with pytest.raises(PgscoreError, match="has no reason codes"):
        pgscore.reason_codes(shared.dsn(), "trees_tree_regressor", values={}, version=1)
    assert run(["explain", "trees_tree_regressor", "--version", "1", "--row", "{}", "--dsn", shared.dsn(ANALYST)]) == 1
    assert "reason code" not in capsys.readouterr().out


def test_codes_need_the_rights_of_a_reader(shared: Database) -> None:
    _given(shared, _ABOVE)
    asked = "select * from pgscore.reason_codes('codes_above', '{}'::jsonb, 1)"
    assert "permission denied" in _refusal(shared.session(NOBODY), asked)
    assert "permission denied" in _refusal(shared.session(ANALYST), "select pgscore._create_coder('codes_above', 1)")


def test_pruning_takes_the_function_away_and_publishing_brings_it_back(shared: Database) -> None:
    _publish(shared, _ABOVE, "codes_pruned")
    session = shared.session()
    session.run("select pgscore.retire('codes_pruned', 1)")
    session.run("select pgscore.prune('codes_pruned')")
    asked = "select * from pgscore.reason_codes('codes_pruned', %s::jsonb, 1)"
    assert session.value("select to_regprocedure('pgscore_models.\"_codes_pruned 1c\"(float8[],text[])') is null")
    assert "was pruned" in _refusal(session, asked, json.dumps(_ROW))
    _publish(shared, _ABOVE, "codes_pruned")
    assert session.run(asked, json.dumps(_ROW)) == _POINTS


_HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "null": (lambda _: None, "reason_codes is null"),
    "a list": (lambda _: [1], "is a list"),
    "a field too many": (lambda codes: {**codes, "sql": "select 1"}, 'has a field "sql"'),
    "an algorithm": (lambda codes: {**codes, "algorithm": "pointsaround"}, '"pointsAbove" or "pointsBelow"'),
    "no characteristics": (lambda codes: {**codes, "characteristics": []}, "has 0 members"),
    "many": (lambda codes: {**codes, "characteristics": [codes["characteristics"][1]] * 1001}, "has 1001 members"),
    "nested": (lambda codes: {**codes, "characteristics": [[[[]]]]}, "is a list, and an object"),
    "large": (lambda codes: _first(codes, codes=["x" * 1000] * 2100, keys=list(range(2100))), "larger than 2 MB"),
    "a long code": (lambda codes: _first(codes, codes=["x" * 1001]), "a text of at most 1,000 bytes"),
    "a number for a code": (lambda codes: _first(codes, codes=[7]), "codes[0] is 7"),
    "an escape": (lambda codes: _first(codes, codes=["\x1b[2J", "b", "c"]), "without control characters"),
    "a newline": (lambda codes: _first(codes, codes=["a", "b\n", "c"]), "codes[1]"),
    "fewer codes": (lambda codes: _first(codes, codes=["a"]), "codes has 1 members"),
    "keys that repeat": (lambda codes: _first(codes, keys=[1, 1, 2]), "sorted and unique"),
    "a key past doubles": (lambda codes: _first(codes, keys=[1, 2, 10**400]), "a finite number is wanted"),
    "a baseline past doubles": (lambda codes: _first(codes, baseline=10**400), "baseline is"),
    "a text as baseline": (lambda codes: _first(codes, baseline="0); drop"), "baseline is"),
    "a register that is none": (lambda codes: _first(codes, partial=99999), "and only registers 0 to"),
    "a negative register": (lambda codes: _first(codes, partial=-1), "partial is -1"),
    "half a register": (lambda codes: _first(codes, partial=1.5), "partial is 1.5"),
    "a register of texts": (lambda codes: _first(codes, by=2), "holds a text"),
    "a huge register": (lambda codes: _first(codes, by=2**40), "by is"),
    "keys of nothing": (lambda codes: _first(codes, by=None), "there is no register"),
}


def _first(whole: dict[str, Any], /, **given: Any) -> dict[str, Any]:  # noqa: ANN401
    """Reason codes whose first characteristic says something else."""
    first, *others = whole["characteristics"]
    return {**whole, "characteristics": [{**first, **given}, *others]}


def _send(session: Session, name: str, change: Callable[[dict[str, Any]], Any], *, program: bool = True) -> str:
    """Publishes a version of another one's parts with other reason codes; what is said against it."""
    (contract, document), *_ = session.run(
        "select v.contract, p.program from pgscore.model_version v join pgscore.program p using (model, version)"
        " where v.model = %s", name,
    )  # fmt: skip
    changed = json.dumps({**contract, "reason_codes": change(contract["reason_codes"])})
    golden = [{"inputs": dict.fromkeys(_KINDS), "expected": None, "outputs": None, "scale": 0}]
    call = "select pgscore._publish('codes_sent', %s, %s, 1, 'pmml', %s::jsonb, null, null, '{}', %s::jsonb, %s::jsonb)"
    sent = (hashlib.sha256(changed.encode()).hexdigest(), "0" * 64, changed, json.dumps(golden), json.dumps(document))
    return _refusal(session, call, *sent[:4], sent[4] if program else None)


def test_a_publisher_sends_no_other_codes(shared: Database) -> None:
    """Each is refused in one sentence that names the place, and nothing is stored."""
    _given(shared, _ABOVE)
    scientist = shared.session(SCIENTIST)
    for what, (change, sentence) in _HOSTILE.items():
        said = _send(scientist, "codes_above", change)
        assert 'reason codes of model "codes_sent" are refused: ' in said, (what, said)
        assert sentence in said, (what, said)
    said = _send(scientist, "codes_above", lambda codes: codes, program=False)
    assert "they go with a program" in said
    assert shared.session().value("select count(*) from pgscore.model where name = 'codes_sent'") == 0


def test_no_contract_has_other_codes_whoever_writes_it(shared: Database) -> None:
    _given(shared, _ABOVE)
    session = shared.session()
    check = "select pgscore._check_contract(contract || jsonb_build_object('reason_codes', %s::jsonb))" \
        " from pgscore.model_version where model = 'codes_above'"  # fmt: skip
    codes = session.value("select contract -> 'reason_codes' from pgscore.model_version where model = 'codes_above'")
    assert session.value(check, json.dumps(codes)) is True
    for what, (change, sentence) in _HOSTILE.items():
        if "register" not in what or sentence.startswith(("partial", "by")):
            assert session.value(check, json.dumps(change(codes))) is False, what


def test_an_output_field_for_codes_is_no_score() -> None:
    text = pmml_codes.codes_above()[0]
    assert _codes(text) is not None
    with pytest.raises(NotAProgramError, match=r"OutputField\[1\].*pgscore.reason_codes"):
        _codes(text, "reason:1")


def test_what_is_not_exact_has_no_codes() -> None:
    text = pmml_codes.codes_below()[0]
    assert _codes(text) is not None
    assert _codes(text.replace("<Scorecard ", '<Scorecard useReasonCodes="false" ')) is None
    # Its last bits are the C library's.
    computed = '<Apply function="*"><FieldRef field="debts"/>'
    assert (
        _codes(text.replace(computed, '<Apply function="*"><Apply function="exp"><FieldRef field="debts"/></Apply>'))
        is None
    )
    assert _codes(text.replace('"UNKNOWN"', '"&#x202e;"')) is None
    assert _codes(text.replace('"UNKNOWN"', f'"{"x" * 1001}"')) is None


def test_integers_too_far_apart_are_refused() -> None:
    """Java's difference of two integers fails past 32 bits; of numbers with a point it does not."""
    text = pmml_codes.codes_above()[0].replace('partialScore="30"', 'partialScore="2147483647"')
    assert _codes(text) is not None
    far = text.replace('baselineScore="10"', 'baselineScore="-1"')
    with pytest.raises(NotAProgramError, match="32 bits"):
        _codes(far)
    assert _codes(far.replace('baselineScore="-1"', 'baselineScore="-1.0"')) is not None


def test_codes_follow_the_version_that_answers(shared: Database) -> None:
    session = shared.session()
    for version, path in enumerate((_ABOVE, _BELOW), 1):
        _publish(shared, path, "codes_served")
        pgscore.promote(shared.dsn(OPERATOR), "codes_served", version, max_seconds=1)
    asked = "select code from pgscore.reason_codes('codes_served', %s::jsonb) limit 1"
    assert session.value(asked, json.dumps(_ROW)) == "DEBTS"
    pgscore.rollback(shared.dsn(OPERATOR), "codes_served")
    assert session.value(asked, json.dumps(_ROW)) == "AGE"
