"""PMML documents written by hand: clusters and support vector machines."""

from __future__ import annotations

from tests.formats.pmml_documents import Row, document, number, rows, schema, texts

_FIELDS = number("x") + number("z") + texts("plan", "gold", "silver", "none")


# ---- ClusteringModel


def _clusters(measure: str, fields: str, centers: list[str], attributes: str = "", more: str = "") -> str:
    inside = "".join(
        f'<Cluster id="{name}" name="the {name}"><Array n="3" type="real">{center}</Array></Cluster>'
        for name, center in zip(("one", "two", "three"), centers, strict=False)
    )
    return (
        f'<ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="{len(centers)}">'
        + schema(None, "x", "z", "n")
        + f'<ComparisonMeasure kind="distance" {attributes}>{measure}</ComparisonMeasure>{fields}{more}{inside}'
        "</ClusteringModel>"
    )  # fmt: skip


_CENTERS = ["0 0.5 1", "2 -3 2", "-4 20 3"]
_CLUSTERED = "".join(
    f'<ClusteringField field="{name}" fieldWeight="{weight}"/>' for name, weight in (("x", 1), ("z", 0.5), ("n", 2))
)


def _points(*, missing: bool = True) -> list[Row]:
    given = rows(x=[None, 0.0, 1.5, -4.0], z=[None, 0.5, -3.0, 20.0], n=[None, 1, 3])
    return [
        row for row in given if any(each is not None for each in row.values()) and (missing or None not in row.values())
    ]


def _clustering(measure: str, **more: str) -> tuple[str, list[Row]]:
    fields = number("x") + number("z") + number("n", "integer")
    return document(fields, _clusters(measure, _CLUSTERED, _CENTERS, **more)), _points()


def clusters_euclidean() -> tuple[str, list[Row]]:
    """The nearest center; what is missing is made up for."""
    return _clustering("<euclidean/>")


def clusters_squared() -> tuple[str, list[Row]]:
    """The nearest center, with weights for what is missing."""
    weights = '<MissingValueWeights><Array n="3" type="real">1 2 0.5</Array></MissingValueWeights>'
    return _clustering("<squaredEuclidean/>", more=weights)


def clusters_city() -> tuple[str, list[Row]]:
    """The nearest center by blocks."""
    return _clustering("<cityBlock/>")


def clusters_chebychev() -> tuple[str, list[Row]]:
    """The nearest center by the farthest field."""
    return _clustering("<chebychev/>")


def clusters_minkowski() -> tuple[str, list[Row]]:
    """The nearest center by a power."""
    return _clustering('<minkowski p-parameter="3"/>')


def clusters_compared() -> tuple[str, list[Row]]:
    """Fields that are compared in other ways."""
    fields = (
        '<ClusteringField field="x" compareFunction="gaussSim" similarityScale="2.5"/>'
        '<ClusteringField field="z" compareFunction="delta"/><ClusteringField field="n" compareFunction="equal"/>'
    )
    model = _clusters("<cityBlock/>", fields, _CENTERS)
    return document(number("x") + number("z") + number("n", "integer"), model), _points()


def clusters_binary() -> tuple[str, list[Row]]:
    """The most alike of fields that are 0 or 1."""
    fields = "".join(f'<ClusteringField field="{name}"/>' for name in ("x", "z", "n"))
    model = _clusters("<jaccard/>", fields, ["1 0 1", "1 1 0", "0 0 1"]).replace('kind="distance"', 'kind="similarity"')
    given = [row for row in rows(x=[0.0, 1.0], z=[0.0, 1.0], n=[0, 1]) if any(row.values())]
    return document(number("x") + number("z") + number("n", "integer"), model), given


# ---- SupportVectorMachineModel


def _machines(kernel: str, machines: str, attributes: str, function: str = "classification") -> str:
    vectors = "".join(
        f'<VectorInstance id="v{n}"><REAL-SparseArray n="3"><Indices>{places}</Indices><REAL-Entries>{entries}'
        "</REAL-Entries></REAL-SparseArray></VectorInstance>"
        for n, (places, entries) in enumerate((("1 2 3", "0.5 -1 1"), ("1 3", "-2 1"), ("2", "3"), ("1 2", "1.5 2")))
    )
    return (
        f'<SupportVectorMachineModel functionName="{function}" {attributes}>' + schema("y", "x", "z", "plan")
        + kernel
        + '<VectorDictionary numberOfVectors="4"><VectorFields numberOfFields="3"><FieldRef field="x"/>'
        '<FieldRef field="z"/><CategoricalPredictor name="plan" value="gold" coefficient="1"/></VectorFields>'
        + vectors + "</VectorDictionary>" + machines + "</SupportVectorMachineModel>"
    )  # fmt: skip


def _machine(attributes: str, coefficients: list[float], intercept: float) -> str:
    chosen = "".join(f'<SupportVector vectorId="v{n}"/>' for n in range(len(coefficients)))
    weights = "".join(f'<Coefficient value="{each}"/>' for each in coefficients)
    return (
        f"<SupportVectorMachine {attributes}><SupportVectors>{chosen}</SupportVectors>"
        f'<Coefficients absoluteValue="{intercept}">{weights}</Coefficients></SupportVectorMachine>'
    )


def _vectors(kernel: str, kind: str) -> tuple[str, list[Row]]:
    names = ("low", "mid", "high")
    if kind == "value":
        machines, attributes = _machine("", [0.5, -1.25, 0.75, 2], 0.125), 'svmRepresentation="SupportVectors"'
    elif kind == "all":
        machines = "".join(
            _machine(f'targetCategory="{name}"', [0.5 - n, -1.25 * n, 0.75, 2 - n], 0.125 * n)
            for n, name in enumerate(names)
        )
        attributes = 'classificationMethod="OneAgainstAll"'
    else:
        pairs = (("low", "mid"), ("low", "high"), ("mid", "high"))
        machines = "".join(
            _machine(
                f'targetCategory="{one}" alternateTargetCategory="{other}"',
                [0.5 - n, -1.25 * n, 0.75, 2 - n],
                0.125 * n - 2,
            )
            for n, (one, other) in enumerate(pairs)
        )
        attributes = 'classificationMethod="OneAgainstOne" threshold="0"'
    model = _machines(kernel, machines, attributes, "regression" if kind == "value" else "classification")
    given = rows(x=[None, 0.0, 1.5, -4.0, 2.5], z=[0.5, -3.0, 20.0], plan=[None, "gold", "silver"])
    if kind != "value":
        given = [row for row in given if None not in row.values()]
    target = number("y") if kind == "value" else texts("y", *names)
    return document(target + _FIELDS, model), given


def vectors_linear() -> tuple[str, list[Row]]:
    """A number."""
    return _vectors("<LinearKernelType/>", "value")


def vectors_radial() -> tuple[str, list[Row]]:
    """A number, by radial bases."""
    return _vectors('<RadialBasisKernelType gamma="0.25"/>', "value")


def vectors_polynomial() -> tuple[str, list[Row]]:
    """One class against all others, by a polynomial."""
    return _vectors('<PolynomialKernelType gamma="0.5" coef0="1" degree="2"/>', "all")


def vectors_pairs() -> tuple[str, list[Row]]:
    """Votes of pairs."""
    return _vectors('<SigmoidKernelType gamma="0.25" coef0="0.5"/>', "pairs")
