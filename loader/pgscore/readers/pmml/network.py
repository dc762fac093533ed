"""Reader of NeuralNetwork: layers of neurons, and what their outputs stand for."""

from __future__ import annotations

from itertools import pairwise
from math import inf, log, nextafter, pi
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import NumberColumn, Operation
from pgscore.readers.algebra.curves import piecewise
from pgscore.readers.writing.linear_writer import write_linear

from . import intervals
from .choices import summable
from .expressions import derived, expression_of
from .links import arctan, normalized
from .regression import refuse_float
from .tables import as_number
from .targets import function_of, has_default, predicted_class, predicted_value, require_double, target_of
from .values import Prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore.readers.algebra.columns import CodeColumn
    from pgscore.readers.writing.writer import Writer

    from .fields import Scope
    from .models import ModelReader
    from .types import Scalar
    from .xml import Element

_NORMALIZATIONS = ("none", "simplemax", "softmax")
_RADIAL = "radialBasis"
_TWO = 2


def read_network(model: Element, scope: Scope) -> Prediction:
    """The values of neurons, layer after layer (`NeuralNetworkEvaluator`); without one input there is no prediction."""
    require_double(model)
    values: dict[str, NumberColumn | CodeColumn] = {}
    for each in model.one("NeuralInputs").all("NeuralInput"):
        field = each.one("DerivedField")
        number = as_number(derived(field, scope), field.path, scope.writer)
        refuse_float(field, number)
        scope.refuse_failing(number, shown=not has_default(target_of(scope)))
        values[each.need("id")] = summable(number.column, scope.writer)
    layers = model.all("NeuralLayer")
    outputs = model.one("NeuralOutputs").all("NeuralOutput")
    if not layers or not outputs:
        raise model.refused("has no NeuralLayer, or no NeuralOutput")
    for layer in layers[:-1]:
        _layer(model, layer, values, scope, last=False)
    softmax = _layer(model, layers[-1], values, scope, last=function_of(model) == "classification")
    if function_of(model) == "regression":
        return _regression(outputs, values, scope)
    return _classification(layers[-1], outputs, values, scope, softmax=softmax)


def _layer(
    model: Element, layer: Element, values: dict[str, NumberColumn | CodeColumn], scope: Scope, *, last: bool
) -> bool:
    """Adds what a layer's neurons give. Of the last one a softmax is left to the program's link: then true."""
    own = layer if layer.get("activationFunction") is not None else model
    function = own.choice("activationFunction", None, (*ACTIVATIONS, _RADIAL))
    normalization = (layer if layer.get("normalizationMethod") is not None else model).choice(
        "normalizationMethod", "none", _NORMALIZATIONS
    )
    neurons = layer.all("Neuron")
    registers = []
    for neuron in neurons:
        connections = neuron.all("Con")
        if not connections:
            raise neuron.refused("has no Con")
        for each in connections:
            if each.need("from") not in values:
                raise each.refused(f"comes from {each.need('from')[:60]!r}, which is no neuron before it")
        columns = [values[each.need("from")] for each in connections]
        weights = [each.number("weight") for each in connections]
        if function == _RADIAL:
            registers.append(_radial(model, layer, neuron, columns, weights, scope.writer))
            continue
        total = write_linear(columns, np.array(weights), neuron.number("bias", 0.0), scope.writer, finite=False)
        registers.append(ACTIVATIONS[function](total, _Layer(model, layer), scope.writer))
    if normalization == "simplemax":
        registers = normalized(registers, scope.writer)
    softmax = normalization == "softmax" and len(registers) > 1
    if softmax and not last:
        registers = scope.writer.link("softmax", registers)
    if normalization == "softmax" and not softmax:
        raise layer.refused("takes the softmax of one neuron, which is not supported")
    for neuron, register in zip(neurons, registers, strict=True):
        values[neuron.need("id")] = NumberColumn(register)
    return softmax and last


class _Layer:
    """A layer's own parameters, or else the network's."""

    def __init__(self, model: Element, layer: Element) -> None:
        self._model = model
        self.element = layer

    def get(self, name: str) -> float | None:
        """A parameter, or None."""
        found = self.element.optional_number(name)
        return self._model.optional_number(name) if found is None else found


def _radial(
    model: Element, layer: Element, neuron: Element, columns: Sequence[NumberColumn | CodeColumn],
    weights: Sequence[float], writer: Writer,
) -> int:  # fmt: skip
    """exp(n ln(altitude) - Σ (x - weight)^2 / (2 width^2))."""
    parameters = _Layer(model, layer)
    width = neuron.optional_number("width")
    width = parameters.get("width") if width is None else width
    altitude = parameters.get("altitude") or 1.0
    if not width or altitude <= 0:
        raise neuron.refused("has no width, or an altitude that is not above 0")
    of = [writer.register(each) for each in columns]
    square = writer.add({"step": "quadratic", "of": of, "center": list(weights)})
    rest = len(columns) * log(altitude)
    operations = [
        Operation("divide", -2 * width * width),
        *([Operation("add", rest)] if rest else []),
        Operation("exp"),
    ]
    return writer.number(square, operations)


