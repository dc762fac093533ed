"""An ONNX graph with the face of an estimator, evaluated by onnxruntime in one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, INVALID_PARAMETER, Refusal
from .onnx_labels import maker, stated_labels
from .onnx_outline import outline
from .onnx_session import Session

if TYPE_CHECKING:
    from .contract import Contract
    from .onnx_labels import Labels

# What tensors of numbers are called, and numpy's name of it.
_NUMBERS = {
    "float": "float32", "double": "float64", "float16": "float16", "int64": "int64", "int32": "int32",
    "int16": "int16", "int8": "int8", "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64",
}  # fmt: skip
_SCORES = ("float", "double", "float16")
_MAPS = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")
_PROBABILITIES = ("Softmax",)


class Tensor(NamedTuple):
    """An input or an output of a graph.

    Attributes:
        name: its name.
        kind: of its elements, ``float``, ``int64``, ``string``; the whole type of what is no tensor.
        shape: a number for each dimension, None where it may be any; a number of rows is None.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]

    @property
    def width(self) -> int | None:
        """How many numbers it has for each row; None where it does not say."""
        return self.shape[1] if len(self.shape) > 1 else 1


class OnnxFile:
    """A graph, read from its file, with the calls of an estimator.

    An output is what `output` names, or the only one, or two: labels and what belongs to each of them. Numbers for
    each row are probabilities of classes where a classifier of ``ai.onnx.ml`` or Softmax makes them; one is a value.

    Attributes:
        content: the file.
        output: the output that was chosen, or None.
        n_features_in_: how many columns its inputs take.
        feature_names_in_: the inputs' names, where each of several is one column; there is none otherwise.
        classes_: the labels, where there are some.
        inputs: the graph's, in their order.
        label: the output that is a label; None where labels go by probabilities, and where there is none.
        scores: the output that is probabilities or a value; None where there is a label alone.
    """

    def __init__(self, content: bytes, output: str | None = None, megabytes: int | None = None) -> None:
        """Reads a file.

        Args:
            content: it.
            output: the output that is the score, where there are several.
            megabytes: how much memory to run it may take; None: as much as there is.

        Raises:
            Refusal: it is no such file, holds what a stranger's graph may not, or takes or gives no rows of a table.
        """
        import numpy as np

        self.content = content
        self.output = output
        self._outline = outline(content)
        self._session = Session(content, megabytes)
        self.inputs = tuple(_tensor(each) for each in self._session.inputs)
        self._outputs = tuple(_tensor(each) for each in self._session.outputs)
        self.n_features_in_ = sum(_width_of_input(each) for each in self.inputs)
        if len(self.inputs) > 1 and self.n_features_in_ == len(self.inputs):
            self.feature_names_in_ = np.array([each.name for each in self.inputs], dtype=object)
        self.label, self.scores = self._chosen()
        labels = self._classes()
        if labels is not None:
            self.classes_ = np.array(labels, dtype=object if isinstance(labels[0], str) else np.int64)
            if self.scores is not None:
                self.predict_proba = self._probabilities

    def __getstate__(self) -> Any:  # noqa: ANN401
        return {"content": self.content, "output": self.output}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["content"], state["output"])  # type: ignore[misc]

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, given: Any) -> Any:  # noqa: ANN401
        """A label or a value for each row.

        Args:
            given: an array or a DataFrame with the inputs' columns in their order, or by their names.

        Raises:
            ValueError: a row holds what the graph's inputs cannot, or what the graph refuses.
        """
        import numpy as np

        if self.label is not None:
            (found,) = self._run(given, [self.label])
            return _by_rows(found, len(given), 1).reshape(-1)
        if hasattr(self, "classes_"):
            return self.classes_[np.argmax(self._probabilities(given), axis=1)]
        (found,) = self._run(given, [self._scores()])
        return _by_rows(found, len(given), 1).astype(float).reshape(-1)

    def check(self, contract: Contract) -> None:
        """Returns where a contract, which nobody need have signed, is one of this graph.

        Raises:
            Refusal: it has other inputs, another kind of output, or other labels.
        """
        classes = tuple(self.classes_.tolist()) if hasattr(self, "classes_") else ()
        kind = "value" if not classes else "indicator" if self.scores is None else "probability"
        wrong = None
        if len(contract.inputs) != self.n_features_in_:
            wrong = f"{len(contract.inputs)} inputs, and the graph {self.n_features_in_}"
        elif contract.output.kind != kind:
            wrong = f"a {contract.output.kind} as output, and the graph a {kind}"
        elif tuple(contract.output.classes) != classes:
            wrong = "other labels than the graph"
        if wrong is not None:
            raise Refusal(DATA_CORRUPTED, f"the contract has {wrong}", "Publish the model again from its source.")

    def _probabilities(self, given: Any) -> Any:  # noqa: ANN401
        import numpy as np

        scores = self._scores()
        (found,) = self._run(given, [scores])
        if scores.kind in _MAPS:
            labels = self.classes_.tolist()
            return np.array([[row[label] for label in labels] for row in found], dtype=float).reshape(-1, len(labels))
        return _by_rows(found, len(given), len(self.classes_)).astype(float)

    def _run(self, given: Any, outputs: list[Tensor]) -> list[Any]:  # noqa: ANN401
        return self._session.run([each.name for each in outputs], self._fed(given))

    def _fed(self, given: Any) -> dict[str, Any]:  # noqa: ANN401
        """For each input its tensor."""
        import numpy as np

        columns = given[[each.name for each in self.inputs]] if self._by_name(given) else given
        taken = columns.shape[1]
        if taken != self.n_features_in_:
            raise ValueError(f"the graph takes {self.n_features_in_} columns, and {taken} were given")
        fed, first = {}, 0
        for each in self.inputs:
            width = each.width or 1
            if hasattr(columns, "iloc"):
                part = columns.iloc[:, first : first + width].to_numpy()
            else:
                part = np.asarray(columns)[:, first : first + width]
            fed[each.name] = np.ascontiguousarray(_cast(part, each).reshape((len(part), *each.shape[1:])))
            first += width
        return fed

    def _by_name(self, given: Any) -> bool:  # noqa: ANN401
        return hasattr(given, "columns") and hasattr(self, "feature_names_in_")

    def _scores(self) -> Tensor:
        if self.scores is None:
            raise ValueError("the graph gives labels alone")
        return self.scores

    def _chosen(self) -> tuple[Tensor | None, Tensor | None]:
        """The outputs that are a label, and probabilities or a value."""
        named = {each.name: each for each in self._outputs}
        if self.output is not None and self.output not in named:
            raise Refusal(
                INVALID_PARAMETER, f"the graph has no output {self.output!r}", f"It has {', '.join(map(repr, named))}."
            )
        if self.output is not None:
            only = named[self.output]
        elif len(self._outputs) == 1:
            only = self._outputs[0]
        else:
            return self._pair()
        if only.kind in (*_MAPS, *_SCORES):
            return None, _one_row_each(only)
        _labels_each(only)
        # A number that is no class is a value.
        return (
            (None, only) if only.kind != "string" and stated_labels(self._outline, only.name) is None else (only, None)
        )

    def _pair(self) -> tuple[Tensor, Tensor]:
        labels = [each for each in self._outputs if each.kind in ("string", "int64", "int32")]
        scores = [each for each in self._outputs if each.kind in (*_MAPS, *_SCORES)]
        if not (len(self._outputs) == 2 and len(labels) == len(scores) == 1 and self._is_of_classes(scores[0])):  # noqa: PLR2004
            names = ", ".join(repr(each.name) for each in self._outputs)
            raise Refusal(
                INVALID_PARAMETER,
                f"the graph has {len(self._outputs)} outputs, {names}, and a score is one of them",
                "Choose it with --output.",
            )
        return _labels_each(labels[0]), _one_row_each(scores[0])

    def _is_of_classes(self, scores: Tensor) -> bool:
        return scores.kind in _MAPS or scores.width != 1

    def _classes(self) -> Labels | None:
        """The labels, where there are some."""
        if self.scores is not None and self.label is None and self.scores.kind in _SCORES and self.scores.width == 1:
            return None
        if self.label is None and self.scores is not None and self.scores.kind not in (*_MAPS, *_SCORES):
            return None
        found = None
        for each in (self.scores, self.label):
            if each is not None and found is None:
                found = stated_labels(self._outline, each.name)
        width = self.scores.width if self.scores is not None and self.scores.kind in _SCORES else None
        if found is None and self.label is None and self.scores is not None:
            self._check_probabilities(self.scores)
        if found is None and width is not None and (self.label is None or self.label.kind != "string"):
            found = tuple(range(width))
        if found is None or (width is not None and width != len(found)):
            of_which = (
                "which labels it gives" if found is None else f"which of its {width} numbers belongs to which label"
            )
            raise Refusal(FEATURE_NOT_SUPPORTED, f"the graph does not say {of_which}", "Export it with ZipMap.")
        return found

    def _check_probabilities(self, scores: Tensor) -> None:
        if maker(self._outline, scores.name) not in _PROBABILITIES:
            raise Refusal(
                FEATURE_NOT_SUPPORTED,
                f"output {scores.name!r} gives {scores.width or 'several'} numbers for each row, and not by Softmax,"
                " which gives probabilities of classes",
                "Export the graph with Softmax at its end, or with one number for each row.",
            )


