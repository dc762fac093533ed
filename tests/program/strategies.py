"""Programs and rows for Hypothesis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from .oracle import link_outputs

if TYPE_CHECKING:
    from .oracle import Program, Value

TEXTS = [
    "",
    " ",
    "a",
    "A",
    "it's",
    'say "x"',
    "back\\slash",
    "$$",
    "$body$",
    "%s",
    "%",
    "new\nline",
    "ü",
    "€",
    "𝄞",
    "a ",
    "{1,2}",
    "null",
]
EXTREMES = [
    0.0, -0.0, 1.0, -1.0, 0.1, 5e-324, -5e-324, 1e-310, 2.2250738585072014e-308, 1e-200,
    1e-150, 1e150, 1e200, 1e300, -1e300, 1e308,
    1.7976931348623157e308, -1.7976931348623157e308, math.inf, -math.inf, math.nan,
]  # fmt: skip
_numbers = st.one_of(
    st.floats(-100, 100).map(lambda x: round(x, 3) + 0.0),
    st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0, 1e-5, 1e5]),
    # JSON in PostgreSQL has no -0.0.
    st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0),
)
_tame = st.floats(-100, 100).map(lambda x: round(x, 3) + 0.0)
_texts = st.one_of(
    st.sampled_from(TEXTS), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
)


def _sorted(values: Any) -> list[Any]:  # noqa: ANN401
    return sorted(set(values))


@st.composite
def _inputs(draw: st.DrawFn) -> list[Program]:
    count = draw(st.integers(1, 5))
    inputs = []
    for position in range(count):
        kind = draw(st.sampled_from(["double precision", "double precision", "text", "boolean"]))
        each: Program = {
            "name": draw(_texts.filter(lambda x: x)) + str(position),
            "type": kind,
            "nullable": draw(st.booleans()),
        }
        if kind != "text" and draw(st.integers(0, 2)) == 0:
            low, high = sorted(draw(st.tuples(_numbers, _numbers)))
            each |= draw(st.sampled_from([{"minimum": low}, {"maximum": high}, {"minimum": low, "maximum": high}]))
        if draw(st.integers(0, 4)) == 0:
            each["known"] = _sorted(draw(st.lists(_texts if kind == "text" else _numbers, max_size=12)))
        inputs.append(each)
    return inputs


@st.composite
def _trees(draw: st.DrawFn, kinds: str, numbers: st.SearchStrategy[float]) -> Program:
    outputs = draw(st.integers(1, 3))
    of = draw(st.lists(st.integers(0, len(kinds) - 1), min_size=1, max_size=4))
    step: Program = {
        "step": "trees", "of": of, "precision": "float64", "base": [draw(numbers) for _ in range(outputs)], "roots": [],
        "target": [], "feature": [], "threshold": [], "set": [], "missing_left": [], "left": [], "right": [],
        "values": [], "sets": [],
    }  # fmt: skip
    if draw(st.booleans()):
        step["divide"] = draw(numbers) or 1.0
    covers = draw(st.sampled_from([None, st.sampled_from([0, 1, 2, 7, 0.5]), st.integers(1, 40)]))

    def grow(depth: int, target: int) -> int:
        node = len(step["feature"])
        for name in ("feature", "set", "left", "right"):
            step[name].append(-1)
        step["threshold"].append(None)
        step["missing_left"].append(0)
        if depth == 0 or draw(st.integers(0, 3)) == 0:
            step["left"][node] = len(step["values"])
            step["values"] += [draw(numbers) for _ in range(outputs if target == -1 else 1)]
            return node
        tested = draw(st.integers(0, len(of) - 1))
        step["feature"][node] = tested
        step["missing_left"][node] = draw(st.integers(0, 1))
        text = kinds[of[tested]] == "t"
        if text or draw(st.integers(0, 3)) == 0:
            step["set"][node] = len(step["sets"])
            step["sets"].append(_sorted(draw(st.lists(_texts if text else _numbers, max_size=11))))
        else:
            step["threshold"][node] = draw(_numbers)
        step["left"][node] = grow(depth - 1, target)
        step["right"][node] = grow(depth - 1, target)
        return node

    for _ in range(draw(st.integers(0, 4))):
        target = draw(st.integers(-1, outputs - 1))
        step["target"].append(target)
        step["roots"].append(grow(draw(st.integers(0, 3)), target))
    if covers is not None:
        step["cover"] = [draw(covers) for _ in step["feature"]]
    return step


@st.composite
def _step(draw: st.DrawFn, kinds: str, numbers: st.SearchStrategy[float]) -> Program:
    of = draw(st.integers(0, len(kinds) - 1))
    names = ["fill", "missing", "lookup", "linear", "trees"]
    if "n" in kinds:
        names += ["link", *FORMULAS]
    if kinds[of] == "n":
        names += ["affine", "affine", "affine", "clip", "function", "function"]
    name = draw(st.sampled_from(names))
    step: Program = {"step": name, "of": of}
    if name == "affine":
        fields = draw(st.lists(st.sampled_from(["subtract", "divide", "multiply", "add"]), unique=True))
        step |= {field: draw(numbers) for field in fields}
        if step.get("divide") == 0:
            step["divide"] = 1.0
    elif name == "clip":
        low, high = sorted([draw(numbers), draw(numbers)])
        step |= draw(st.sampled_from([{"minimum": low}, {"maximum": high}, {"minimum": low, "maximum": high}]))
    elif name == "function":
        step["name"] = draw(st.sampled_from(FUNCTION_NAMES))
    elif name == "fill":
        step["with"] = draw(_texts if kinds[of] == "t" else numbers)
    elif name == "lookup":
        step["keys"] = _sorted(draw(st.lists(_texts if kinds[of] == "t" else _numbers, max_size=20)))
        values = st.one_of(numbers, numbers, st.none())
        step["values"] = [draw(values) for _ in step["keys"]]
        step |= {"unknown": draw(values), "missing": draw(values)}
    elif name == "linear":
        return draw(_linear(kinds, numbers))
    elif name == "link":
        return draw(_link(kinds))
    elif name in FORMULAS:
        return draw(_formula(name, kinds, numbers))
    elif name == "trees":
        return draw(_trees(kinds, numbers))
    return step


@st.composite
def _linear(draw: st.DrawFn, kinds: str, numbers: st.SearchStrategy[float]) -> Program:
    registers = [register for register, kind in enumerate(kinds) if kind == "n"]
    of = draw(st.lists(st.sampled_from(registers), max_size=6)) if registers else []
    center = {"center": [draw(numbers) for _ in of]} if draw(st.booleans()) else {}
    return {"step": "linear", "of": of, "weights": [draw(numbers) for _ in of], "intercept": draw(numbers), **center}


FUNCTION_NAMES = (
    "abs", "sqrt", "square", "sign", "trunc", "floor", "ceil", "relu", "reciprocal", "exp", "expm1", "log", "log10",
    "log1p", "logit", "expit", "tanh", "sin", "cos",
)  # fmt: skip
# Those that take one score, and those that take a score for each class.
OF_ONE = ("logistic", "sign", "exp", "expit", "square_signed")
OF_CLASSES = ("softmax", "one_vs_rest", "argmax", "normalize")
LINKS = ("identity", "one_vs_all", *OF_ONE, *OF_CLASSES)


@st.composite
def _link(draw: st.DrawFn, kinds: str) -> Program:
    link = draw(st.sampled_from(LINKS))
    least, most = (1, 1) if link in OF_ONE else (2, 3) if link in OF_CLASSES else (1, 3)
    registers = [register for register, kind in enumerate(kinds) if kind == "n"]
    of = draw(st.lists(st.sampled_from(registers), min_size=least, max_size=most))
    return {"step": "link", "of": of, "link": link}


FORMULAS = ("product", "ratio", "piecewise", "quadratic", "median", "kernel")


@st.composite
def _formula(draw: st.DrawFn, name: str, kinds: str, numbers: st.SearchStrategy[float]) -> Program:
    registers = st.sampled_from([register for register, kind in enumerate(kinds) if kind == "n"])
    step: Program = {"step": name}
    if name == "piecewise":
        step |= {"of": draw(registers), "closed": draw(st.sampled_from(["left", "right"]))}
        step["missing"] = draw(st.one_of(st.none(), numbers))
        step["knots"] = _sorted(draw(st.lists(_numbers, min_size=1, max_size=4)))
        piece = st.one_of(st.none(), *[st.lists(numbers, min_size=1, max_size=most) for most in (1, 2, 4)])
        step["coefficients"] = [draw(piece) for _ in range(len(step["knots"]) + 1)]
        return step
    least, most = {"product": (2, 4), "ratio": (2, 2), "median": (1, 6)}.get(name, (1, 3))
    step["of"] = draw(st.lists(registers, min_size=least, max_size=most))
    row = st.lists(numbers, min_size=len(step["of"]), max_size=len(step["of"]))
    rows = st.lists(row, min_size=1, max_size=3)
    if name == "quadratic":
        step["center"] = draw(row)
        if draw(st.booleans()):
            step["matrix"] = draw(rows)
    elif name == "median":
        weights = st.one_of(st.sampled_from([0, 1, 1, 2, 1e300]), st.floats(0, 1e3))
        step["weights"] = draw(st.lists(weights, min_size=len(step["of"]), max_size=len(step["of"])))
    elif name == "kernel":
        step |= {"kernel": draw(st.sampled_from(["rbf", "poly", "sigmoid"])), "vectors": draw(rows)}
        step |= {"gamma": draw(numbers), "intercept": draw(numbers)}
        step["coefficients"] = [draw(numbers) for _ in step["vectors"]]
        if step["kernel"] != "rbf":
            step["constant"] = draw(numbers)
        if step["kernel"] == "poly":
            step["degree"] = draw(st.integers(1, 4))
    return step


def _defined(step: Program, kinds: str) -> str:
    """The kinds of the registers that a step defines."""
    if step["step"] == "trees":
        return "n" * len(step["base"])
    if step["step"] == "link":
        return "n" * link_outputs(step["link"], len(step["of"]))
    return kinds[step["of"]] if step["step"] == "fill" else "n"


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Valid programs."""
    numbers = draw(st.sampled_from([_tame, _tame, _numbers]))
    inputs = draw(_inputs())
    kinds = "".join("t" if each["type"] == "text" else "n" for each in inputs)
    steps = []
    for _ in range(draw(st.integers(0, 5))):
        step = draw(_step(kinds, numbers))
        steps.append(step)
        kinds += _defined(step, kinds)
    steps.append(draw(st.one_of(_linear(kinds, numbers), _trees(kinds, numbers))))
    kinds += _defined(steps[-1], kinds)
    link = draw(st.sampled_from(["identity", "logistic", *LINKS]))
    registers = [register for register, kind in enumerate(kinds) if kind == "n"]
    scores = [len(kinds) - 1]
    if link in OF_CLASSES:
        scores += draw(st.lists(st.sampled_from(registers), min_size=1, max_size=2))
    program = {"program": 1, "inputs": inputs, "steps": steps, "scores": scores, "link": link, "tie": "first"}
    if draw(st.integers(0, 3)) == 0:
        program["require"] = draw(st.lists(_requirement(registers), max_size=2))
    outputs = link_outputs(link, len(scores))
    # What a link marks already is the label.
    if outputs > 1 and link not in ("sign", "argmax") and draw(st.booleans()):
        program["decide"] = draw(st.lists(st.sampled_from(registers), min_size=outputs, max_size=outputs))
        program["tie"] = draw(st.sampled_from(["first", "last"]))
    return program


