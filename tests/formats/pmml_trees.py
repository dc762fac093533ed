"""PMML documents of trees, ensembles and scorecards that are written by hand, and rows for each."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
_FIELDS = """
<DataField name="x" optype="continuous" dataType="double"/><DataField name="z" optype="continuous" dataType="double"/>
<DataField name="t" optype="categorical" dataType="string"/>"""
_VALUE = '<DataField name="y" optype="continuous" dataType="double"/>'
_CLASSES = """<DataField name="y" optype="categorical" dataType="string">
<Value value="a"/><Value value="b"/><Value value="c"/></DataField>"""
_SCHEMA = """<MiningSchema><MiningField name="x"/><MiningField name="z"/><MiningField name="t"/>
<MiningField name="y" usageType="target"/></MiningSchema>"""
_OUTPUT = "<Output>%s</Output>" % "".join(  # noqa: UP031  braces are of no use here
    f'<OutputField name="probability({each})" optype="continuous" dataType="double" feature="probability" '
    f'value="{each}"/>'
    for each in "abc"
)


def _document(model: str, target: str = _VALUE) -> str:
    head = '<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>'
    return f"{head}<DataDictionary>{_FIELDS}{target}</DataDictionary>{model}</PMML>"


def _rows() -> list[Row]:
    numbers = [None, 0.0, -0.0, 0.5, 1.0, 1.5, -2.0, 1e300]
    found: list[Row] = [{"x": x, "z": z, "t": t} for x in numbers for z in (None, 0.5, 2.0) for t in ("red", None)]
    return [*found, *({"x": 1.0, "z": 2.0, "t": each} for each in ("blue", "Red", "red ", "\u00c4"))]


def _test(field: str, operator: str, value: object) -> str:
    return f'<SimplePredicate field="{field}" operator="{operator}" value="{value}"/>'


def _leaf(predicate: str, score: object, more: str = "") -> str:
    return f'<Node score="{score}"{more}>{predicate}</Node>'


def _strategy(name: str) -> str:
    """Nodes with two, three and one children, some without a score."""
    inner = (
        f'<Node id="l" score="1" defaultChild="l2" recordCount="60">{_test("x", "lessOrEqual", 0.5)}'
        + _leaf(_test("z", "lessThan", 1), 11, ' id="l1" recordCount="20"')
        + _leaf(_test("z", "greaterOrEqual", 1), 12, ' id="l2" recordCount="40"')
        + "</Node>"
        + f'<Node id="r" defaultChild="r3" recordCount="40">{_test("x", "greaterThan", 0.5)}'
        + _leaf(
            '<SimpleSetPredicate field="t" booleanOperator="isIn">'
            '<Array type="string">red "\u00c4"</Array></SimpleSetPredicate>',
            21,
            ' id="r1" recordCount="10"',
        )
        + _leaf(_test("z", "equal", 2.0), 22, ' id="r2" recordCount="10"')
        + _leaf(_test("x", "lessThan", 1.25), 23, ' id="r3" recordCount="20"')
        + "</Node>"
    )
    return (
        f'<TreeModel functionName="regression" missingValueStrategy="{name}" '
        'noTrueChildStrategy="returnLastPrediction">'
        f'{_SCHEMA}<Node id="root" score="0" defaultChild="r" recordCount="100"><True/>{inner}</Node></TreeModel>'
    )


def _vote(first: str, second: str, third: str) -> str:
    trees = ""
    for weight, (score, field) in zip(("1", "2", "1"), ((first, "x"), (second, "z"), (third, "x")), strict=True):
        trees += (
            f'<Segment weight="{weight}"><True/>'
            f'<TreeModel functionName="classification">{_SCHEMA}<Node score="{score}"><True/>'
            f"{_leaf(_test(field, 'greaterThan', 0.75), score)}{_leaf('<True/>', 'c')}</Node></TreeModel></Segment>"
        )
    return trees


def _mining(function: str, method: str, segments: str, output: str = "", more: str = "") -> str:
    return (
        f'<MiningModel functionName="{function}">{_SCHEMA}{output}'
        f'<Segmentation multipleModelMethod="{method}"{more}>{segments}</Segmentation></MiningModel>'
    )


def _segment(predicate: str, score: object, field: str = "x") -> str:
    tree = f'<TreeModel functionName="regression" noTrueChildStrategy="returnNullPrediction">{_SCHEMA}<Node><True/>'
    tree += _leaf(_test(field, "greaterOrEqual", 0.5), score) + _leaf(_test(field, "lessThan", 0), -1)
    return f"<Segment>{predicate}{tree}</Node></TreeModel></Segment>"


_SCORECARD = """
<Scorecard functionName="regression" initialScore="100" reasonCodeAlgorithm="pointsAbove" baselineScore="5">
%s<Characteristics>
<Characteristic name="amount" reasonCode="A" baselineScore="20">
<Attribute partialScore="0"><SimplePredicate field="x" operator="isMissing"/></Attribute>
<Attribute partialScore="12.5"><SimplePredicate field="x" operator="lessOrEqual" value="0"/></Attribute>
<Attribute partialScore="25" reasonCode="A2"><SimplePredicate field="x" operator="lessThan" value="1"/></Attribute>
<Attribute><True/><ComplexPartialScore><Apply function="*"><FieldRef field="x"/><Constant dataType="double">3</Constant>
</Apply></ComplexPartialScore></Attribute></Characteristic>
<Characteristic name="colour" reasonCode="C">
<Attribute partialScore="7"><SimplePredicate field="t" operator="equal" value="red"/></Attribute>
<Attribute partialScore="-3"><True/></Attribute></Characteristic>
<Characteristic name="both" reasonCode="B">
<Attribute partialScore="1"><CompoundPredicate booleanOperator="and">
<SimplePredicate field="z" operator="lessThan" value="1"/>
<SimplePredicate field="x" operator="greaterThan" value="0"/></CompoundPredicate></Attribute>
<Attribute partialScore="2"><True/></Attribute></Characteristic></Characteristics></Scorecard>"""


def documents() -> dict[str, tuple[str, list[Row]]]:
    """All of them, by name."""
    found: dict[str, str] = {}
    for each in ("lastPrediction", "nullPrediction", "defaultChild", "weightedConfidence", "aggregateNodes", "none"):
        found[f"missing_{each.lower()}"] = _document(_strategy(each))
    for name, scores in {"first": ("b", "a", "a"), "tied": ("b", "a", "b")}.items():
        segments = _vote(*scores)
        found[f"votes_{name}"] = _document(_mining("classification", "majorityVote", segments, _OUTPUT), _CLASSES)
        found[f"votes_{name}_weighted"] = _document(
            _mining("classification", "weightedMajorityVote", segments, _OUTPUT), _CLASSES
        )
    some = (
        _segment(_test("t", "equal", "red"), 5) + _segment("<True/>", 7, "z") + _segment(_test("x", "lessThan", 1), 9)
    )
    for method in ("selectFirst", "sum", "average"):
        for treatment in ("continue", "skipSegment", "returnMissing"):
            more = f' missingPredictionTreatment="{treatment}"'
            found[f"{method.lower()}_{treatment.lower()}"] = _document(_mining("regression", method, some, more=more))
    always = "".join(_segment("<True/>", score, field) for score, field in ((5, "x"), (7, "z"), (8, "x"), (2, "z")))
    found["median"] = _document(_mining("regression", "median", always))
    found["scorecard"] = _document(_SCORECARD % _SCHEMA)
    return {name: (text, _rows()) for name, text in found.items()}