def _tensor(found: Any) -> Tensor:  # noqa: ANN401
    kind = found.type.removeprefix("tensor(").removesuffix(")") if found.type.startswith("tensor(") else found.type
    shape = tuple(each if type(each) is int else None for each in found.shape)
    return Tensor(found.name, kind, shape)


def _width_of_input(tensor: Tensor) -> int:
    what = f"input {tensor.name!r} of the graph"
    if tensor.kind not in (*_NUMBERS, "bool", "string"):
        raise Refusal(FEATURE_NOT_SUPPORTED, f"{what} takes {tensor.kind}, and a row of a table has none")
    if len(tensor.shape) not in (1, 2):
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"{what} has {len(tensor.shape)} dimensions, and rows of a table have two",
            "Export it with rows and columns alone.",
        )
    if tensor.shape[0] is not None:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"{what} takes {tensor.shape[0]} rows at a time, no more and no fewer",
            "Export it with any number of rows: dynamic_axes of torch.onnx.export, None in tf2onnx's signature.",
        )
    if tensor.width is None or tensor.width < 1:
        raise Refusal(
            FEATURE_NOT_SUPPORTED, f"{what} does not say how many columns it takes", "Export it with their number."
        )
    return tensor.width


def _one_row_each(tensor: Tensor) -> Tensor:
    # Of one row is what some converters promise of outputs, and onnxruntime gives as many as it is asked for.
    rows = tensor.shape[0] if tensor.shape else None
    if len(tensor.shape) > 2 or rows not in (None, 1) or (tensor.kind in _SCORES and not tensor.shape):  # noqa: PLR2004
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"output {tensor.name!r} of the graph has the shape {list(tensor.shape)}, and a row"
            " has one or more numbers",
            "Export it with any number of rows, or choose another output with --output.",
        )
    return tensor