def _regression(outputs: Sequence[Element], values: dict[str, NumberColumn | CodeColumn], scope: Scope) -> Prediction:
    if len(outputs) != 1:
        raise outputs[1].refused("is a second output, and a program predicts one")
    register = scope.writer.register(_output(outputs[0], values))
    expression = _expression(outputs[0], scope)
    if expression.tag == "NormContinuous":
        register = _denormalized(expression, register, scope.writer)
    elif expression.tag != "FieldRef":
        raise expression.refused("is an output that is neither a FieldRef nor a NormContinuous")
    return predicted_value(register, scope)


def _denormalized(expression: Element, register: int, writer: Writer) -> int:
    """The number of which a value is the norm; beyond the points there is none (`NormalizationUtil.denormalize`)."""
    points = [(each.number("norm"), each.number("orig")) for each in expression.all("LinearNorm")]
    if len(points) < _TWO or any(one[0] >= other[0] for one, other in pairwise(points)):
        raise expression.refused("has fewer than two LinearNorms, or some whose norm does not rise")
    slopes = [(after - before) / (end - start) for (start, before), (end, after) in pairwise(points)]
    inner = [[point[1], slope] for point, slope in zip(points, slopes, strict=False)]
    knots = [*(point[0] for point in points), nextafter(points[-1][0], inf)]
    domain = writer.domains.of[register]
    domain.minimum, domain.maximum = max(domain.minimum, points[0][0]), min(domain.maximum, points[-1][0])
    return piecewise(writer, register, knots, [None, *inner, [points[-1][1]], None], closed="left")


def _classification(
    layer: Element,
    outputs: Sequence[Element],
    values: dict[str, NumberColumn | CodeColumn],
    scope: Scope,
    *,
    softmax: bool,
) -> Prediction:
    target = target_of(scope)
    found: dict[Scalar, int] = {}
    for each in outputs:
        expression = _expression(each, scope)
        if expression.tag != "NormDiscrete":
            raise expression.refused("is an output that is no NormDiscrete")
        label = target.label(expression.need("value"), expression)
        if label in found:
            raise each.refused("is a second output for its class")
        found[label] = scope.writer.register(_output(each, values))
    if len(found) < _TWO:
        raise layer.refused("has fewer than two classes")
    ids = {each.need("id") for each in layer.all("Neuron")}
    if softmax and {each.need("outputNeuron") for each in outputs} != ids:
        raise layer.refused("takes a softmax of neurons that are not those of the classes, which is not supported")
    link = "softmax" if softmax else "identity"
    return predicted_class(Prediction("probability", list(found.values()), link, tuple(found)), scope)


def _output(output: Element, values: dict[str, NumberColumn | CodeColumn]) -> NumberColumn | CodeColumn:
    name = output.need("outputNeuron")
    if name not in values:
        raise output.refused(f"names {name[:60]!r}, which is no neuron")
    return values[name]


def _expression(output: Element, scope: Scope) -> Element:
    expression = expression_of(output.one("DerivedField"))
    if expression.tag == "FieldRef":
        name = expression.need("field")
        referred = scope.derived.get(name) or scope.document.derived.get(name)
        if referred is not None:
            return expression_of(referred)
    return expression


def _named(*names: str) -> Callable[[int, _Layer, Writer], int]:
    def activate(register: int, _layer: _Layer, writer: Writer) -> int:
        for name in names:
            register = writer.function(name, register)
        return register

    activate.__doc__ = f"{' of '.join(reversed(names))}(x)." if names else "x."
    return activate


def _threshold(register: int, layer: _Layer, writer: Writer) -> int:
    """1 above the threshold, else 0."""
    threshold = layer.get("threshold") or 0.0
    return intervals.steps(register, [nextafter(threshold, inf)], lambda each: float(each > threshold), None, writer)


def _gauss(register: int, _layer: _Layer, writer: Writer) -> int:
    """exp(-x^2)."""
    square = writer.function("square", register)
    return writer.number(square, [Operation("multiply", -1.0), Operation("exp")])


def _elliott(register: int, _layer: _Layer, writer: Writer) -> int:
    """X / (1 + abs(x))."""
    below = writer.number(writer.function("abs", register), [Operation("add", 1.0)])
    return writer.add({"step": "ratio", "of": [register, below]})


def _arctan(register: int, _layer: _Layer, writer: Writer) -> int:
    """2 atan(x) / pi."""
    return writer.number(arctan(register, writer), [Operation("multiply", 2 / pi)])


def _rectifier(register: int, layer: _Layer, writer: Writer) -> int:
    """x, and below 0 nothing of it, or the leakage's part."""
    leakage = layer.get("leakage")
    if leakage is None:
        return writer.function("relu", register)
    return piecewise(writer, register, [0.0], [[0.0, leakage], [0.0, 1.0]], closed="left")


ACTIVATIONS: dict[str, Callable[[int, _Layer, Writer], int]] = {
    "threshold": _threshold,
    "logistic": _named("expit"),
    "tanh": _named("tanh"),
    "identity": _named(),
    "exponential": _named("exp"),
    "reciprocal": _named("reciprocal"),
    "square": _named("square"),
    "Gauss": _gauss,
    "sine": _named("sin"),
    "cosine": _named("cos"),
    "Elliott": _elliott,
    "arctan": _arctan,
    "rectifier": _rectifier,
}
MODELS: dict[str, ModelReader] = {"NeuralNetwork": read_network}
