"""PMML documents of trees, ensembles, scorecards and chains, drawn at random, and rows for each.

`make_pmml_trees.py` draws them and stores what jpmml-evaluator gives. The standard library is all that is needed here.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = dict[str, str]
_ROWS = 20
_FEW, _MANY = 2, 3


@dataclass(frozen=True)
class Kind:
    """A field that documents are drawn with.

    Attributes:
        type: its data type.
        optype: its operational type.
        inside: what stands in its DataField.
        values: what rows hold; empty where it is missing.
        constants: what predicates compare it with.
        instead: what a treatment puts in the place of a value.
    """

    type: str
    optype: str
    inside: str
    values: tuple[str, ...]
    constants: tuple[str, ...]
    instead: str

    @property
    def is_number(self) -> bool:
        """Whether it is a continuous number."""
        return self.optype == "continuous"


def _listed(*values: str) -> str:
    return "".join(f'<Value value="{each}"/>' for each in values)


_INTERVAL = '<Interval closure="closedClosed" leftMargin="-5" rightMargin="5"/>'
_NEAR_HALF, _TENTH = "0.49999999999999994", "0.10000000149011612"
KINDS = {
    "x": Kind(
        "double", "continuous", "",
        ("", "", "0", "0.5", "1", "-0.0", "1.5", "2", "-3.25", "1e300", "-1e300", _NEAR_HALF, "0.1"),
        ("0", "0.5", "1", "1.5", "-0.0", "0.1", "2"), "0.5",
    ),
    "y": Kind(
        "double", "continuous", _INTERVAL, ("", "0", "1", "4.5", "-5", "5", "6", "-7", "0.5"), ("0", "0.5", "1", "4.5"),
        "1",
    ),
    "n": Kind("integer", "continuous", "", ("", "0", "1", "2", "3", "-1", "7"), ("0", "1", "2", "1.0"), "2"),
    "f": Kind(
        "float", "continuous", "", ("", "0.1", _TENTH, "0.1000000014901162", "0.5", "1", "1e39", "-2", "0.3"),
        ("0.1", "0.5", "0.3", "1"), "0.5",
    ),
    "b": Kind("boolean", "categorical", "", ("", "true", "false"), ("true", "false"), "true"),
    "t": Kind(
        "string", "categorical", _listed("red", "green", "blue"), ("", "red", "green", "blue", "red", "pink"),
        ("red", "green", "blue", "none"), "green",
    ),
    "u": Kind(
        "string", "categorical", "", ("", "red", "a b", "\u00c4", "zzz", 'q"q'), ("red", "a b", "\u00c4", 'q"q', "nix"),
        "red",
    ),
    "o": Kind(
        "string", "ordinal", _listed("low", "mid", "high"), ("", "low", "mid", "high", "low", "other"),
        ("low", "mid", "high"), "mid",
    ),
    "c": Kind("integer", "categorical", _listed("1", "2", "3"), ("", "1", "2", "3", "4"), ("1", "2", "3"), "2"),
}  # fmt: skip
_TREATMENTS: tuple[dict[str, str], ...] = (
    {}, {}, {"invalidValueTreatment": "asMissing"}, {"invalidValueTreatment": "asIs"},
    {"missingValueReplacement": "%s"},
    {"missingValueReplacement": "%s", "invalidValueTreatment": "asMissing"},
    {"invalidValueTreatment": "asValue", "invalidValueReplacement": "%s"},
)  # fmt: skip
_ORDERS = ("lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual")
_WEIGHTS = ("1", "2", "0.5", "0.3", "0.2", "0.1")


def element(tag: str, *inside: str, **attributes: object) -> str:
    """An element as text; attributes that are None are left out."""
    given = "".join(f" {name}={quoteattr(str(value))}" for name, value in attributes.items() if value is not None)
    return f"<{tag}{given}>{''.join(inside)}</{tag}>" if inside else f"<{tag}{given}/>"


class Drawing:
    """A document that is drawn.

    Attributes:
        random: where it comes from.
        names: of its fields.
        function: ``classification`` or ``regression``.
        classes: of a classification.
        distribution: ``count``, ``probability``, or None: nodes have labels only.
    """

    def __init__(self, seed: int, function: str | None = None) -> None:
        self.random = random.Random(seed)  # noqa: S311  no secret
        self.names = sorted(self.random.sample(sorted(KINDS), self.random.randint(1, 5)))
        self.function = function or self.random.choice(["regression", "classification"])
        self.classes = ("no", "yes") if self.random.random() < 0.5 else ("a", "b", "c")
        self.distribution = self.random.choice(["count", "probability", None])
        self.schema = self._schema()
        self.inner = element("MiningSchema", *(element("MiningField", name=each) for each in self.names))
        target = element("MiningField", name="target", usageType="target")
        self.targeted = self.inner.replace("</MiningSchema>", f"{target}</MiningSchema>")

    def chance(self, share: float) -> bool:
        """True in so many cases."""
        return self.random.random() < share

    def _schema(self) -> str:
        fields = []
        for name in self.names:
            treatment = self.random.choice(_TREATMENTS)
            given = {key: value.replace("%s", KINDS[name].instead) for key, value in treatment.items()}
            fields.append(element("MiningField", name=name, **given))
        return element("MiningSchema", *fields, element("MiningField", name="target", usageType="target"))

    def document(self, model: str) -> str:
        """The text of the whole."""
        fields = [
            element(
                "DataField",
                *[KINDS[n].inside][: bool(KINDS[n].inside)],
                name=n,
                optype=KINDS[n].optype,
                dataType=KINDS[n].type,
            )
            for n in self.names
        ]
        if self.function == "regression":
            fields.append(element("DataField", name="target", optype="continuous", dataType="double"))
        else:
            values = _listed(*self.classes)
            fields.append(element("DataField", values, name="target", optype="categorical", dataType="string"))
        dictionary = element("DataDictionary", *fields)
        return element("PMML", "<Header/>", dictionary, model, xmlns="http://www.dmg.org/PMML-4_4", version="4.4")

    def rows(self) -> list[Row]:
        """Rows; texts as a CSV has them."""
        return [{name: self.random.choice(KINDS[name].values) for name in self.names} for _ in range(_ROWS)]

    def output(self) -> str:
        """Output fields for the probabilities."""
        if self.function == "regression" or self.distribution is None:
            return ""
        common = {"optype": "continuous", "dataType": "double", "feature": "probability"}
        return element(
            "Output", *(element("OutputField", name=f"p_{each}", value=each, **common) for each in self.classes)
        )

    # Predicates.

    def predicate(self, depth: int = 0, names: list[str] | None = None) -> str:
        """A predicate of one field, or several."""
        kind = self.random.random()
        if kind < 0.03:
            return self.random.choice(["<True/>", "<False/>"])
        if kind < 0.2 and depth < _FEW:
            chosen = self.random.choice(["and", "or", "xor", "surrogate"])
            parts = [self.predicate(depth + 1, names) for _ in range(self.random.randint(_FEW, _MANY))]
            return element("CompoundPredicate", *parts, booleanOperator=chosen)
        name = self.random.choice(names or self.names)
        if kind < 0.28:
            return element("SimplePredicate", field=name, operator=self.random.choice(["isMissing", "isNotMissing"]))
        if (name in "tuoc" and kind < 0.6) or (name in "xn" and kind < 0.35):
            return self._set(name)
        return self._simple(name)

    def _simple(self, name: str) -> str:
        kind = KINDS[name]
        operators = ["equal", "notEqual"] if name in "tuc" else list(_ORDERS)
        if name in "ob" or self.chance(0.3):
            operators = [*dict.fromkeys([*operators, "equal", "notEqual"])]
        operator, value = self.random.choice(operators), self.random.choice(kind.constants)
        if operator in _ORDERS and name == "b":
            value = self.random.choice(["0.5", "true", "1", "0"])
        if operator in _ORDERS and name == "n" and self.chance(0.5):
            value = self.random.choice(["0.5", "1.5"])
        return element("SimplePredicate", field=name, operator=operator, value=value)

    def _set(self, name: str) -> str:
        members = sorted({self.random.choice(KINDS[name].constants) for _ in range(self.random.randint(1, 3))})
        kind = "string"
        if KINDS[name].type in ("integer", "double"):
            kind = "real" if name == "x" else self.random.choice(["int", "string"])
            members = [each.replace(".0", "") for each in members] if kind == "int" else members
        else:
            quoted = ['"' + each.replace('"', '\\"') + '"' for each in members]
            plain = [each.isalpha() and self.chance(0.5) for each in members]
            members = [each if bare else full for each, full, bare in zip(members, quoted, plain, strict=True)]
        array = element("Array", escape(" ".join(members)), type=kind)
        return element("SimpleSetPredicate", array, field=name, booleanOperator=self.random.choice(["isIn", "isNotIn"]))

    def _children(self) -> list[str]:
        """The predicates of the children of a node: often a test and its opposite."""
        numbers = [name for name in self.names if KINDS[name].is_number]
        if numbers and self.chance(0.5):
            name = self.random.choice(numbers)
            value = self.random.choice(KINDS[name].constants)
            pair = self.random.choice([("lessOrEqual", "greaterThan"), ("lessThan", "greaterOrEqual")])
            return [element("SimplePredicate", field=name, operator=each, value=value) for each in pair]
        return [self.predicate() for _ in range(self.random.randint(1, _MANY))]

    # Models.

    def node(
        self, predicate: str, depth: int, ids: Iterator[int], function: str, *, counts: bool
    ) -> tuple[str, str, int]:
        """A node, its id, and how many rows came to it."""
        name, children = f"n{next(ids)}", []
        if depth > 0 and self.chance(0.85):
            children = [self.node(each, depth - 1, ids, function, counts=counts) for each in self._children()]
        count = sum(each[2] for each in children) if children else self.random.randint(1, 30)
        attributes: dict[str, object] = {"id": name, "recordCount": count if counts else None}
        inside = [predicate]
        if not children or self.chance(0.7):
            if function == "regression":
                attributes["score"] = self.random.choice([self.random.uniform(-5, 5), self.random.randint(-3, 3)])
            else:
                attributes["score"], shares = self._label()
                inside += shares
        if children and self.chance(0.9):
            attributes["defaultChild"] = self.random.choice(children)[1]
        return element("Node", *inside, *(each[0] for each in children), **attributes), name, count

    def _label(self) -> tuple[str, list[str]]:
        parts = [self.random.randint(0, 5) for _ in self.classes]
        parts[0] += not any(parts)
        best = self.classes[parts.index(max(parts))] if self.chance(0.8) else self.random.choice(self.classes)
        shares = []
        for label, part in zip(self.classes, parts, strict=True):
            share = part / sum(parts) if self.distribution == "probability" else None
            shares.append(element("ScoreDistribution", value=label, recordCount=part, probability=share))
        return best, shares if self.distribution else []

    def tree(self, schema: str, output: str = "", depth: int = 3, function: str | None = None) -> str:
        """A TreeModel."""
        function = function or self.function
        root = "<True/>" if self.chance(0.9) else self.predicate()
        strategies = ("lastPrediction", "nullPrediction", "defaultChild", "none", "none", "weightedConfidence", None)
        attributes = {
            "functionName": function,
            "missingValueStrategy": self.random.choice(strategies),
            "noTrueChildStrategy": self.random.choice(["returnNullPrediction", "returnLastPrediction", None]),
        }
        text, _, _ = self.node(root, depth, itertools.count(1), function, counts=self.chance(0.5))
        return element("TreeModel", schema, output, text, **attributes)

    def regression(self, schema: str, fields: list[str], output: str = "", function: str | None = None) -> str:
        """A RegressionModel of these fields."""
        function = function or self.function
        labels = self.classes if function == "classification" else (None,)
        tables = []
        for label in labels:
            terms = [element("NumericPredictor", name=n, coefficient=self.random.uniform(-0.2, 0.2)) for n in fields]
            intercept = self.random.uniform(-1, 1)
            tables.append(element("RegressionTable", *terms, intercept=intercept, targetCategory=label))
        method = "softmax" if function == "classification" else None
        return element("RegressionModel", schema, output, *tables, functionName=function, normalizationMethod=method)

    def mining(self, schema: str, output: str = "", *, mixed: bool = False, function: str | None = None) -> str:
        """A MiningModel of trees; of other models, too, where it is mixed."""
        function = function or self.function
        methods = ["sum", "weightedSum", "average", "weightedAverage", "median", "selectFirst"]
        if function == "classification":
            methods = ["majorityVote", "weightedMajorityVote", "selectFirst"]
            methods += ["average", "weightedAverage"] if self.distribution else []
        method = self.random.choice(methods)
        whole = method == "median" or (mixed and method != "selectFirst")
        treatments = ["continue", "returnMissing", None, *([] if whole else ["skipSegment"])]
        treatment = self.random.choice(treatments)
        threshold = self.random.choice(["0.5", "0.25", "0", "1", None]) if treatment == "skipSegment" else None
        inner = self.targeted if self.function == function else self.inner
        numbers = [name for name in self.names if name in "xyn"]
        segments = []
        for _ in range(self.random.randint(1, 6)):
            model = self.tree(inner, depth=self.random.randint(1, 3), function=function)
            if mixed and numbers and self.chance(0.4):
                model = self.regression(inner, numbers, function=function)
            predicate = "<True/>" if whole or self.chance(0.6) else self.predicate()
            weight = self.random.choice(_WEIGHTS) if self.chance(0.7) else None
            segments.append(element("Segment", predicate, model, weight=weight))
        attributes = {"missingPredictionTreatment": treatment, "missingThreshold": threshold}
        segmentation = element("Segmentation", *segments, multipleModelMethod=method, **attributes)
        targets = ""
        if function == self.function == "regression" and method != "selectFirst" and self.chance(0.4):
            targets = element("Targets", element("Target", field="target", rescaleFactor="0.1", rescaleConstant="-1"))
        return element("MiningModel", schema, output, targets, segmentation, functionName=function)

    def scorecard(self, schema: str, output: str = "") -> str:
        """A Scorecard."""
        characteristics = []
        for number in range(self.random.randint(1, 4)):
            fields = [self.random.choice(self.names)] if self.chance(0.7) else self.names
            attributes = [self._attribute(self.predicate(names=fields)) for _ in range(self.random.randint(1, 4))]
            attributes += [self._attribute("<True/>")] if self.chance(0.8) else []
            given = {"name": f"c{number}", "reasonCode": f"R{number}", "baselineScore": self.random.randint(-2, 10)}
            characteristics.append(element("Characteristic", *attributes, **given))
        given = {"initialScore": self.random.randint(0, 100), "useReasonCodes": "false" if self.chance(0.3) else None}
        given["reasonCodeAlgorithm"] = self.random.choice(["pointsAbove", "pointsBelow", None])
        whole = element("Characteristics", *characteristics)
        return element("Scorecard", schema, output, whole, functionName="regression", **given)

    def _attribute(self, predicate: str) -> str:
        code = f"R{self.random.randint(1, 9)}" if self.chance(0.3) else None
        numbers = [name for name in self.names if name in "xyn"]
        if numbers and self.chance(0.15):
            factor = element("Constant", str(self.random.uniform(-2, 2)), dataType="double")
            field = element("FieldRef", field=self.random.choice(numbers))
            computed = element("ComplexPartialScore", element("Apply", field, factor, function="*"))
            return element("Attribute", predicate, computed, reasonCode=code)
        score = self.random.choice([self.random.randint(-10, 30), self.random.uniform(-5, 5)])
        return element("Attribute", predicate, partialScore=score, reasonCode=code)

    def chain(self) -> str:
        """Models whose outputs the last one reads."""
        segments, outputs = [], []
        for number in range(self.random.randint(1, 3)):
            outputs.append(f"s{number}")
            field = element(
                "OutputField", name=outputs[-1], optype="continuous", dataType="double", isFinalResult="false"
            )
            output = element("Output", field)
            kind = self.random.random()
            if kind < 0.3:
                model = self.scorecard(self.inner, output)
            elif kind < 0.6:
                model = self.tree(self.inner, output, _FEW, "regression")
            else:
                model = self.mining(self.inner, output, function="regression")
                while "selectFirst" in model:
                    model = self.mining(self.inner, output, function="regression")
            segments.append(element("Segment", "<True/>", model))
        fields = [element("MiningField", name=each) for each in [*self.names, *outputs]]
        schema = element("MiningSchema", *fields, element("MiningField", name="target", usageType="target"))
        if self.chance(0.5):
            last = self.regression(schema, outputs, self.output())
        else:
            last = self.tree(schema, self.output(), _FEW)
            last = last.replace('field="x"', f'field="{outputs[0]}"')
        treatment = self.random.choice(["returnMissing", "continue", None])
        segmentation = element(
            "Segmentation", *segments, element("Segment", "<True/>", last), multipleModelMethod="modelChain",
            missingPredictionTreatment=treatment,
        )  # fmt: skip
        return element("MiningModel", self.schema, segmentation, functionName=self.function)


def _lone(seed: int) -> tuple[Drawing, str]:
    drawing = Drawing(seed)
    return drawing, drawing.tree(drawing.schema, drawing.output(), drawing.random.randint(1, 4))


def _mining(seed: int) -> tuple[Drawing, str]:
    drawing = Drawing(seed)
    return drawing, drawing.mining(drawing.schema, drawing.output())


def _mixed(seed: int) -> tuple[Drawing, str]:
    drawing = Drawing(seed)
    return drawing, drawing.mining(drawing.schema, drawing.output(), mixed=True)


def _scorecard(seed: int) -> tuple[Drawing, str]:
    drawing = Drawing(seed, "regression")
    return drawing, drawing.scorecard(drawing.schema)


def _chain(seed: int) -> tuple[Drawing, str]:
    drawing = Drawing(seed)
    return drawing, drawing.chain()


DRAWN: dict[str, Callable[[int], tuple[Drawing, str]]] = {
    "tree": _lone,
    "mining": _mining,
    "mixed": _mixed,
    "scorecard": _scorecard,
    "chain": _chain,
}
