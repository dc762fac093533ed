"""PMML documents written by hand: general regression, naive Bayes, networks."""

from __future__ import annotations

from typing import Any

from tests.formats.pmml_documents import Row, derived, document, number, probabilities, rows, schema, texts

_INFINITY = float("inf")


def _general(kind: str, function: str, attributes: str, parameters: str, inside: str = "", **more: str) -> str:
    return (
        f'<GeneralRegressionModel functionName="{function}" modelType="{kind}" {attributes}>'
        + more.get("schema", schema("y", "x", "z", "plan"))
        + inside
        + '<ParameterList><Parameter name="p0" label="(Intercept)"/><Parameter name="p1"/><Parameter name="p2"/>'
        '<Parameter name="p3"/><Parameter name="p4"/></ParameterList>'
        '<FactorList><Predictor name="plan"/></FactorList><CovariateList><Predictor name="x"/><Predictor name="z"/>'
        "</CovariateList>" + more.get("matrix", _MATRIX) + f"<ParamMatrix>{parameters}</ParamMatrix>"
        "</GeneralRegressionModel>"
    )  # fmt: skip


_MATRIX = (
    '<PPMatrix><PPCell value="1" predictorName="x" parameterName="p1"/>'
    '<PPCell value="2" predictorName="z" parameterName="p2"/>'
    '<PPCell value="gold" predictorName="plan" parameterName="p3"/>'
    '<PPCell value="gold" predictorName="plan" parameterName="p4"/>'
    '<PPCell value="1" predictorName="x" parameterName="p4"/>'
    "</PPMatrix>"
)
_CELLS = "".join(
    f'<PCell parameterName="p{n}" df="1" beta="{beta}"/>' for n, beta in enumerate((0.5, -1.25, 0.03125, 2, -0.75))
)
_FIELDS = number("x") + number("z") + texts("plan", "gold", "silver", "none")


def _values() -> list[Row]:
    return rows(x=[None, 0.0, 1.5, -4.0], z=[None, 0.5, -3.0, 20.0], plan=[None, "gold", "silver", "other"])[:64]


def general_linear() -> tuple[str, list[Row]]:
    """Lm of R, with an interaction."""
    return document(number("y") + _FIELDS, _general("generalLinear", "regression", "", _CELLS)), _values()


def general_logit() -> tuple[str, list[Row]]:
    """Glm of R with binomial(), which gives a probability as a number."""
    more = 'linkFunction="logit" distribution="binomial"'
    return document(number("y") + _FIELDS, _general("generalizedLinear", "regression", more, _CELLS)), _values()


def general_poisson() -> tuple[str, list[Row]]:
    """Glm of R with poisson(), an offset and trials."""
    more = 'linkFunction="log" distribution="poisson" offsetVariable="o" trialsValue="3"'
    model = _general("generalizedLinear", "regression", more, _CELLS, schema=schema("y", "x", "z", "plan", "o"))
    given = [{**row, "o": offset} for row, offset in zip(_values(), [0.25, -1.5, None, 0.0] * 16, strict=True)]
    return document(number("y") + _FIELDS + number("o"), model), given


def _link(link: str, parameters: str = "") -> tuple[str, list[Row]]:
    cells = '<PCell parameterName="p0" beta="2.5"/><PCell parameterName="p1" beta="0.5"/>'
    model = _general(
        "generalizedLinear", "regression", f'linkFunction="{link}" {parameters}', cells, schema=schema("y", "x")
    )
    model = model.replace(_MATRIX, '<PPMatrix><PPCell value="1" predictorName="x" parameterName="p1"/></PPMatrix>')
    return document(number("y") + number("x"), model), rows(x=[None, 0.0, -1.0, 2.5, -4.75, -6.0, 3.0, -20.0, 40.0])


def general_probit() -> tuple[str, list[Row]]:
    """The normal distribution."""
    return _link("probit")


def general_cloglog() -> tuple[str, list[Row]]:
    """Complementary log-log."""
    return _link("cloglog")


def general_loglog() -> tuple[str, list[Row]]:
    """Log-log."""
    return _link("loglog")


def general_logc() -> tuple[str, list[Row]]:
    """1 - exp."""
    return _link("logc")


def general_negbin() -> tuple[str, list[Row]]:
    """The negative binomial."""
    return _link("negbin", 'distParameter="1.5"')


def general_oddspower() -> tuple[str, list[Row]]:
    """A power of odds."""
    return _link("oddspower", 'linkParameter="0.75"')


def general_power() -> tuple[str, list[Row]]:
    """A power."""
    return _link("power", 'linkParameter="-0.5"')


def general_identity() -> tuple[str, list[Row]]:
    """No link, an offset."""
    return _link("identity", 'offsetValue="0.75"')


def general_binomial() -> tuple[str, list[Row]]:
    """SPSS: logistic regression of two classes, the one of reference named."""
    more = 'linkFunction="logit" targetReferenceCategory="no"'
    model = _general("generalizedLinear", "classification", more, _CELLS, probabilities("no", "yes"))
    return document(texts("y", "no", "yes") + _FIELDS, model), _values()