def _labels_each(tensor: Tensor) -> Tensor:
    if tensor.kind not in ("string", *_NUMBERS):
        raise Refusal(FEATURE_NOT_SUPPORTED, f"output {tensor.name!r} of the graph is of {tensor.kind}, and no score")
    _one_row_each(tensor)
    if tensor.width not in (1, None):
        raise Refusal(
            FEATURE_NOT_SUPPORTED, f"output {tensor.name!r} of the graph has {tensor.width} labels for each row"
        )
    return tensor


def _by_rows(found: Any, rows: int, width: int) -> Any:  # noqa: ANN401
    """Numbers of rows; onnxruntime does not hold a graph to the shape that it promises."""
    import numpy as np

    numbers = np.asarray(found)
    if numbers.size != rows * width or (numbers.ndim and len(numbers) != rows):
        raise ValueError(f"the graph gives an array of the shape {numbers.shape} for {rows} rows")
    return numbers.reshape(rows, width)


def _cast(part: Any, tensor: Tensor) -> Any:  # noqa: ANN401
    """Columns as an input takes them: as numpy casts them, where that has a meaning.

    Raises:
        ValueError: a number is missing that an integer has to be made of, or a text, which ONNX has no gap for: numpy's
            None would be the text None to onnxruntime.
    """
    import numpy as np

    if tensor.kind == "string":
        texts = part.astype(object)
        for each in texts.flat:
            if not isinstance(each, str):
                raise ValueError(f"input {tensor.name!r} takes a text, and {_shown(each)} is none")
        return texts
    if part.dtype == object:
        if any(isinstance(each, str) for each in part.flat):
            raise ValueError(f"input {tensor.name!r} takes a number, and a text is none")
        part = part.astype(float)
    if tensor.kind in _SCORES:
        with np.errstate(over="ignore"):
            return part.astype(_NUMBERS[tensor.kind])
    if np.isnan(part).any():
        raise ValueError(f"input {tensor.name!r} takes {tensor.kind}, and a value that is missing is none")
    if tensor.kind == "bool":
        return part.astype(bool)
    kind = np.dtype(_NUMBERS[tensor.kind])
    bounds = np.iinfo(kind)
    whole = np.trunc(part.astype(float))
    # 2 ** 63 is a double, and the largest number below it is not.
    if (whole < bounds.min).any() or (whole >= float(bounds.max) + (kind.itemsize < 8)).any():  # noqa: PLR2004
        raise ValueError(f"input {tensor.name!r} takes {tensor.kind}, and a number is beyond that")
    return whole.astype(kind)


def _shown(value: object) -> str:
    return "a value that is missing" if value is None or value != value else f"{value!r}"  # noqa: PLR0124
