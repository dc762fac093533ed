"""Scores outside of the database, equal to those in it."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore_runtime.errors import Refusal

from pgscore.errors import PgscoreError

from .fetching import FetchedVersion, as_error, fetch_version

# numpy and pandas are imported where they are needed: the command has no use for them.
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from pgscore_runtime.contract import Contract, Input
    from pgscore_runtime.estimator import ServedEstimator

    from pgscore.database import Database
    from pgscore.keys import PublicKey

    from .evaluator import Answers, Evaluator

    Columns = Sequence[npt.NDArray[Any]]


class Evaluated(NamedTuple):
    """Scores of rows.

    Attributes:
        scores: float64, NaN where `pgscore.score` gives NULL.
        reasons: for each row that was refused its position, and why.
    """

    scores: npt.NDArray[np.float64]
    reasons: dict[int, str]


class Scorer:
    """A version of a model, ready to score pandas DataFrames as `pgscore.score` scores rows.

    Attributes:
        model: the model's name.
        version: the version's number.
        inputs: the columns that it reads, in their order.
    """

    model: str
    version: int
    inputs: tuple[Input, ...]

    def __init__(self, fetched: FetchedVersion) -> None:
        """Makes ready what was fetched; unpickles a version that is no program, whose signature is checked first.

        Raises:
            PgscoreError: it cannot be evaluated here.
        """
        self.model, self.version = fetched.model, fetched.version
        self._contract = fetched.parsed_contract()
        self.inputs = self._contract.inputs
        try:
            self._engine: _Engine = (
                _Program(fetched.program, self._contract) if fetched.program is not None else _Estimator(fetched)
            )
        except ModuleNotFoundError as error:
            raise PgscoreError(
                f"scoring needs a Python package that is missing here: {error.name}", "pip install numpy pandas"
            ) from None

    @classmethod
    def fetch(
        cls,
        database: Database,
        model: str,
        *,
        version: int | None = None,
        trusted: Sequence[PublicKey | Path | str] = (),
    ) -> Scorer:
        """Fetches a version out of a database, which is not asked again: a promotion does not change it.

        Args:
            database: a connection string, an SQLAlchemy engine on psycopg2, or a connection of psycopg2.
            model: the model's name.
            version: the version's number; None: the one that answers.
            trusted: public keys, or their files, whose holders may have this process run their code. Needed for
                versions that are no program; a program can compute and do nothing else.

        Raises:
            NotFoundError: there is no such model or version.
            DeniedError: the version is no program, and you trust no key that signed it, or may not read artifacts.
            PgscoreError: no version is promoted, or it cannot be evaluated here.
        """
        return cls(fetch_version(database, model, version, trusted))

    def score(self, frame: pd.DataFrame) -> pd.Series[float]:
        """The score of each row.

        Args:
            frame: rows x at least the inputs: numbers, decimals, booleans, texts; None and NaN are NULL. A float of
                four bytes is read as a column of type `real` is: as the decimal that it is shown as.

        Returns:
            float64 with the frame's index; NaN where `pgscore.score` gives NULL.

        Raises:
            PgscoreError: a column is missing, or holds what cannot serve.
        """
        return self.answers(frame)["score"]

    def answers(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The score of each row, the version that gives it, and the reason where the row is refused.

        Args:
            frame: as for `score`.

        Returns:
            With the frame's index: score (float64, NaN for NULL), version (int), reason (text or None).

        Raises:
            PgscoreError: as for `score`.
        """
        import numpy as np
        import pandas as pd

        from .frames import columns_of

        found = self.evaluate(columns_of(frame, self.inputs), len(frame))
        reasons = np.full(len(frame), None, dtype=object)
        for position, reason in found.reasons.items():
            reasons[position] = reason
        return pd.DataFrame({"score": found.scores, "version": self.version, "reason": reasons}, index=frame.index)

    def evaluate(self, columns: Columns, rows: int) -> Evaluated:
        """The scores of rows that are arrays already.

        Args:
            columns: for each input its values: float64 for numbers, booleans as 0 and 1, NaN where missing; objects for
                texts, None where missing.
            rows: how many there are of each.
        """
        found = self._engine.answers(columns, rows)
        return Evaluated(found.outputs[:, self._engine.position], found.reasons)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What `pgscore.predict` says of each row.

        Args:
            frame: as for `score`.

        Returns:
            With the frame's index: for a classifier label, None where there is none, and with probabilities one
            column for each class, named after it; otherwise value.

        Raises:
            PgscoreError: as for `score`.
        """
        import pandas as pd

        from .frames import columns_of

        columns = columns_of(frame, self.inputs)
        output = self._contract.output
        outputs, labels = self._engine.everything(columns, len(frame))
        if output.kind == "value":
            return pd.DataFrame({"value": outputs[:, 0]}, index=frame.index)
        classes = [None if position < 0 else output.classes[position] for position in labels]
        found: dict[Any, Any] = {"label": pd.Series(classes, index=frame.index, dtype=object)}
        if output.kind == "probability":
            found |= {label: outputs[:, position] for position, label in enumerate(output.classes)}
        return pd.DataFrame(found, index=frame.index)


class _Engine(ABC):
    """What evaluates a version: `position` is that of the score among what `answers` gives."""

    position = 0

    @abstractmethod
    def answers(self, columns: Columns, rows: int) -> Answers:
        """A score or a reason for each row."""

    @abstractmethod
    def everything(self, columns: Columns, rows: int) -> tuple[npt.NDArray[np.float64], list[int]]:
        """All outputs, NaN where there are none, and the position of the label, -1 where there is none."""


class _Program(_Engine):
    def __init__(self, text: str, contract: Contract) -> None:
        from pgscore_runtime.program import parse_program

        from .evaluator import Evaluator

        try:
            program = parse_program(text)
        except Refusal as error:
            raise as_error(error) from None
        self._tie, self._decides = program.tie, len(program.decide)
        self._evaluator: Evaluator = Evaluator(program)
        self.position = contract.output.positive or 0

    def answers(self, columns: Columns, rows: int) -> Answers:
        return self._evaluator.answers(columns, rows)

    def everything(self, columns: Columns, rows: int) -> tuple[npt.NDArray[np.float64], list[int]]:
        import numpy as np

        outputs = self._evaluator.answers(columns, rows).outputs
        nothing = np.asarray(np.isnan(outputs).any(axis=1))
        outputs[nothing] = np.nan
        comparable = np.where(nothing[:, np.newaxis], 0.0, outputs)
        comparable = comparable[:, -self._decides :]
        if self._tie == "first":
            labels = comparable.argmax(axis=1)
        else:
            labels = comparable.shape[1] - 1 - comparable[:, ::-1].argmax(axis=1)
        outputs = outputs[:, : outputs.shape[1] - self._decides]
        return outputs, np.where(nothing, -1, labels).tolist()


class _Estimator(_Engine):
    def __init__(self, fetched: FetchedVersion) -> None:
        import io

        from pgscore_runtime.artifact import read_artifact
        from pgscore_runtime.estimator import ServedEstimator

        fetched.check()
        contract = fetched.parsed_contract()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fitted = read_artifact(
                    io.BytesIO(fetched.artifact or b""), contract.format, fetched.confirmed, contract.graph_output
                )
        except Refusal as error:
            raise as_error(error, f"version {fetched.version} of model {fetched.model}") from None
        self._contract = contract
        self._served: ServedEstimator = ServedEstimator(fitted, contract)

    def answers(self, columns: Columns, rows: int) -> Answers:
        import numpy as np

        from .evaluator import Answers

        scores, reasons = self._served.scores(rows, *self._arrays(columns, rows))
        outputs = np.array(scores, dtype=np.float64).reshape(rows, 1)
        return Answers(
            outputs, ~np.isnan(outputs[:, 0]), {n: each for n, each in enumerate(reasons) if each is not None}
        )

    def everything(self, columns: Columns, rows: int) -> tuple[npt.NDArray[np.float64], list[int]]:
        import numpy as np

        found, _ = self._served.outputs(rows, *self._arrays(columns, rows))
        outputs = np.array(found, dtype=np.float64).reshape(rows, self._contract.output.width)
        labels = [-1 if each != each else int(each) for each in outputs[:, -1].tolist()]  # noqa: PLR0124  NaN
        return outputs, labels if self._contract.output.kind != "value" else [0] * rows

    def _arrays(self, columns: Columns, rows: int) -> tuple[Any, Any]:
        import numpy as np

        given: dict[bool, list[Any]] = {True: [], False: []}
        for each, column in zip(self._contract.inputs, columns, strict=True):
            given[each.is_text].append(column)
        numbers = np.column_stack(given[False]) if given[False] else np.zeros((rows, 0))
        texts = np.empty((rows, len(given[True])), dtype=object)
        for position, column in enumerate(given[True]):
            texts[:, position] = column
        return numbers, texts
