"""PMML documents as programs, against what jpmml-evaluator predicts of the same rows; and what is chosen of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pgscore.errors import NotAProgramError, PgscoreError
from pgscore.readers import read_program
from pgscore.readers.pmml.document import open_pmml
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

from tests.formats import fixtures

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
_FIELDS = (
    '<DataDictionary><DataField name="y" optype="continuous" dataType="double"/>'
    '<DataField name="a" optype="continuous" dataType="double"/>'
    '<DataField name="c" optype="categorical" dataType="string"><Value value="u"/><Value value="v"/></DataField>'
    '<DataField name="t" optype="categorical" dataType="string"/>'
    '<DataField name="d" optype="continuous" dataType="date"/></DataDictionary>'
)
_REGRESSION = "/PMML/RegressionModel"
_PREDICTOR = f"{_REGRESSION}/RegressionTable/NumericPredictor"
_PAIR = '<FieldColumnPair field="t" column="k"/>'
_SLOW = '<FieldRef field="c"/><Constant dataType="string">(a+)+b</Constant>'
_SCHEMA = (
    '<MiningSchema><MiningField name="y" usageType="target"/><MiningField name="a"/><MiningField name="c"/>'
    '<MiningField name="t"/></MiningSchema>'
)
_TABLE = '<RegressionTable intercept="1"><NumericPredictor name="a" coefficient="2"/></RegressionTable>'


def _model(
    table: str = _TABLE, *, before: str = "", inside: str = "", schema: str = _SCHEMA, attributes: str = ""
) -> bytes:
    return (
        f"{_HEAD}{_FIELDS}{before}"
        f'<RegressionModel functionName="regression" {attributes}>{schema}{inside}{table}</RegressionModel></PMML>'
    ).encode()


def _derived(expression: str, kind: str = "double") -> bytes:
    before = (
        f'<TransformationDictionary><DerivedField name="x" optype="continuous" dataType="{kind}">{expression}'
        "</DerivedField></TransformationDictionary>"
    )
    return _model(_TABLE.replace('"a"', '"x"'), before=before)


def _scores(
    content: bytes, *rows: tuple[float | None, str | None, str | None], output: str | None = None
) -> list[float | None]:
    document = open_pmml(content, output)
    program = read_program(document, fixtures.contract_of(document, "pmml")).program
    interpreter = Interpreter(parse_program(json.dumps(program)))
    found = []
    for number, *texts in rows:
        outputs, _ = interpreter.outputs([number], texts)
        found.append(None if outputs is None else outputs[0])
    return found


@pytest.mark.parametrize("path", fixtures.paths("pmml"), ids=lambda path: path.stem)
def test_a_document_gives_what_its_evaluator_gives(path: Path) -> None:
    fixture = fixtures.read_fixture(path)
    fixtures.check(open_pmml(fixture.content), fixture, "pmml")


def test_a_document_says_what_it_reads_and_gives() -> None:
    document = open_pmml(fixtures.FOLDER.joinpath("pmml/sklearn_logistic.pmml").read_bytes())
    assert {each.name: each.type for each in document.inputs} == {
        "age": "double precision", "minutes": "double precision", "plan": "text",
    }  # fmt: skip
    assert (document.output.kind, document.output.classes, document.output.positive) == (
        "probability",
        ("no", "yes"),
        1,
    )
    assert document.categories == {"plan": ("gold", "none", "silver")}
    assert document.libraries == {"pmml": "4.4"}


def test_the_classes_of_a_number_are_numbers() -> None:
    document = open_pmml(fixtures.FOLDER.joinpath("pmml/sklearn_multinomial.pmml").read_bytes())
    assert document.output.classes == (0, 1, 2)


def test_a_probability_can_be_the_score() -> None:
    path = fixtures.FOLDER / "pmml/sklearn_multinomial.pmml"
    document, fixture = open_pmml(path.read_bytes(), "probability(2)"), fixtures.read_fixture(path)
    assert document.output.kind == "value"
    program = read_program(document, fixtures.contract_of(document, "pmml")).program
    interpreter = Interpreter(parse_program(json.dumps(program)))
    row, expected = fixture.rows[0], fixture.expected[0]
    outputs, _ = interpreter.outputs([float(str(row["age"])), float(str(row["minutes"]))], [row["plan"]])
    assert outputs == pytest.approx([float(str(expected["2"]))], abs=1e-12)


_OUTPUT = (
    '<Output><OutputField name="raw" dataType="double" feature="predictedValue"/>'
    '<OutputField name="points" optype="continuous" dataType="double" feature="transformedValue">'
    '<Apply function="*"><FieldRef field="raw"/><Constant dataType="double">10</Constant></Apply></OutputField>'
    '<OutputField name="word" dataType="string" feature="transformedValue"><FieldRef field="c"/></OutputField>'
    '<OutputField name="why" dataType="string" feature="reasonCode"/></Output>'
)


def test_an_output_can_be_the_score() -> None:
    content = _model(inside=_OUTPUT)
    assert _scores(content, (3.0, "u", None), output="points") == [70.0]
    assert _scores(content, (3.0, "u", None), output="raw") == _scores(content, (3.0, "u", None)) == [7.0]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("word", "no number"),
        ("why", "pgscore.reason_codes tells"),
        ("nothing", "it has 'raw', 'points', 'word', 'why'"),
    ],
)
def test_an_output_that_is_no_number_is_refused(name: str, why: str) -> None:
    with pytest.raises(PgscoreError, match=why):
        open_pmml(_model(inside=_OUTPUT), name)


def test_a_field_that_nothing_asks_for_ends_no_row() -> None:
    # `c` lists its values, and no predictor reads it.
    assert _scores(_model(), (3.0, "w", None)) == [7.0]


def test_a_field_that_is_asked_for_ends_the_row_where_it_is_invalid() -> None:
    table = _TABLE.replace("</Reg", '<CategoricalPredictor name="c" value="u" coefficient="5"/></Reg')
    assert _scores(_model(table), (3.0, "u", None), (3.0, "v", None), (3.0, None, None), (3.0, "w", None)) == [
        12,
        7,
        7,
        None,
    ]


def test_the_first_model_that_is_scorable_is_read() -> None:
    other = f'<TreeModel isScorable="false" functionName="regression">{_SCHEMA}</TreeModel>'
    assert _scores(_model(before=other), (3.0, None, None)) == [7.0]


@pytest.mark.parametrize(
    ("content", "place", "why"),
    [
        (_model(schema=_SCHEMA.replace('name="t"', 'name="d"')), "/PMML/DataDictionary/DataField[5]", "'date'"),
        (_model(schema=_SCHEMA.replace('name="t"', 'name="z"')), f"{_REGRESSION}/MiningSchema/MiningField[4]", "'z'"),
        (_model(_TABLE.replace('"a"', '"z"')), _PREDICTOR, "the field 'z'"),
        (_model(_TABLE.replace('"2"', '"two"')), _PREDICTOR, "no finite number"),
        (_model(_TABLE * 2), _REGRESSION, "or several"),
        (_model(attributes='normalizationMethod="odd"'), _REGRESSION, "normalizationMethod 'odd'"),
        (_model(attributes='x-mathContext="float"'), _REGRESSION, "single precision"),
        (_model(_TABLE.replace('"a"', '"t"')), _PREDICTOR, "not all known"),
        (_derived('<TextIndex textField="t"/>'), "DerivedField/TextIndex", "not supported"),
        (_derived('<Lag field="a"/>'), "DerivedField/Lag", "not supported"),
        (_derived('<Aggregate field="a" function="sum"/>'), "DerivedField/Aggregate", "not supported"),
        (_derived('<Apply function="erf"><FieldRef field="a"/></Apply>'), "DerivedField/Apply", "function 'erf'"),
        (_derived('<Apply function="java.lang.Runtime"/>'), "DerivedField/Apply", "function 'java.lang.Runtime'"),
        (_derived('<Apply function="ln"/>'), "DerivedField/Apply", "no arguments"),
        (_derived('<Apply function="+"><FieldRef field="a"/></Apply>'), "DerivedField/Apply", "1 arguments"),
        (_derived('<Apply function="stringLength"><FieldRef field="t"/></Apply>'), "DerivedField/Apply", "not all"),
        (_derived('<FieldRef field="x"/>'), "DerivedField/FieldRef", "made of itself"),
        (_derived('<FieldRef field="t"/>'), "DerivedField", "not all values are known"),
        (_derived('<FieldRef field="a"/>', "time"), "DerivedField", "dataType 'time'"),
        (_derived('<Constant dataType="integer">x</Constant>'), "DerivedField/Constant", "is no integer"),
        (_derived(f'<MapValues outputColumn="o">{_PAIR}<TableLocator/></MapValues>'),
         "DerivedField/MapValues", "elsewhere"),
        (_derived(f'<Apply function="matches">{_SLOW}</Apply>'),
         "DerivedField/Apply", "a pattern"),
        (_model().replace(b"RegressionModel", b"AssociationModel"), "/PMML/AssociationModel", "not supported"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_with_its_place(content: bytes, place: str, why: str) -> None:
    with pytest.raises(NotAProgramError) as caught:
        open_pmml(content)
    assert place in caught.value.part
    assert why in caught.value.why
    # One sentence of a few words, whatever a file holds.
    assert len(str(caught.value)) < 400


def test_functions_that_call_each_other_are_bounded() -> None:
    parameter = '<ParameterField name="p" optype="continuous" dataType="double"/>'

    def defined(name: str, called: str) -> str:
        call = f'<Apply function="{called}"><FieldRef field="p"/></Apply>'
        body = f'<Apply function="+">{call}{call}</Apply>'
        return f'<DefineFunction name="{name}" optype="continuous" dataType="double">{parameter}{body}</DefineFunction>'

    functions = "".join(defined(f"f{n}", f"f{n + 1}") for n in range(28)) + defined("f28", "exp")
    before = (
        f'<TransformationDictionary>{functions}<DerivedField name="x" optype="continuous" dataType="double">'
        '<Apply function="f0"><FieldRef field="a"/></Apply></DerivedField></TransformationDictionary>'
    )
    with pytest.raises(NotAProgramError, match="too many"):
        open_pmml(_model(_TABLE.replace('"a"', '"x"'), before=before))
    with pytest.raises(NotAProgramError, match="inside of each other"):
        open_pmml(
            _model(_TABLE.replace('"a"', '"x"'), before=before.replace('"f28"', '"f29"').replace('"exp"', '"f29"'))
        )
