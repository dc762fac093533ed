"""PMML documents written by hand: each expression and each function, of values that are there, missing and undefined.

`y` is what the expression gives, and 12345 where it is missing: so a row tells something missing from a failure, which
leaves no prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.formats.pmml_documents import (
    Row,
    apply,
    constant,
    derived,
    document,
    field,
    number,
    regression,
    schema,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_INFINITY = float("inf")
_FIELDS = (
    number("y") + number("a") + number("b") + number("n", "integer") + number("m", "integer")
    + texts("c", "red", "Blue ", "5", "") + texts("t") + texts("f", kind="boolean") + number("which")
)  # fmt: skip
_NAMES = ("which", "a", "b", "n", "m", "c", "t", "f")
_BASE: Row = {"a": 1.25, "b": 2.0, "n": 3, "m": 2, "c": "red", "t": "x", "f": True}
_DOUBLES = [None, 0.0, 1.0, -2.5, 0.5, 1e308, _INFINITY, -_INFINITY, 0.49999999999999994, 2.5, 2147483648.5]
_INTEGERS = [None, 0, -7, 2147483647, -2147483648, 2.5]


def _several(expressions: list[str], given: list[Row], functions: str = "") -> tuple[str, list[Row]]:
    """The expression that `which` chooses, for each row; so one document holds many of them."""
    found = functions
    inside = constant(-1)
    for place, expression in reversed(list(enumerate(expressions))):
        found += derived(f"d{place}", expression)
        shown = apply("if", apply("isMissing", field(f"d{place}")), constant(12345), field(f"d{place}"))
        found += derived(f"e{place}", shown)
        inside = apply("if", apply("equal", field("which"), constant(place)), field(f"e{place}"), inside)
    found += derived("e", inside)
    model = regression(schema("y", *_NAMES), {"e": 1.0})
    return document(_FIELDS, model, found), [
        {"which": float(place), **row} for place in range(len(expressions)) for row in given
    ]


def _varied(**values: list[Any]) -> list[Row]:
    return [{**_BASE, name: value} for name in values for value in values[name]]


def _marked(expression: str) -> str:
    return apply("if", expression, constant(1), constant(0))


def functions_arithmetic() -> tuple[str, list[Row]]:
    """Two numbers, of which one may be missing or infinite."""
    return _several(
        [apply(name, field("a"), field("b")) for name in "+-*/"], _varied(a=_DOUBLES[:8], b=[None, 0.0, 3.7])
    )


def functions_integers() -> tuple[str, list[Row]]:
    """Two integers: division without a remainder, overflow, division by 0."""
    names = ("+", "-", "*", "/", "modulo")
    return _several([apply(name, field("n"), field("m")) for name in names], _varied(n=_INTEGERS, m=[None, 0, -2, -1]))


def functions_treated() -> tuple[str, list[Row]]:
    """mapMissingTo, defaultValue, and undefined results that are missing."""
    expressions = [
        apply("+", field("a"), field("b"), mapMissingTo="7.5"),
        apply("/", field("a"), field("b"), invalidValueTreatment="asMissing", defaultValue="-3"),
        apply("ln", field("a"), invalidValueTreatment="asMissing"),
        apply("sqrt", field("a"), mapMissingTo="2", invalidValueTreatment="asMissing", defaultValue="9"),
        '<FieldRef field="a" mapMissingTo="5"/>',
        '<FieldRef field="a" mapMissingTo="x"/>',
        apply("exp", '<FieldRef field="a" mapMissingTo="5"/>'),
    ]
    return _several(expressions, _varied(a=[None, 0.0, -2.5, 1.0], b=[None, 0.0, _INFINITY]))


def _of_one(*names: str) -> Callable[[], tuple[str, list[Row]]]:
    def make() -> tuple[str, list[Row]]:
        return _several([apply(name, field("a")) for name in names], _varied(a=_DOUBLES))

    make.__doc__ = f"{', '.join(names)} of a number."
    return make


def functions_powers() -> tuple[str, list[Row]]:
    """Powers: of integers, of roots, of a base."""
    expressions = [
        *(apply("pow", field("a"), constant(exponent)) for exponent in (3, 0.5, 1.7, -2)),
        apply("pow", constant(3), field("a")), apply("pow", field("n"), constant(2, "integer")),
    ]  # fmt: skip
    return _several(expressions, _varied(a=_DOUBLES[:8], n=[46341, -7]))


def functions_aggregates() -> tuple[str, list[Row]]:
    """Of what is there."""
    names = ("min", "max", "sum", "avg", "product")
    given = [*_varied(a=[None, 1e308, _INFINITY], b=[None], n=[None]), {**_BASE, "a": None, "b": None, "n": None}]
    return _several([apply(name, field("a"), field("b"), field("n")) for name in names], given)


def functions_comparisons() -> tuple[str, list[Row]]:
    """In order, equal, and above a threshold."""
    names = ("equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual")
    expressions = [_marked(apply(name, field("a"), field("b"))) for name in names]
    expressions += [_marked(apply("lessThan", field("n"), constant(2.5))), apply("threshold", field("a"), field("b"))]
    return _several(expressions, _varied(a=[None, 2.0, 2.5, _INFINITY], n=[None, 2]))


def functions_equality() -> tuple[str, list[Row]]:
    """Of texts, booleans and integers; and members of lists."""
    expressions = [
        _marked(apply("equal", field("c"), constant("red", "string"))),
        _marked(apply("notEqual", field("t"), constant("5", "integer"))),
        _marked(apply("equal", field("c"), field("t"))),
        _marked(apply("equal", field("f"), constant("true", "boolean"))),
        _marked(apply("isIn", field("c"), constant("red", "string"), constant("5", "integer"))),
        _marked(apply("isNotIn", field("n"), constant(1, "integer"), constant(3, "integer"))),
        _marked(apply("isIn", field("a"), constant(1), '<Constant missing="true"/>')),
    ]
    return _several(expressions, _varied(c=[None, "5", "other"], t=[None, "5"], f=[None], n=[None, 4], a=[None]))


def functions_logic() -> tuple[str, list[Row]]:
    """And, or, not; what is missing, and what is valid."""
    below, is_red = apply("lessThan", field("a"), constant(1)), apply("equal", field("c"), constant("red", "string"))
    expressions = [
        _marked(apply("and", below, is_red, field("f"))), _marked(apply("or", below, is_red)),
        _marked(apply("not", field("f"))), _marked(apply("and", field("f"), is_red, mapMissingTo="false")),
        *(_marked(apply(name, field("a"))) for name in ("isMissing", "isNotMissing", "isValid", "isNotValid")),
    ]  # fmt: skip
    return _several(expressions, _varied(a=[None, 0.5], c=[None, "5"], f=[None, False]))


def functions_if() -> tuple[str, list[Row]]:
    """Only what is chosen is asked for."""
    above = apply("greaterThan", field("a"), constant(0))
    expressions = [
        apply("if", above, apply("ln", field("a")), constant(-99)),
        apply("if", apply("isMissing", field("a")), constant(0), apply("ln", field("a"))),
        apply("if", field("f"), field("a"), field("b")), apply("if", field("f"), field("n")),
        apply("if", field("f"), field("a"), field("b"), mapMissingTo="-7"),
        apply("if", field("f"), field("a"), field("b"), defaultValue="-7"),
    ]  # fmt: skip
    return _several(expressions, _varied(a=[None, -1.0, 0.5], b=[None, _INFINITY], f=[None, False]))


def _text(value: str) -> str:
    return constant(value, "string")


def functions_texts() -> tuple[str, list[Row]]:
    """Texts that are known, by tables."""
    texts_ = {
        apply("uppercase", field("c")): "BLUE ", apply("lowercase", field("c")): "blue ",
        apply("trimBlanks", field("c")): "Blue", apply("concat", field("c"), _text("-"), field("c")): "red-red",
        apply("substring", field("c"), constant(2, "integer"), constant(2, "integer")): "ed",
        apply("replace", field("c"), _text("e"), _text("E")): "BluE ",
    }  # fmt: skip
    expressions = [_marked(apply("equal", each, _text(wanted))) for each, wanted in texts_.items()]
    expressions += [_marked(apply("matches", field("c"), _text("^[a-z]+$"))), apply("stringLength", field("c"))]
    return _several(expressions, _varied(c=[None, "red", "Blue ", "5", "", "other"]))


def expressions_lines() -> tuple[str, list[Row]]:
    """NormContinuous, with all that may be of outliers."""
    points = '<LinearNorm orig="-1" norm="0"/><LinearNorm orig="1" norm="3"/><LinearNorm orig="3" norm="1"/>'
    expressions = [
        f'<NormContinuous field="a" outliers="{outliers}"{more}>{points}</NormContinuous>'
        for outliers in ("asIs", "asMissingValues", "asExtremeValues")
        for more in ("", ' mapMissingTo="0.25"')
    ]
    return _several(expressions, _varied(a=[None, -1.0, -1.5, 0.3, 1.0, 3.0, 3.5]))


def expressions_discrete() -> tuple[str, list[Row]]:
    """NormDiscrete and Discretize."""
    bins = (
        '<DiscretizeBin binValue="1"><Interval closure="openClosed" leftMargin="-1" rightMargin="1"/></DiscretizeBin>'
        '<DiscretizeBin binValue="2"><Interval closure="closedOpen" leftMargin="1.5" rightMargin="3"/></DiscretizeBin>'
        '<DiscretizeBin binValue="x"><Interval closure="closedOpen" leftMargin="3"/></DiscretizeBin>'
    )
    expressions = [
        '<NormDiscrete field="c" value="red" mapMissingTo="0.5"/>', '<NormDiscrete field="n" value="7"/>',
        '<NormDiscrete field="f" value="false"/>', f'<Discretize field="a">{bins}</Discretize>',
        f'<Discretize field="a" defaultValue="8" mapMissingTo="9">{bins}</Discretize>',
    ]  # fmt: skip
    return _several(
        expressions, _varied(a=[None, -1.0, 1.0, 1.25, 3.0], c=[None, "5", "other"], n=[7], f=[None, False])
    )


def expressions_tables() -> tuple[str, list[Row]]:
    """MapValues of one column and of two; rows without an output, and two rows for the same."""
    table = (
        "<InlineTable><row><k>red</k><q>3</q><o>10</o></row><row><k>5</k><q>1</q><o>20</o></row>"
        "<row><k>red</k><q>7</q><o>30</o></row><row><k>Blue </k><q>3</q></row><row><k>5</k><q>1</q><o>21</o></row>"
        "</InlineTable>"
    )
    pairs = '<FieldColumnPair field="c" column="k"/><FieldColumnPair field="n" column="q"/>'
    single = "<InlineTable><row><k>x</k><o>7</o></row><row><k>zz</k><o>abc</o></row></InlineTable>"
    expressions = [
        f'<MapValues outputColumn="o" dataType="double">{pairs}{table}</MapValues>',
        f'<MapValues outputColumn="o" dataType="double" defaultValue="-1" mapMissingTo="-2">{pairs}{table}</MapValues>',
        f'<MapValues outputColumn="o"><FieldColumnPair field="t" column="k"/>{single}</MapValues>',
    ]
    given = [{**_BASE, "c": c, "n": n} for c in (None, "red", "5", "Blue ") for n in (None, 3, 7, 1)]
    return _several(expressions, [*given, *_varied(t=[None, "zz", "other"])])


def functions_defined() -> tuple[str, list[Row]]:
    """A function of the document."""
    defined = (
        '<DefineFunction name="scale" optype="continuous" dataType="double">'
        '<ParameterField name="x" optype="continuous" dataType="double"/>'
        '<ParameterField name="by" optype="continuous" dataType="double"/>'
        f"{apply('/', field('x'), field('by'))}</DefineFunction>"
    )
    expressions = [
        apply("scale", field("a"), field("n")),
        apply("scale", constant(1), apply("scale", field("a"), field("b"))),
    ]
    return _several(expressions, _varied(a=[None, 0.0, 5.0], n=[None, 0, 7], b=[0.0]), defined)


OTHERS = {
    "functions_logarithms": _of_one("ln", "log10", "ln1p", "sqrt"),
    "functions_exponentials": _of_one("exp", "expm1", "tanh", "abs"),
    "functions_angles": _of_one("sin", "cos", "tan", "atan"),
    "functions_rounding": _of_one("floor", "ceil", "round", "rint"),
}