def general_multinomial() -> tuple[str, list[Row]]:
    """SPSS: multinomial logistic regression of three classes."""
    cells = "".join(
        f'<PCell targetCategory="{name}" parameterName="p{n}" beta="{beta * sign + 0.125}"/>'
        for name, sign in (("1", 1), ("3", -1))
        for n, beta in enumerate((0.5, -1.25, 0.03125, 2, -0.75))
    )
    model = _general("multinomialLogistic", "classification", "", cells, probabilities("1", "3", "2"))
    return document(texts("y", "1", "2", "3", kind="integer") + _FIELDS, model), _values()


def general_ordinal() -> tuple[str, list[Row]]:
    """SPSS: ordinal regression, an intercept for each class but the last."""
    cells = (
        '<PCell targetCategory="low" parameterName="p0" beta="-0.5"/>'
        '<PCell targetCategory="mid" parameterName="p0" beta="0.75"/>'
        '<PCell parameterName="p1" beta="0.25"/><PCell parameterName="p3" beta="-0.5"/>'
    )
    model = _general(
        "ordinalMultinomial", "classification", 'cumulativeLink="cloglog"', cells, probabilities("low", "mid", "high")
    )
    return document(texts("y", "low", "mid", "high", optype="ordinal") + _FIELDS, model), _values()


def general_contrasts() -> tuple[str, list[Row]]:
    """A factor with a matrix of contrasts."""
    matrix = (
        '<Categories><Category value="gold"/><Category value="silver"/><Category value="none"/></Categories>'
        '<Matrix><Array n="3" type="real">1 0 0.5</Array><Array n="3" type="real">0 1 -0.25</Array>'
        '<Array n="3" type="real">-1 -1 2</Array></Matrix>'
    )
    model = _general("generalLinear", "regression", "", _CELLS).replace(
        '<FactorList><Predictor name="plan"/>', f'<FactorList><Predictor name="plan">{matrix}</Predictor>'
    )
    return document(number("y") + _FIELDS, model), _values()


# ---- NaiveBayesModel


def _counts(tag: str, **counts: float) -> str:
    inside = "".join(f'<TargetValueCount value="{name}" count="{count}"/>' for name, count in counts.items())
    return f"<{tag}>{inside}</{tag}>"


def naive_bayes() -> tuple[str, list[Row]]:
    """Counts, bins of a number, and normal distributions."""
    bins = (
        '<DerivedField name="bins" optype="categorical" dataType="string"><Discretize field="age">'
        '<DiscretizeBin binValue="young"><Interval closure="openOpen" rightMargin="30"/></DiscretizeBin>'
        '<DiscretizeBin binValue="old"><Interval closure="closedOpen" leftMargin="30" rightMargin="99"/>'
        "</DiscretizeBin>"
        "</Discretize></DerivedField>"
    )

    def pair(value: str, **counts: float) -> str:
        return f'<PairCounts value="{value}">{_counts("TargetValueCounts", **counts)}</PairCounts>'

    normal = "".join(
        f'<TargetValueStat value="{name}"><GaussianDistribution mean="{mean}" variance="{variance}"/></TargetValueStat>'
        for name, mean, variance in (("low", 1.5, 0.25), ("mid", -2, 4), ("high", 10, 9))
    )
    model = (
        '<NaiveBayesModel functionName="classification" threshold="0.001">' + schema("y", "plan", "age", "x", "f")
        + probabilities("low", "mid", "high") + "<BayesInputs>"
        + '<BayesInput fieldName="plan">' + pair("gold", low=12, mid=0, high=3) + pair("none", low=4, mid=7, high=9)
        + "</BayesInput>"
        + '<BayesInput fieldName="age">' + bins + pair("young", low=10, mid=2, high=3)
        + pair("old", low=6, mid=5, high=9) + "</BayesInput>"
        + f'<BayesInput fieldName="x"><TargetValueStats>{normal}</TargetValueStats></BayesInput>'
        + '<BayesInput fieldName="f">' + pair("true", low=1, mid=2, high=3) + pair("false", low=5, mid=2, high=1)
        + "</BayesInput>"
        + '</BayesInputs><BayesOutput fieldName="y">' + _counts("TargetValueCounts", low=16, mid=7, high=12)
        + "</BayesOutput></NaiveBayesModel>"
    )  # fmt: skip
    fields = (
        texts("y", "low", "mid", "high") + texts("plan", "gold", "silver", "none") + number("age") + number("x")
        + texts("f", kind="boolean")
    )  # fmt: skip
    base: Row = {"plan": "gold", "age": 35.0, "x": 1.0, "f": True}
    values: dict[str, list[Any]] = {
        "plan": [None, "none", "silver", "other"], "age": [None, 29.999, 30.0, 99.0, 1e9],
        "x": [None, -2.0, 10.0, 1e3, -1e200, _INFINITY], "f": [None, False],
    }  # fmt: skip
    nothing: Row = dict.fromkeys(base)
    return document(fields, model), [base, nothing, *({**base, name: value} for name in base for value in values[name])]


