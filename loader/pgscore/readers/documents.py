"""Models that other tools have written into a file as data: what publishing asks of one beside its program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgscore_runtime.contract import Input, Output


class Document(Protocol):
    """A file of another tool's, read as data. Nothing of it runs.

    Attributes:
        inputs: what the model reads, in the order in which its program takes them; nullable where a row may have a
            score without it.
        output: what the score is; of classes the second of two is the positive one, or else the first, until the
            publisher names another.
        categories: by input, the values that the file knows of it, where it lists them.
        libraries: what wrote the file, by name, such as ``{"pmml": "4.4"}``: for the contract.
    """

    @property
    def inputs(self) -> tuple[Input, ...]: ...  # noqa: D102

    @property
    def output(self) -> Output: ...  # noqa: D102

    @property
    def categories(self) -> Mapping[str, tuple[str | float | bool, ...]]: ...  # noqa: D102

    @property
    def libraries(self) -> Mapping[str, str]: ...  # noqa: D102
