-- Rendered from plpython/pgscore_runtime by `make render`: change it there.
create or replace function pgscore_trusted._runtime() returns void
language plpython3u volatile parallel safe
set search_path = pg_catalog, pg_temp
as $runtime$
import sys, types
name = "pgscore_runtime:30722426f561d09c4a0f0d98cf51a0d81ee2460319a8d24beb6d87232276ca83"
package = "_pgscore_" + name[-64:]
modules = [
("", r'''
"""The part of pgscore that runs inside PostgreSQL.

Standard library only at import: numpy, scikit-learn, pandas and cryptography are imported when an artifact is first
unpickled in a backend. Nothing here imports ``plpy``; the PL/Python functions hand over what is needed.
"""
'''),
(".errors", r'''
"""What the runtime refuses, as data that SQL can raise."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818  the design's word, and what the SQL side calls it
    """A request that is refused before anything happened.

    Attributes:
        sqlstate: the five characters that a program can test for.
        message: one sentence: what is wrong and where.
        hint: one sentence: what to do, or an empty string.
    """

    def __init__(self, sqlstate: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.hint = hint


INSUFFICIENT_PRIVILEGE = "42501"
DATA_CORRUPTED = "XX001"
FEATURE_NOT_SUPPORTED = "0A000"
INVALID_PARAMETER = "22023"
'''),
(".artifact", r'''
"""Reading an artifact: bytes to a fitted estimator."""

from __future__ import annotations

import hashlib
import io
import os
from bisect import bisect_right
from importlib import metadata
from typing import TYPE_CHECKING, Any, BinaryIO

from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, INSUFFICIENT_PRIVILEGE, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

# Compared before unpickling; scikit-learn promises nothing for pickles of another version.
_PINNED = "scikit-learn"


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution, or None, without importing it."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def check_libraries(libraries: dict[str, str]) -> None:
    """Returns where this Python can be expected to read an artifact that was fitted with these libraries.

    A patch release of scikit-learn may differ; `verify` and `doctor` then tell by the golden rows whether it matters.

    Raises:
        Refusal: scikit-learn is missing here or has another major or minor version.
    """
    fitted = libraries.get(_PINNED)
    if fitted is None:
        return
    here = installed_version(_PINNED)
    if here is None:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the server's Python has no scikit-learn, and the model was fitted with {fitted}",
            "Install docker/requirements-server.txt where the server's PYTHONPATH points; `pgscore doctor` shows it.",
        )
    if here.split(".")[:2] != fitted.split(".")[:2]:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the model was fitted with scikit-learn {fitted}, and the server's Python has {here}",
            "Fit the model again with the server's version, or install the model's version on the server.",
        )


def forbid_threads() -> None:
    """Keeps OpenMP and BLAS to one thread in this process; call it before numpy is imported.

    A signal that PostgreSQL sends to a backend may otherwise be handled on one of their threads.
    """
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"


class Pieces(io.RawIOBase):
    """Pieces of an artifact, read as one file: they are never put together in memory."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._starts: list[int] = [0]
        self._position = 0

    def append(self, piece: bytes) -> None:
        """Adds the next piece."""
        self._pieces.append(piece)
        self._starts.append(self._starts[-1] + len(piece))

    def sha256(self) -> str:
        """Hexadecimal sha256 of the whole."""
        digest = hashlib.sha256()
        for piece in self._pieces:
            digest.update(piece)
        return digest.hexdigest()

    def readable(self) -> bool:  # noqa: D102  as any file's
        return True

    def seekable(self) -> bool:  # noqa: D102  as any file's
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:  # noqa: D102  as any file's
        return self._position

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401, D102  a writable buffer
        view = memoryview(buffer).cast("B")
        number = bisect_right(self._starts, self._position) - 1
        if number >= len(self._pieces):
            return 0
        offset = self._position - self._starts[number]
        part = memoryview(self._pieces[number])[offset : offset + len(view)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)


def read_artifact(source: io.RawIOBase | BinaryIO, kind: str, confirmed: Sequence[str] = ()) -> Any:  # noqa: ANN401
    """The object in a joblib, pickle or skops file.

    Reading joblib or pickle runs code: call it only on bytes that are trusted.

    Args:
        source: a seekable binary file.
        kind: ``joblib``, ``pickle`` or ``skops``.
        confirmed: types that a skops file may make beside those that skops itself trusts.

    Raises:
        Refusal: the bytes are not such a file, are cut short, need a package that is not installed, or ask for a type
            that is not confirmed.
    """
    file = io.BufferedReader(source) if isinstance(source, io.RawIOBase) else source
    try:
        if kind == "skops":
            return _read_skops(file, confirmed)
        import joblib

        return joblib.load(file)
    except Refusal:
        raise
    except ModuleNotFoundError as error:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the artifact needs a Python package that is missing here: {error}",
            "Install it beside scikit-learn, in the Python that loads the model.",
        ) from None
    except (AttributeError, ImportError) as error:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the artifact needs a class or function that is missing here: {error}",
            "What a pipeline uses must be importable from an installed module, not from a notebook or script.",
        ) from None
    except Exception as error:
        write = "skops.io.dump(estimator, path)" if kind == "skops" else "joblib.dump(estimator, path)"
        raise Refusal(
            DATA_CORRUPTED,
            f"the artifact is not a joblib, pickle or skops file, or is cut short ({type(error).__name__}: {error})",
            f"Write it again with {write}.",
        ) from None


def untrusted_types(content: bytes) -> list[str]:
    """The types that a skops file asks for and that skops does not trust by itself, sorted; none of them is made."""
    from skops.io import get_untrusted_types

    return sorted(get_untrusted_types(data=content))


def _read_skops(file: BinaryIO | io.BufferedReader, confirmed: Sequence[str]) -> Any:  # noqa: ANN401
    from skops.io import loads

    # skops takes the whole, or a path.
    content = file.read()
    wanted = untrusted_types(content)
    missing = [name for name in wanted if name not in confirmed]
    if missing:
        raise Refusal(
            INSUFFICIENT_PRIVILEGE,
            f"the artifact asks for types that no operator has confirmed: {', '.join(missing)}",
            "If each of them is harmless, an operator runs `pgscore confirm {model} {version}`.",
        )
    return loads(content, trusted=wanted)
'''),
(".contract", r'''
"""The contract of a version: inputs, output, and the libraries that it was fitted with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from .errors import INVALID_PARAMETER, Refusal

InputType = Literal["double precision", "text", "boolean"]
OutputKind = Literal["probability", "indicator", "value"]
Label = str | int | float | bool

_INPUT_TYPES = ("double precision", "text", "boolean")
_OUTPUT_KINDS = ("probability", "indicator", "value")


@dataclass(frozen=True)
class Input:
    """One input of a model, named after the feature.

    Attributes:
        name: the feature's name, and the profile column's.
        type: the PostgreSQL type that the value is handed over in.
        nullable: whether the estimator accepts a missing value here.
    """

    name: str
    type: InputType
    nullable: bool

    @property
    def is_text(self) -> bool:
        """Whether the value travels in the array of texts rather than in that of numbers."""
        return self.type == "text"


@dataclass(frozen=True)
class Output:
    """What the score is.

    Attributes:
        kind: ``probability`` of the positive class (``predict_proba``), ``indicator`` (1 where ``predict`` gives the
            positive class, else 0: classifiers without probabilities), or ``value`` (``predict`` of anything else).
        classes: the labels in the estimator's order; empty for a value.
        positive: the position of the positive class in ``classes``; None for a value.
    """

    kind: OutputKind
    classes: tuple[Label, ...] = ()
    positive: int | None = None

    @property
    def width(self) -> int:
        """How many numbers say all: the classes' probabilities and the label's position; the position; a value."""
        return len(self.classes) + 1 if self.kind == "probability" else 1


@dataclass(frozen=True)
class Contract:
    """Everything that is needed to call a version, and that its signature covers beside the artifact.

    Attributes:
        format: how the artifact is stored, ``joblib``, ``pickle`` or ``skops``.
        inputs: in the order in which the estimator was fitted.
        frame: whether the estimator needs a DataFrame with column names; an array serves otherwise.
        missing_text: what the estimator knows a missing text as, ``nan`` (pandas' way) or ``none``.
        output: what the score is.
        libraries: the versions it was fitted with, by distribution name, ``python`` among them.
        types: what a skops artifact makes beside the types that skops itself trusts, sorted.
    """

    format: str
    inputs: tuple[Input, ...]
    frame: bool
    missing_text: Literal["nan", "none"]
    output: Output
    libraries: dict[str, str]
    types: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[Input, ...]:
        """The inputs that travel in the array of numbers, booleans as 0 and 1 among them."""
        return tuple(each for each in self.inputs if not each.is_text)

    @property
    def texts(self) -> tuple[Input, ...]:
        """The inputs that travel in the array of texts."""
        return tuple(each for each in self.inputs if each.is_text)

    def to_json(self) -> str:
        """The canonical text: keys sorted, no blanks, so that equal contracts have equal bytes."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def signed_message(self, artifact_sha256: str) -> bytes:
        """The bytes that a signature covers, for an artifact with this hexadecimal sha256."""
        return f"pgscore artifact 1\n{artifact_sha256}\n{self.to_json()}".encode()

    def digest(self, artifact_sha256: str) -> str:
        """The hexadecimal sha256 that names artifact and contract together."""
        return hashlib.sha256(self.signed_message(artifact_sha256)).hexdigest()


def parse_contract(text: str) -> Contract:
    """Reads a contract from JSON.

    Raises:
        Refusal: the text is no JSON, or a part of it is missing or of the wrong type; the message names the part.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Refusal(INVALID_PARAMETER, f"the contract is not JSON: {error}") from None
    try:
        return _contract(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refusal(INVALID_PARAMETER, f"the contract is malformed: {type(error).__name__}: {error}") from None


def _contract(found: dict[str, Any]) -> Contract:
    output = found["output"]
    if output["kind"] not in _OUTPUT_KINDS:
        raise ValueError(f"output.kind is {output['kind']!r}")
    classes = tuple(output["classes"])
    positive = output["positive"]
    if (positive is None) != (output["kind"] == "value"):
        raise ValueError("output.positive goes with a classifier, and only with one")
    if positive is not None and not (type(positive) is int and 0 <= positive < len(classes)):
        raise ValueError("output.positive is no position in output.classes")
    if found["missing_text"] not in ("nan", "none"):
        raise ValueError(f"missing_text is {found['missing_text']!r}")
    return Contract(
        format=str(found["format"]),
        inputs=tuple(_input(each) for each in found["inputs"]),
        frame=bool(found["frame"]),
        missing_text=found["missing_text"],
        output=Output(output["kind"], classes, positive),
        libraries={str(name): str(version) for name, version in found["libraries"].items()},
        types=tuple(str(name) for name in found["types"]),
    )


def _input(found: dict[str, Any]) -> Input:
    if found["type"] not in _INPUT_TYPES:
        raise ValueError(f"input {found['name']!r} has type {found['type']!r}")
    return Input(str(found["name"]), cast("InputType", found["type"]), bool(found["nullable"]))
'''),
(".signature", r'''
"""Ed25519 signatures: who vouches for an artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import INSUFFICIENT_PRIVILEGE, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_signature(message: bytes, signature: bytes | None, key_id: str | None, trusted: Mapping[str, bytes]) -> None:
    """Returns where the signature of a trusted key covers the message.

    Args:
        message: what was signed.
        signature: 64 bytes, or None.
        key_id: the key that is said to have signed.
        trusted: raw public keys of 32 bytes by key id, revoked ones left out.

    Raises:
        Refusal: there is no signature, its key is not trusted, or it does not cover the message.
    """
    if signature is None or key_id is None:
        raise Refusal(
            INSUFFICIENT_PRIVILEGE,
            "the artifact carries no signature, and unpickling it could run any code",
            "Publish it again with `pgscore publish --key`, made by `pgscore keys generate`.",
        )
    public_key = trusted.get(key_id)
    if public_key is None:
        raise Refusal(
            INSUFFICIENT_PRIVILEGE,
            f"the artifact is signed with key {key_id}, which this database does not trust",
            "A superuser who trusts its holder runs `pgscore keys trust`.",
        )
    # Imported here: 42 ms that only a backend pays which is about to unpickle.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Refusal(
            INSUFFICIENT_PRIVILEGE,
            f"the signature of key {key_id} does not cover this artifact and contract: one of them was changed",
            "Publish the model again from its source.",
        ) from None
'''),
(".estimator", r'''
"""The `estimator` engine: a fitted estimator called with whole arrays."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy
    import numpy.typing

    from .contract import Contract, Input

    FloatArray = numpy.typing.NDArray[numpy.float64]
    BoolArray = numpy.typing.NDArray[numpy.bool_]

# What scikit-learn raises when it refuses an input: infinity, an unseen category, a missing value.
_REFUSES = (ValueError, TypeError, ArithmeticError, LookupError)


class ServedEstimator:
    """A fitted estimator with its contract."""

    def __init__(self, estimator: Any, contract: Contract) -> None:  # noqa: ANN401
        self._estimator = _single_threaded(estimator)
        self._contract = contract

    def scores(
        self, rows: int, numbers: Sequence[Any] | None, texts: Sequence[Any] | None
    ) -> tuple[list[float | None], list[str | None]]:
        """Scores whole arrays.

        Args:
            rows: the number of rows.
            numbers: rows x number inputs, nested or flat row by row; None for NULL, booleans as 0 and 1.
            texts: rows x text inputs, nested or flat row by row; None for NULL.

        Returns:
            A score for each row, None where an input is NULL that the model does not accept or where the estimator
            refuses the row; and for each row the reason of such a refusal, else None.
        """
        answers, reasons = self._answers(self._score, 1, rows, numbers, texts)
        return [answer for (answer,) in answers], reasons

    def outputs(
        self, rows: int, numbers: Sequence[Any] | None, texts: Sequence[Any] | None
    ) -> tuple[list[list[float | None]], list[str | None]]:
        """All that the estimator says of whole arrays, given as to `scores`.

        Returns:
            For each row the numbers that `Output.width` counts, None each where there is no score; and the reasons.
        """
        return self._answers(self._every, self._contract.output.width, rows, numbers, texts)

    def _answers(
        self,
        evaluate: Callable[[list[Any]], FloatArray],
        width: int,
        rows: int,
        numbers: Sequence[Any] | None,
        texts: Sequence[Any] | None,
    ) -> tuple[list[list[float | None]], list[str | None]]:
        import numpy as np

        inputs = self._contract.inputs
        number_array: FloatArray = _array(numbers, float).reshape(rows, len(self._contract.numbers))
        text_array = _array(texts, object).reshape(rows, len(self._contract.texts))
        number_columns, text_columns = iter(number_array.T), iter(text_array.T)
        columns = [next(text_columns if each.is_text else number_columns) for each in inputs]

        accepted: BoolArray = np.ones(rows, dtype=bool)
        for each, column in zip(inputs, columns, strict=True):
            if not each.nullable:
                accepted &= ~_missing(column)
        values = np.full((rows, width), np.nan)
        reasons: list[str | None] = [None] * rows
        answered = accepted.copy()
        with warnings.catch_warnings():
            # Feature-name and version warnings would reach the server's log once per call.
            warnings.simplefilter("ignore")
            for position, reason in self._fill(evaluate, values, columns, np.flatnonzero(accepted)):
                reasons[position] = reason
                answered[position] = False
        # What is not a number is no score.
        answered &= ~np.isnan(values).any(axis=1)
        nothing: list[float | None] = [None] * width
        outputs = [row if known else nothing for row, known in zip(values.tolist(), answered, strict=True)]
        return outputs, reasons

    def _fill(
        self,
        evaluate: Callable[[list[Any]], FloatArray],
        values: FloatArray,
        columns: list[Any],
        rows: Any,  # noqa: ANN401
    ) -> list[tuple[int, str]]:
        """Puts the outputs of these rows into `values`; halves what is refused until the refused rows are found."""
        if len(rows) == 0:
            return []
        try:
            values[rows] = evaluate([column[rows] for column in columns])
        except _REFUSES as error:
            if len(rows) == 1:
                return [(int(rows[0]), _first_line(error))]
            half = len(rows) // 2
            first = self._fill(evaluate, values, columns, rows[:half])
            return first + self._fill(evaluate, values, columns, rows[half:])
        return []

    def _given(self, columns: list[Any]) -> Any:  # noqa: ANN401
        return self._frame(columns) if self._contract.frame else self._matrix(columns)

    def _score(self, columns: list[Any]) -> FloatArray:
        """Rows x 1: the score."""
        import numpy as np

        output = self._contract.output
        given = self._given(columns)
        result: FloatArray
        if output.positive is None:
            result = np.asarray(self._estimator.predict(given), dtype=float)
        elif output.kind == "probability":
            result = np.asarray(self._estimator.predict_proba(given), dtype=float)[:, output.positive]
        else:
            labels = np.asarray(self._estimator.predict(given))
            result = (labels == self._estimator.classes_[output.positive]).astype(float)
        return result.reshape(len(columns[0]), 1)

    def _every(self, columns: list[Any]) -> FloatArray:
        """Rows x width: probabilities, if it has them, and the label's position; or the value."""
        import numpy as np

        output = self._contract.output
        if output.positive is None:
            return self._score(columns)
        given = self._given(columns)
        classes = {label: position for position, label in enumerate(self._estimator.classes_)}
        labels = np.array([[classes[label]] for label in self._estimator.predict(given)], dtype=float)
        if output.kind == "indicator":
            return labels
        return np.column_stack([np.asarray(self._estimator.predict_proba(given), dtype=float), labels])

    def _frame(self, columns: list[Any]) -> Any:  # noqa: ANN401
        import pandas as pd

        frame = {}
        for each, column in zip(self._contract.inputs, columns, strict=True):
            # Left to itself, pandas turns None among texts into NaN, which is another category.
            kept = each.is_text and self._contract.missing_text == "none"
            frame[each.name] = pd.Series(self._as_fitted(each, column), dtype=object if kept else None)
        return pd.DataFrame(frame)

    def _matrix(self, columns: list[Any]) -> Any:  # noqa: ANN401
        import numpy as np

        if not self._contract.texts:
            return np.column_stack(columns)
        matrix = np.empty((len(columns[0]), len(columns)), dtype=object)
        for position, (each, column) in enumerate(zip(self._contract.inputs, columns, strict=True)):
            matrix[:, position] = self._as_fitted(each, column)
        return matrix

    def _as_fitted(self, described: Input, column: Any) -> Any:  # noqa: ANN401
        import numpy as np

        if described.type == "double precision":
            return column
        missing = _missing(column)
        if described.type == "boolean" and not missing.any():
            return column.astype(bool)
        values = column.astype(object)
        if described.type == "boolean":
            values[~missing] = column[~missing].astype(bool)
        values[missing] = None if self._contract.missing_text == "none" else np.nan
        return values


def _array(values: Sequence[Any] | None, dtype: type) -> Any:  # noqa: ANN401
    import numpy as np

    return np.asarray([] if values is None else values, dtype=dtype)


def _missing(column: Any) -> BoolArray:  # noqa: ANN401
    import numpy as np

    if column.dtype == object:
        return np.array([value is None for value in column], dtype=bool)
    missing: BoolArray = np.isnan(column)
    return missing


def _single_threaded(estimator: Any) -> Any:  # noqa: ANN401
    """Turns off joblib's workers: a backend is one thread, and scores one row far faster without them."""
    if hasattr(estimator, "get_params"):
        jobs = [name for name in estimator.get_params(deep=True) if name.split("__")[-1] == "n_jobs"]
        if jobs:
            estimator.set_params(**dict.fromkeys(jobs, 1))
    return estimator


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
'''),
(".entry", r'''
"""What the PL/Python functions call. Every answer is data: refusals are raised by the SQL that asked."""

from __future__ import annotations

import json
import platform
import sys
import warnings
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from .artifact import Pieces, check_libraries, forbid_threads, installed_version, read_artifact
from .contract import parse_contract
from .errors import FEATURE_NOT_SUPPORTED, Refusal
from .estimator import ServedEstimator
from .signature import check_signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping, Sequence

_ESTIMATORS = "pgscore_estimators"
_RECEIVED = "pgscore_received"
# A backend that has lived through many promotions keeps the latest, not all: each may hold hundreds of megabytes.
_MOST_ESTIMATORS = 8
_REPORTED = ("scikit-learn", "numpy", "scipy", "pandas", "joblib", "skops", "cryptography")


def receive(session: MutableMapping[str, Any], ordinal: int, content: bytes) -> None:
    """Takes the next piece of an artifact; the first one, with ordinal 1, begins a new artifact."""
    if ordinal == 1:
        session[_RECEIVED] = Pieces()
    session[_RECEIVED].append(content)


def load(
    session: MutableMapping[str, Any],
    keys: Iterable[Mapping[str, Any]],
    contract: str,
    signature: bytes | None,
    key_id: str | None,
    confirmed: Sequence[str],
) -> tuple[str, str, str] | None:
    """Unpickles the signed artifact that was received and keeps it under its digest for the life of the backend.

    Args:
        session: PL/Python's ``GD``.
        keys: the trusted keys, each with ``key_id`` and ``public_key``.
        contract: its JSON.
        signature: 64 bytes, or None.
        key_id: the key that signed.
        confirmed: the types that an operator lets a skops artifact make.

    Returns:
        None where it was loaded, else SQLSTATE, message and hint of the refusal. Nothing was unpickled where the
        signature, a library or a type is refused.
    """
    pieces: Pieces = session.pop(_RECEIVED)
    try:
        described = parse_contract(contract)
        sha256 = pieces.sha256()
        trusted = {key["key_id"]: key["public_key"] for key in keys}
        check_signature(described.signed_message(sha256), signature, key_id, trusted)
        check_libraries(described.libraries)
        forbid_threads()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            served = ServedEstimator(read_artifact(pieces, described.format, confirmed), described)
    except Refusal as refusal:
        return refusal.sqlstate, refusal.message, refusal.hint
    except ImportError as error:
        return FEATURE_NOT_SUPPORTED, f"the server's Python lacks a package: {error}", ""
    kept = session.setdefault(_ESTIMATORS, OrderedDict())
    kept[described.digest(sha256)] = served
    while len(kept) > _MOST_ESTIMATORS:
        kept.popitem(last=False)
    return None


def estimate(
    session: MutableMapping[str, Any],
    digest: str,
    rows: int,
    numbers: list[Any] | None,
    texts: list[Any] | None,
    every: bool,
) -> tuple[list[float | None], list[str | None]] | None:
    """Scores whole arrays with the version of this digest.

    Returns:
        Scores and reasons, one of each for a row; None where `load` has to be called first. With `every`, all outputs
        of a row in the place of its score, row by row in one list.
    """
    kept = session.get(_ESTIMATORS, {})
    if digest not in kept:
        return None
    served: ServedEstimator = kept[digest]
    kept.move_to_end(digest)
    if not every:
        return served.scores(rows, numbers, texts)
    outputs, reasons = served.outputs(rows, numbers, texts)
    return [each for row in outputs for each in row], reasons


def environment() -> str:
    """The Python of this server and the packages that matter, as JSON."""
    return json.dumps(
        {
            "python": platform.python_version(),
            "prefix": sys.prefix,
            "path": list(sys.path),
            "packages": {name: installed_version(name) for name in _REPORTED},
        }
    )
'''),
]
for module_name, source in modules:
    full_name = package + module_name
    module = types.ModuleType(full_name)
    module.__package__ = package
    module.__path__ = []
    sys.modules[full_name] = module
    # PL/Python indents every line of a body with a tab, those inside of strings too.
    exec(compile(source.replace("\n\t", "\n"), "<" + full_name + ">", "exec"), module.__dict__)
GD[name] = sys.modules[package + ".entry"]
$runtime$;

comment on function pgscore_trusted._runtime() is
    'Registers the runtime in this backend, under the hash of its source. Called by the other PL/Python functions.';
revoke all on function pgscore_trusted._runtime() from public;
grant execute on function pgscore_trusted._runtime() to pgscore_owner;
