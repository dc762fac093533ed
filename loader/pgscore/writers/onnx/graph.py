"""A graph of ONNX operators while it is written: values are names, and what is always the same is written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[Any]

_ML = "ai.onnx.ml"
# The least that has the operators used here: LabelEncoder between texts and doubles is of ai.onnx.ml 4, which came
# with ONNX 1.15 and its format 9. ONNX Runtime 1.17 was the first with both.
OPSET = 15
ML_OPSET = 4
IR_VERSION = 9
# Protobuf has no larger messages.
_MOST_BYTES = 2**31 - 2**20


class Graph:
    """Nodes and constants, in the order in which they are written.

    A column is a value of rows x 1, or of 1 x 1 where it is the same for each row.

    Args:
        taken: names that are spoken for: those of inputs and outputs.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._number = 0
        self._nodes: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._initializers: list[Any] = []
        self._made: dict[tuple[Any, ...], str] = {}
        self._bytes = 0

    def _name(self, word: str) -> str:
        while True:
            self._number += 1
            name = f"{word}_{self._number}"
            if name not in self._taken:
                return name

    def constant(self, values: Any, dtype: Any = np.float64) -> str:  # noqa: ANN401
        """The name of a constant: an array, or what numpy makes one of."""
        array = np.asarray(values, dtype=dtype)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        key = (str(array.dtype), array.shape, content)
        if key not in self._constants:
            self._bytes += len(content)
            if self._bytes > _MOST_BYTES:
                raise PgscoreError("the graph would have more than 2 GB, which a file of ONNX cannot", "Write JSON.")
            self._constants[key] = self._name("constant")
            self._initializers.append(numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def number(self, value: float) -> str:
        """A constant column."""
        return self.constant([[value]])

    def op(self, kind: str, *inputs: str, domain: str = "", name: str | None = None, **attributes: Any) -> str:  # noqa: ANN401
        """What an operator makes of values; an equal one that stands there already serves.

        Args:
            kind: the operator.
            inputs: the names of what it is given.
            domain: the operators' domain.
            name: what the result is to be called, where it matters.
            attributes: the operator's.
        """
        key = (kind, domain, inputs, repr(sorted(attributes.items())))
        if name is None and key in self._made:
            return self._made[key]
        made = name or self._name(kind)
        self._nodes.append(helper.make_node(kind, inputs, [made], name=f"make {made}", domain=domain, **attributes))
        self._made.setdefault(key, made)
        return made

    def several(self, kind: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:  # noqa: ANN401
        """What an operator with several results makes of values."""
        made = [self._name(kind) for _ in range(outputs)]
        self._nodes.append(helper.make_node(kind, inputs, made, name=f"make {made[0]}", **attributes))
        return made

    def ml(self, kind: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401
        """What an operator of ai.onnx.ml makes of values."""
        return self.op(kind, *inputs, domain=_ML, **attributes)

    def cast(self, value: str, to: str) -> str:
        """A value as another type, such as ``DOUBLE``."""
        return self.op("Cast", value, to=onnx.TensorProto.DataType.Value(to))

    def choose(self, condition: str, one: str, other: str) -> str:
        """The one where the condition holds, else the other."""
        return self.op("Where", condition, one, other)

    def encode(self, value: str, keys: Sequence[Any], values: Array, default: Any) -> str:  # noqa: ANN401
        """For each key its value, and the default for what is no key: by LabelEncoder."""
        texts = bool(keys) and isinstance(keys[0], str)
        tensors = {
            "keys_tensor": numpy_helper.from_array(np.array(keys, dtype=object if texts else np.float64)),
            "values_tensor": numpy_helper.from_array(values),
            "default_tensor": numpy_helper.from_array(np.array([default], dtype=values.dtype)),
        }
        made = self._name("LabelEncoder")
        self._nodes.append(
            helper.make_node("LabelEncoder", [value], [made], name=f"make {made}", domain=_ML, **tensors)
        )
        return made

    def model(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any], metadata: dict[str, str]) -> Any:  # noqa: ANN401
        """The whole of it, as a ModelProto."""
        from pgscore import __name__ as producer

        graph = helper.make_graph(self._nodes, name, inputs, outputs, self._initializers)
        made = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(_ML, ML_OPSET)],
            ir_version=IR_VERSION,
            producer_name=producer,
        )
        helper.set_model_props(made, metadata)
        return made