@st.composite
def _requirement(draw: st.DrawFn, registers: list[int]) -> Program:
    found: Program = {"of": draw(st.sampled_from(registers)), "nullable": draw(st.booleans())}
    bounds = draw(st.sampled_from([(-1e300, 1e300), (-3.4e38, 3.4e38), (-20.0, 20.0), (0.5, 1.5)]))
    for name, bound in zip(("minimum", "maximum"), bounds, strict=True):
        if draw(st.integers(0, 3)):
            found[name] = bound
    return found


def _texts_of(program: Program) -> list[str]:
    found: list[str] = []

    def walk(value: Any) -> None:  # noqa: ANN401
        if isinstance(value, str):
            found.append(value)
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            walk(each)

    walk(program)
    return found


def _numbers_of(program: Program) -> list[float]:
    found: list[float] = []
    for each in program["inputs"]:
        found += [each[name] for name in ("minimum", "maximum") if name in each]
        found += [key for key in each.get("known", []) if not isinstance(key, str)]
    for step in program["steps"]:
        lists = [step.get("keys", []), step.get("threshold", []), step.get("knots", []), *step.get("sets", [])]
        found += [each for values in lists for each in values if isinstance(each, float)]
    return [near for each in found for near in (each, math.nextafter(each, math.inf), math.nextafter(each, -math.inf))]


@st.composite
def rows(draw: st.DrawFn, program: Program, *, extreme: bool = True) -> list[Value]:
    """A row for a program: borders and their neighbours, extremes, missing values, texts that bite."""
    numbers = [_tame, _tame]
    if near := _numbers_of(program):
        numbers.append(st.sampled_from(near))
    if extreme:
        numbers.append(st.sampled_from(EXTREMES))
    row: list[Value] = []
    for each in program["inputs"]:
        if draw(st.integers(0, 9)) == 0:
            row.append(None)
        elif each["type"] == "text":
            row.append(draw(st.one_of(_texts, st.sampled_from(_texts_of(program)))))
        elif each["type"] == "boolean":
            row.append(draw(st.sampled_from([0.0, 1.0])))
        else:
            row.append(draw(st.one_of(numbers)))
    return row
