"""PMML documents of scorecards with reason codes that are written by hand, and rows for each."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
_RANKS = 5
_OUTPUT = "<Output>%s</Output>" % "".join(  # noqa: UP031  braces are of no use here
    f'<OutputField name="reason:{rank}" optype="categorical" dataType="string" feature="reasonCode" rank="{rank}"/>'
    for rank in range(1, _RANKS + 1)
)
_FIELDS = """<DataField name="age" optype="continuous" dataType="double"/>
<DataField name="debts" optype="continuous" dataType="integer"/>
<DataField name="home" optype="categorical" dataType="string"/>
<DataField name="member" optype="categorical" dataType="boolean"/>
<DataField name="y" optype="continuous" dataType="double"/>"""
_SCHEMA = """<MiningField name="age"/><MiningField name="debts"/><MiningField name="home"/><MiningField name="member"/>
<MiningField name="y" usageType="target"/>"""


def _document(attributes: str, characteristics: str, schema: str = _SCHEMA, derived: str = "") -> str:
    return f"""<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary>
{_FIELDS}</DataDictionary>{derived}<Scorecard functionName="regression" {attributes}>
<MiningSchema>{schema}</MiningSchema>{_OUTPUT}<Characteristics>{characteristics}</Characteristics></Scorecard></PMML>"""


def _rows() -> list[Row]:
    ages = [None, -0.0, 17.999999999999996, 18.0, 30.0, 44.5, 1e300]
    kinds = [("own", True, 0), ("rent", False, 2), (None, None, None), ("\u00c4ther", True, 7), ("rent", True, 1)]
    rows: list[Row] = [
        {"age": age, "debts": debts, "home": home, "member": member} for age in ages for home, member, debts in kinds
    ]
    return [*rows, *({"age": 30.0, "debts": n, "home": "own", "member": False} for n in (-1, 3, 4, 5, None))]


def _test(field: str, operator: str, value: object) -> str:
    return f'<SimplePredicate field="{field}" operator="{operator}" value="{value}"/>'


def _missing(field: str) -> str:
    return f'<SimplePredicate field="{field}" operator="isMissing"/>'


def _between(field: str, low: float, high: float) -> str:
    tests = _test(field, "greaterOrEqual", low) + _test(field, "lessThan", high)
    return f'<CompoundPredicate booleanOperator="and">{tests}</CompoundPredicate>'


def _gives(partial: object, predicate: str, code: str | None = None) -> str:
    said = "" if code is None else f' reasonCode="{code}"'
    return f'<Attribute partialScore="{partial}"{said}>{predicate}</Attribute>'


def _part(name: str, *attributes: str, more: str = "") -> str:
    return f'<Characteristic name="{name}" {more}>{"".join(attributes)}</Characteristic>'


def codes_above() -> tuple[str, list[Row]]:
    """Codes of attributes and characteristics; ties, points of 0 and below it; a row that no attribute takes."""
    parts = (
        _part(
            "age", _gives(-5, _missing("age"), "NO AGE"), _gives(0, _test("age", "lessThan", 18), "MINOR"),
            _gives(12.5, _between("age", 18, 30)), _gives(30, _test("age", "greaterOrEqual", 30)),
            more='reasonCode="AGE" baselineScore="10"',
        )
        + _part(
            "debts", _gives(4, _missing("debts")), _gives(20, _test("debts", "lessOrEqual", 0)),
            _gives(8, _test("debts", "lessThan", 3)), _gives(4, _test("debts", "lessThan", 5), "MANY"),
            more='reasonCode="DEBTS"',
        )
        + _part(
            "home", _gives(24, _test("home", "equal", "own"), "HOME"), _gives(9, _test("home", "equal", "rent"), "AGE"),
            _gives(4.0, "<True/>", "\u00c4THER"), more='baselineScore="4"',
        )
        + _part(
            "member", _gives(1.5, _test("member", "equal", "true")), _gives(-1, "<True/>"), more='reasonCode="HOME"'
        )
    )  # fmt: skip
    text = _document('initialScore="100" reasonCodeAlgorithm="pointsAbove" baselineScore="4"', parts)
    # So that each characteristic is a term of a sum.
    return text.replace('dataType="integer"', 'dataType="double"'), _rows()


def codes_below() -> tuple[str, list[Row]]:
    """Equal partial scores with different codes; a characteristic of two fields; one that is computed."""
    apply = '<Apply function="*"><FieldRef field="debts"/><Constant dataType="double">-2.5</Constant></Apply>'
    parts = (
        _part(
            "age", _gives(5, _missing("age"), "UNKNOWN"), _gives(5, _test("age", "lessThan", 18), "YOUNG"),
            _gives(15, _test("age", "lessThan", 44.5), "GROWN"), _gives(15, "<True/>", "OLD"),
            more='baselineScore="15"',
        )
        + _part(
            "both",
            _gives(
                1, f'<CompoundPredicate booleanOperator="and">{_test("member", "equal", "true")}'
                f'{_test("debts", "greaterThan", 1)}</CompoundPredicate>', "CLUB",
            ),
            _gives(1, _test("home", "equal", "rent"), "RENT"), _gives(3, "<True/>"),
            more='reasonCode="BOTH" baselineScore="2.75"',
        )
        + _part(
            "computed", _gives(0, _missing("debts"), "UNKNOWN"),
            f'<Attribute reasonCode="DEBTS"><True/><ComplexPartialScore>{apply}</ComplexPartialScore></Attribute>',
        )
        + _part("young", _gives(2, _between("age", 0, 30), "YOUNG"), _gives(7, "<True/>"), more='reasonCode="LATE"')
    )  # fmt: skip
    return _document('baselineScore="0.1"', parts), _rows()


def codes_of_derived_fields() -> tuple[str, list[Row]]:
    """Fields that treatments and expressions have changed; sums of equal codes whose order shows; a rescaled target."""
    schema = (
        '<MiningField name="age" missingValueReplacement="33"/><MiningField name="debts" invalidValueTreatment="asIs"/>'
        '<MiningField name="home"/><MiningField name="member"/><MiningField name="y" usageType="target"/>'
    )
    bins = "".join(
        f'<DiscretizeBin binValue="{name}"><Interval closure="{closure}" {margins}/></DiscretizeBin>'
        for name, closure, margins in (
            ("low", "openOpen", 'rightMargin="18"'), ("mid", "closedOpen", 'leftMargin="18" rightMargin="44.5"')
        )
    )  # fmt: skip
    derived = (
        '<TransformationDictionary><DerivedField name="band" optype="categorical" dataType="string">'
        f'<Discretize field="age" defaultValue="high">{bins}</Discretize></DerivedField></TransformationDictionary>'
    )
    parts = "".join(
        _part(
            f"band{number}", _gives(partial, _test("band", "equal", "low"), "LOW"),
            _gives(0.3, _test("band", "equal", "mid")), _gives(-partial, "<True/>", f"HIGH{number % 2}"),
            more=f'reasonCode="SUM" baselineScore="{partial}"',
        )
        for number, partial in enumerate((0.1, 0.2, 1e16, -1e16, 0.7))
    )  # fmt: skip
    parts += _part("home", _gives(1, _test("home", "notEqual", "own")), _gives(2, "<True/>"), more='reasonCode="SUM"')
    targets = '<Targets><Target field="y" rescaleFactor="0.5" rescaleConstant="7"/></Targets>'
    text = _document('reasonCodeAlgorithm="pointsAbove" baselineScore="1"', parts, schema, derived)
    return text.replace("</Output>", f"</Output>{targets}"), _rows()
