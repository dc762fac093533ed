"""PMML documents written by hand, for what no tool here writes: in the style of R, SPSS, KNIME and the specification.

Each function gives a document and the rows that it is asked about. It imports nothing, so that the tool's own
environment runs it (make_pmml.py).
"""

from __future__ import annotations

from itertools import product
from typing import Any

Row = dict[str, Any]
_INFINITY = float("inf")


def document(fields: str, model: str, transformations: str = "", version: str = "4_4") -> str:
    """A whole document."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<PMML xmlns="http://www.dmg.org/PMML-{version}" '
        f'version="{version.replace("_", ".")}">\n<Header><Application name="by hand"/></Header>\n'
        f"<DataDictionary>{fields}</DataDictionary>\n"
        f"{f'<TransformationDictionary>{transformations}</TransformationDictionary>' if transformations else ''}"
        f"{model}\n</PMML>\n"
    )


def number(name: str, kind: str = "double", inside: str = "") -> str:
    """A DataField that is a number."""
    return f'<DataField name="{name}" optype="continuous" dataType="{kind}">{inside}</DataField>\n'


def texts(name: str, *values: str, optype: str = "categorical", kind: str = "string") -> str:
    """A DataField of categories."""
    listed = "".join(f'<Value value="{each}"/>' for each in values)
    return f'<DataField name="{name}" optype="{optype}" dataType="{kind}">{listed}</DataField>\n'


def schema(target: str | None, *fields: str) -> str:
    """A MiningSchema; a field may have attributes behind its name."""
    found = "" if target is None else f'<MiningField name="{target}" usageType="target"/>'
    for each in fields:
        name, _, more = each.partition(" ")
        found += f'<MiningField name="{name}" {more}/>'
    return f"<MiningSchema>{found}</MiningSchema>\n"


def probabilities(*classes: str) -> str:
    """An Output of probabilities."""
    return (
        "<Output>"
        + "".join(
            f'<OutputField name="probability({each})" optype="continuous" dataType="double" feature="probability" '
            f'value="{each}"/>'
            for each in classes
        )
        + "</Output>\n"
    )


def rows(**values: list[Any]) -> list[Row]:
    """Every combination of these values."""
    return [dict(zip(values, each, strict=True)) for each in product(*values.values())]


def apply(function: str, *arguments: str, **attributes: str) -> str:
    """An Apply."""
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<Apply function="{function}"{more}>{"".join(arguments)}</Apply>'


def field(name: str) -> str:
    """A FieldRef."""
    return f'<FieldRef field="{name}"/>'


def constant(value: object, kind: str = "double") -> str:
    """A Constant."""
    return f'<Constant dataType="{kind}">{value}</Constant>'


def derived(name: str, expression: str, kind: str = "double", optype: str = "continuous") -> str:
    """A DerivedField."""
    return f'<DerivedField name="{name}" optype="{optype}" dataType="{kind}">{expression}</DerivedField>\n'


def regression(inputs: str, coefficients: dict[str, float], more: str = "", attributes: str = "") -> str:
    """A RegressionModel of one number `y`."""
    terms = "".join(f'<NumericPredictor name="{name}" coefficient="{value}"/>' for name, value in coefficients.items())
    return (
        f'<RegressionModel functionName="regression" {attributes}>{inputs}{more}'
        f'<RegressionTable intercept="0.5">{terms}</RegressionTable></RegressionModel>'
    )


# ---- RegressionModel


def regression_terms() -> tuple[str, list[Row]]:
    """Exponents, categories and products; a target that is scaled, bounded and rounded."""
    model = (
        '<RegressionModel functionName="regression">' + schema("y", "a", "n", "plan")
        + '<Targets><Target field="y" rescaleFactor="2" rescaleConstant="0.25" min="-1000" max="1000" '
        'castInteger="round"/></Targets>'
        '<RegressionTable intercept="1.5"><NumericPredictor name="a" exponent="2" coefficient="0.5"/>'
        '<NumericPredictor name="a" exponent="-1" coefficient="0.25"/><NumericPredictor name="n" coefficient="-3"/>'
        '<CategoricalPredictor name="plan" value="gold" coefficient="7"/>'
        '<CategoricalPredictor name="plan" value="silver" coefficient="3.25"/>'
        '<PredictorTerm coefficient="0.125"><FieldRef field="a"/><FieldRef field="n"/></PredictorTerm>'
        "</RegressionTable></RegressionModel>"
    )  # fmt: skip
    fields = number("y") + number("a") + number("n", "integer") + texts("plan", "gold", "silver", "none")
    return document(fields, model, version="4_2"), rows(
        a=[None, 0.5, -2.25, 3.0, 1e6], n=[None, 2, -7], plan=[None, "gold", "silver", "none", "other"]
    )[:60]


def _classes(method: str, optype: str = "categorical", classes: int = 2) -> tuple[str, list[Row]]:
    names = ["low", "mid", "high"][:classes]
    tables = "".join(
        f'<RegressionTable targetCategory="{name}" intercept="{0.5 - position}">'
        f'<NumericPredictor name="a" coefficient="{1.5 - position}"/>'
        f'<CategoricalPredictor name="plan" value="gold" coefficient="{position + 0.25}"/></RegressionTable>'
        for position, name in enumerate(names)
    )
    if optype == "ordinal":
        tables = "".join(
            f'<RegressionTable targetCategory="{name}" intercept="{position - 0.5}">'
            + ('<NumericPredictor name="a" coefficient="0.75"/>' if position < classes - 1 else "")
            + "</RegressionTable>"
            for position, name in enumerate(names)
        )
    model = (
        f'<RegressionModel functionName="classification" normalizationMethod="{method}">' + schema("y", "a", "plan")
        + probabilities(*names) + tables + "</RegressionModel>"
    )  # fmt: skip
    fields = texts("y", *names, optype=optype) + number("a") + texts("plan")
    return document(fields, model), rows(
        a=[None, 0.0, -0.0, 0.4, -1.5, 6.0, -30.0, 800.0, -800.0], plan=[None, "gold", "Gold", ""]
    )


def regression_logit() -> tuple[str, list[Row]]:
    """Two classes."""
    return _classes("logit")


def regression_probit() -> tuple[str, list[Row]]:
    """Two classes, by the normal distribution."""
    return _classes("probit")


def regression_cloglog() -> tuple[str, list[Row]]:
    """Two classes."""
    return _classes("cloglog")


def regression_loglog() -> tuple[str, list[Row]]:
    """Two classes."""
    return _classes("loglog")


def regression_cauchit() -> tuple[str, list[Row]]:
    """Two classes, by the arc tangent."""
    return _classes("cauchit")


def regression_none() -> tuple[str, list[Row]]:
    """Two classes, whose numbers are cut to probabilities."""
    return _classes("none")


def regression_softmax() -> tuple[str, list[Row]]:
    """Three classes."""
    return _classes("softmax", classes=3)


def regression_logit_of_three() -> tuple[str, list[Row]]:
    """Three classes, each by itself."""
    return _classes("logit", classes=3)


def regression_ordinal() -> tuple[str, list[Row]]:
    """Three classes in an order."""
    return _classes("logit", "ordinal", 3)


def regression_exp() -> tuple[str, list[Row]]:
    """A number that is a power of e."""
    model = regression(schema("y", "a"), {"a": 1.25}, attributes='normalizationMethod="exp"')
    return document(number("y") + number("a"), model, version="4_0"), rows(a=[None, 0.0, 1.0, -3.5, 700.0, -_INFINITY])


def regression_default() -> tuple[str, list[Row]]:
    """Prior probabilities, where a field is missing."""
    targets = (
        '<Targets><Target field="y"><TargetValue value="no" priorProbability="0.75"/>'
        '<TargetValue value="yes" priorProbability="0.25"/></Target></Targets>'
    )
    model = (
        '<RegressionModel functionName="classification" normalizationMethod="logit">' + schema("y", "a")
        + probabilities("no", "yes") + targets
        + '<RegressionTable targetCategory="yes" intercept="0.5"><NumericPredictor name="a" coefficient="2"/>'
        '</RegressionTable><RegressionTable targetCategory="no" intercept="0"/></RegressionModel>'
    )  # fmt: skip
    return document(texts("y", "no", "yes") + number("a"), model), rows(a=[None, 0.0, 1.5, -0.25, -9.0])


# ---- Fields


def treatments() -> tuple[str, list[Row]]:
    """Missing, invalid and outlying values, each treated in another way."""
    inside = '<Interval closure="closedOpen" leftMargin="0" rightMargin="10"/>'
    holes = '<Value value="-999" property="missing"/><Value value="-1" property="invalid"/>'
    names = {
        "a": ("", inside), "b": ('invalidValueTreatment="asMissing" missingValueReplacement="2.5"', inside),
        "c": ('invalidValueTreatment="asIs"', inside + holes),
        "d": ('invalidValueTreatment="asValue" invalidValueReplacement="7"', inside + holes),
        "e": ('outliers="asExtremeValues" lowValue="1" highValue="4"', ""),
        "f": ('outliers="asMissingValues" lowValue="1" highValue="4" missingValueReplacement="-3"', ""),
        "g": ('missingValueReplacement="0.125" missingValueTreatment="asMean"', holes),
    }  # fmt: skip
    model = regression(
        schema("y", *(f"{name} {attributes}" for name, (attributes, _) in names.items())),
        {name: float(position + 1) for position, name in enumerate(names)},
    )
    fields = number("y") + "".join(number(name, inside=within) for name, (_, within) in names.items())
    base = dict.fromkeys(names, 3.0)
    values = [None, 0.0, 9.999, 10.0, -1.0, -999.0, 1.0, 4.5, 0.5, _INFINITY]
    return document(fields, model), [{**base, name: value} for name in names for value in values][:60]


_FILLED = 's invalidValueTreatment="asMissing" missingValueReplacement="v"'


def categories() -> tuple[str, list[Row]]:
    """Texts, integers and booleans as categories, of which some are valid, missing or invalid."""
    texts_ = texts("t", "u", "v", "").replace(
        "</DataField>", '<Value value="?" property="missing"/><Value value="bad" property="invalid"/></DataField>'
    )
    model = (
        '<RegressionModel functionName="regression">'
        + schema("y", 't invalidValueTreatment="asIs"', _FILLED, "k", "flag", 'm missingValueReplacement="2"')
        + '<RegressionTable intercept="0">'
        + "".join(
            f'<CategoricalPredictor name="{name}" value="{value}" coefficient="{weight}"/>'
            for name, value, weight in (
                ("t", "u", 1), ("t", "v", 2), ("t", "bad", 4), ("t", "other", 8), ("s", "u", 16), ("s", "v", 32),
                ("k", "1", 64), ("k", "30", 128), ("flag", "true", 256), ("m", "2", 512), ("m", "-7", 1024),
            )
        )
        + "</RegressionTable></RegressionModel>"
    )  # fmt: skip
    fields = (
        number("y") + texts_ + texts("s", "u", "v") + texts("k", "1", "30", "7", kind="integer")
        + texts("flag", kind="boolean") + number("m", "integer")
    )  # fmt: skip
    base = {"t": "u", "s": "u", "k": 1, "flag": True, "m": 2}
    values: dict[str, list[Any]] = {
        "t": [None, "v", "", "?", "bad", "other", "U", "u "], "s": [None, "v", "?", "w"], "k": [None, 30, 7, 8, 1.5],
        "flag": [None, False], "m": [None, -7, 2.5, 2**31, 2**31 - 1, -(2**31), _INFINITY],
    }  # fmt: skip
    return document(fields, model), [base, *({**base, name: value} for name in base for value in values[name])]
