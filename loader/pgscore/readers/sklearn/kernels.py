"""Readers of approximations of kernels: RBFSampler, Nystroem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn, Operation, Table
from pgscore.readers.writing.linear_writer import write_linear

if TYPE_CHECKING:
    from collections.abc import Callable

    from sklearn.kernel_approximation import Nystroem, RBFSampler

    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer

_MOST_DEGREE = 20


def read_rbf_sampler(sampler: RBFSampler, table: Table, writer: Writer, part: str) -> Table:
    """cos(X @ weights + offset) * sqrt(2 / components)."""
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    weights = np.asarray(sampler.random_weights_, dtype=np.float64)
    size = (2.0 / sampler.n_components) ** 0.5
    found = []
    for row, offset in zip(weights.T, np.asarray(sampler.random_offset_, dtype=np.float64), strict=True):
        projection = write_linear(columns, row, float(offset), writer, finite=True)
        found.append(writer.function("cos", projection))
    writer.domains.rough.update(dict.fromkeys(found, part))
    return Table(tuple(NumberColumn(register, (Operation("multiply", size),)) for register in found))


def read_nystroem(nystroem: Nystroem, table: Table, writer: Writer, part: str) -> Table:
    """The kernel of a row and each component, times the transposed normalization."""
    write = _KERNELS.get(nystroem.kernel) if isinstance(nystroem.kernel, str) else None
    if write is None:
        known = ", ".join(sorted(_KERNELS))
        raise NotAProgramError(part, f"has the kernel {nystroem.kernel!r}, and a program knows {known}")
    if table.sparse:
        raise NotAProgramError(part, "takes kernels of a sparse matrix")
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=False)
    parameters = {"gamma": nystroem.gamma, "coef0": nystroem.coef0, "degree": nystroem.degree}
    given = {name: value for name, value in parameters.items() if value is not None}
    parameters = {**_DEFAULTS, "gamma": 1.0 / len(columns), **(nystroem.kernel_params or {}), **given}
    registers = [writer.register(column) for column in columns]
    writer.domains.refuse_rough(*registers)
    components = np.asarray(nystroem.components_, dtype=np.float64)
    kernels = write(registers, components, parameters, writer, part)
    weights = np.asarray(nystroem.normalization_, dtype=np.float64)
    found = [writer.linear(kernels, row.tolist()) for row in weights]
    writer.domains.rough.update(dict.fromkeys(found, part))
    return Table(tuple(NumberColumn(register) for register in found))


# Those of `sklearn.metrics.pairwise`.
_DEFAULTS: dict[str, Any] = {"coef0": 1.0, "degree": 3}


def _radial(
    registers: list[int], vectors: FloatArray, parameters: dict[str, Any], writer: Writer, part: str
) -> list[int]:
    """exp(-gamma * max(0, -2 x v + x x + v v)), as `euclidean_distances` finds the squared distance."""
    squares = writer.add({"step": "quadratic", "of": registers, "center": [0.0] * len(registers)})
    found = []
    for vector, square in zip(vectors, np.einsum("ij,ij->i", vectors, vectors).tolist(), strict=True):
        inner = writer.linear(registers, (-2 * vector).tolist())
        distance = writer.number(writer.linear([inner, squares], [1.0, 1.0]), [Operation("add", square)])
        scaled = [Operation("multiply", -float(parameters["gamma"])), Operation("exp")]
        found.append(writer.number(writer.function("relu", distance), scaled))
    return found


def _linear(
    registers: list[int], vectors: FloatArray, parameters: dict[str, Any], writer: Writer, part: str
) -> list[int]:
    return [writer.linear(registers, vector.tolist()) for vector in vectors]


def _polynomial(
    registers: list[int], vectors: FloatArray, parameters: dict[str, Any], writer: Writer, part: str
) -> list[int]:
    """(gamma * x v + coef0) ** degree."""
    degree = parameters["degree"]
    if degree != int(degree) or not 1 <= degree <= _MOST_DEGREE:
        raise NotAProgramError(part, f"has a kernel of degree {degree}, and a program takes integers up to 20")
    return _kernels("poly", registers, vectors, {**_shape(parameters), "degree": int(degree)}, writer)


def _sigmoid(
    registers: list[int], vectors: FloatArray, parameters: dict[str, Any], writer: Writer, part: str
) -> list[int]:
    """tanh(gamma * x v + coef0)."""
    return _kernels("sigmoid", registers, vectors, _shape(parameters), writer)


def _shape(parameters: dict[str, Any]) -> dict[str, Any]:
    return {"gamma": float(parameters["gamma"]), "constant": float(parameters["coef0"])}


def _kernels(
    kernel: str, registers: list[int], vectors: FloatArray, parameters: dict[str, Any], writer: Writer
) -> list[int]:
    return [
        writer.add(
            {
                "step": "kernel",
                "of": registers,
                "kernel": kernel,
                "vectors": [vector],
                "coefficients": [1.0],
                "intercept": 0.0,
                **parameters,
            }
        )
        for vector in vectors.tolist()
    ]


_KERNELS: dict[str, Callable[[list[int], FloatArray, dict[str, Any], Writer, str], list[int]]] = {
    "rbf": _radial,
    "linear": _linear,
    "poly": _polynomial,
    "polynomial": _polynomial,
    "sigmoid": _sigmoid,
}

TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.kernel_approximation.RBFSampler": read_rbf_sampler,
    "sklearn.kernel_approximation.Nystroem": read_nystroem,
}