# ---- NeuralNetwork


def _network(
    function: str, normalization: str, layers: list[list[list[float]]], *, kind: str = "classification"
) -> str:
    scaled = (
        '<NormContinuous field="x"><LinearNorm orig="-1" norm="0"/><LinearNorm orig="4" norm="1"/></NormContinuous>'
    )
    gold = '<NormDiscrete field="plan" value="gold"/>'
    expressions = {"nx": scaled, "nz": '<FieldRef field="z"/>', "np": gold}
    inside = "".join(
        f'<NeuralInput id="0,{place}">{derived(name, expression)}</NeuralInput>'
        for place, (name, expression) in enumerate(expressions.items())
    )
    inputs = f"<NeuralInputs>{inside}</NeuralInputs>"
    found, before = "", ["0,0", "0,1", "0,2"]
    for depth, layer in enumerate(layers, start=1):
        neurons, names = "", []
        for place, (bias, *weights) in enumerate(layer):
            names.append(f"{depth},{place}")
            cells = "".join(
                f'<Con from="{one}" weight="{weight}"/>' for one, weight in zip(before, weights, strict=True)
            )
            neurons += f'<Neuron id="{names[-1]}" bias="{bias}">{cells}</Neuron>'
        last = depth == len(layers)
        more = f'activationFunction="identity" normalizationMethod="{normalization}"' if last else ""
        found += f"<NeuralLayer {more}>{neurons}</NeuralLayer>"
        before = names
    if kind == "classification":
        outputs = "".join(
            f'<NeuralOutput outputNeuron="{one}"><DerivedField optype="categorical" dataType="string">'
            f'<NormDiscrete field="y" value="{name}"/></DerivedField></NeuralOutput>'
            for one, name in zip(before, ("low", "mid", "high"), strict=False)
        )
    else:
        outputs = (
            f'<NeuralOutput outputNeuron="{before[0]}"><DerivedField optype="continuous" dataType="double">'
            '<NormContinuous field="y"><LinearNorm orig="10" norm="0"/><LinearNorm orig="60" norm="1"/>'
            "</NormContinuous></DerivedField></NeuralOutput>"
        )
    more = probabilities("low", "mid", "high") if kind == "classification" else ""
    return (
        f'<NeuralNetwork functionName="{kind}" activationFunction="{function}" threshold="0.25" width="1.5" '
        f'altitude="1.25">{schema("y", "x", "z", "plan")}{more}{inputs}{found}<NeuralOutputs>{outputs}</NeuralOutputs>'
        "</NeuralNetwork>"
    )


_LAYERS = [
    [[0.5, 1.25, -0.75, 0.25], [-0.25, 0.5, 0.125, -1.5]],
    [[0.125, 1.5, -0.5], [0.25, -1.25, 0.75], [-0.5, 0.0625, 0.375]],
]


def _net(function: str, normalization: str = "softmax") -> tuple[str, list[Row]]:
    fields = texts("y", "low", "mid", "high") + _FIELDS
    given = rows(x=[None, 0.0, 1.5, -40.0], z=[None, 0.5, -3.0, 20.0], plan=[None, "gold", "silver"])
    return document(fields, _network(function, normalization, _LAYERS)), given


def network_tanh() -> tuple[str, list[Row]]:
    """A hidden layer of tanh, and a softmax."""
    return _net("tanh")


def network_logistic() -> tuple[str, list[Row]]:
    """Logistic neurons, and their shares."""
    return _net("logistic", "simplemax")


def network_rectifier() -> tuple[str, list[Row]]:
    """Rectifiers."""
    return _net("rectifier")


def network_arctan() -> tuple[str, list[Row]]:
    """Arc tangents."""
    return _net("arctan")


def network_elliott() -> tuple[str, list[Row]]:
    """X / (1 + abs(x))."""
    return _net("Elliott")


def network_gauss() -> tuple[str, list[Row]]:
    """exp(-x^2)."""
    return _net("Gauss")


def network_threshold() -> tuple[str, list[Row]]:
    """0 and 1."""
    return _net("threshold")


def network_radial() -> tuple[str, list[Row]]:
    """Radial bases."""
    return _net("radialBasis")


def network_sine() -> tuple[str, list[Row]]:
    """Sines."""
    return _net("sine")


def network_others() -> tuple[str, list[Row]]:
    """Squares."""
    return _net("square")


def network_value() -> tuple[str, list[Row]]:
    """A number, back from its norm; beyond the norm there is none."""
    layers = [*_LAYERS[:1], [[0.5, 0.25, -0.125]]]
    model = _network("tanh", "none", layers, kind="regression")
    given = rows(x=[None, 0.0, 1.5, -40.0], z=[None, 0.5, -3.0, 20.0], plan=[None, "gold", "silver"])
    return document(number("y") + _FIELDS, model), given
