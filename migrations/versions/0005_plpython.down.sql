-- plpython/pin_path.sql
-- Names in defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- plpython/_runtime.sql
-- Rendered from plpython/pgscore_runtime by `make render`: change it there.
create or replace function pgscore_trusted._runtime() returns void
language plpython3u volatile parallel safe
set search_path = pg_catalog, pg_temp
as $runtime$
import sys
from _frozen_importlib import ModuleSpec
name = "pgscore_runtime:51b15142429d9289f862d0882592ce29f24c56f2a3e051370f8fe7999004092e"
package = "_pgscore_" + name[-64:]
if name in GD:
    return
sources = {
"": r'''
"""The part of pgscore that runs inside PostgreSQL.

Standard library only at import: numpy, scikit-learn, pandas and cryptography are imported when an artifact is first
unpickled in a backend. Nothing here imports ``plpy``; the PL/Python functions hand over what is needed.
"""
''',
".artifact": r'''
"""Reading an artifact: bytes to a fitted estimator."""

from __future__ import annotations

import hashlib
import io
import os
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, BinaryIO

from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, INSUFFICIENT_PRIVILEGE, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

# Compared before unpickling; scikit-learn promises nothing for pickles of another version.
_PINNED = "scikit-learn"


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution, or None, without importing it."""
    from importlib import metadata

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
''',
".checks": r'''
"""Checks of JSON values that nobody vouches for: each returns what it was given, or refuses it and names its place."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import INVALID_PARAMETER, Refusal

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_TEXT = 1000
_SHOWN = 60


def refuse(place: str, what: str) -> NoReturn:
    """Refuses a program.

    Raises:
        Refusal: always; the message names the place and says what is wrong there.
    """
    raise Refusal(INVALID_PARAMETER, f"the program is refused: {place} {what}")


def shown(value: object) -> str:
    """A value as a message shows it: short, and never the inside of a list."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = {None: "null", True: "true", False: "false"}.get(value) if value is None or value in (True, False) else None
    if text is None or type(value) in (int, float):
        text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def fields(found: Any, place: str, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:  # noqa: ANN401
    """An object with all of the required fields, and beside them optional ones only."""
    if type(found) is not dict:
        refuse(place, f"is {shown(found)}, not an object")
    for name in required:
        if name not in found:
            refuse(place, f"has no {name}")
    for name in found:
        if name not in required and name not in optional:
            refuse(place, f"has a field {shown(name)}, which means nothing there")
    return found


def items(found: Any, place: str, most: int | None = None) -> list[Any]:  # noqa: ANN401
    """A list, of at most so many."""
    if type(found) is not list:
        refuse(place, f"is {shown(found)}, not a list")
    if most is not None and len(found) > most:
        refuse(place, f"has {len(found):,} entries, and at most {most:,} are allowed")
    return found


def number(found: Any, place: str) -> float:  # noqa: ANN401
    """A finite number as a double; true and false are none."""
    if type(found) not in (int, float):
        refuse(place, f"is {shown(found)}, not a number")
    try:
        value = float(found)
    except OverflowError:
        value = float("inf")
    if not isfinite(value):
        refuse(place, f"is {shown(found)}, not a finite double")
    return value


def numbers(found: Any, place: str) -> list[float]:  # noqa: ANN401
    """A list of finite numbers as doubles."""
    values = items(found, place)
    if set(map(type, values)) <= {int, float}:
        try:
            doubles = list(map(float, values))
        except OverflowError:
            pass
        else:
            if all(map(isfinite, doubles)):
                return doubles
    # Slower, to find the place.
    return [number(value, f"{place}[{position}]") for position, value in enumerate(values)]


def integer(found: Any, place: str, least: int, most: int) -> int:  # noqa: ANN401
    """An integer within bounds, both included."""
    if type(found) is not int:
        refuse(place, f"is {shown(found)}, not an integer")
    if not least <= found <= most:
        refuse(place, f"is {shown(found)}, not within {least} to {most}")
    return found


def integers(found: Any, place: str, least: int, most: int) -> list[int]:  # noqa: ANN401
    """A list of integers within bounds, both included."""
    values = items(found, place)
    if set(map(type, values)) <= {int} and (not values or (least <= min(values) and max(values) <= most)):
        return values
    return [integer(value, f"{place}[{position}]", least, most) for position, value in enumerate(values)]


def text(found: Any, place: str) -> str:  # noqa: ANN401
    """A text that PostgreSQL can hold, of at most 1,000 bytes in UTF-8."""
    if type(found) is not str:
        refuse(place, f"is {shown(found)}, not a text")
    if "\0" in found:
        refuse(place, "holds U+0000")
    try:
        size = len(found.encode())
    except UnicodeEncodeError:
        refuse(place, "holds half of a surrogate pair")
    if size > MOST_TEXT:
        refuse(place, f"has {size:,} bytes, and at most {MOST_TEXT:,} are allowed")
    return found


def choice(found: Any, place: str, choices: Collection[str]) -> str:  # noqa: ANN401
    """One of the words."""
    if type(found) is not str or found not in choices:
        refuse(place, f"is {shown(found)}, not one of {', '.join(choices)}")
    return found


def flag(found: Any, place: str) -> bool:  # noqa: ANN401
    """True or false."""
    if type(found) is not bool:
        refuse(place, f"is {shown(found)}, not true or false")
    return found


def members(found: Any, place: str, *, texts: bool) -> list[Any]:  # noqa: ANN401
    """A sorted list of texts, or of numbers, without repetitions."""
    values = items(found, place)
    if texts:
        kept: list[Any] = [text(value, f"{place}[{position}]") for position, value in enumerate(values)]
    else:
        kept = numbers(values, place)
    for position in range(1, len(kept)):
        if not kept[position - 1] < kept[position]:
            refuse(f"{place}[{position}]", f"is {shown(values[position])}, and does not come after the one before it")
    return kept


class Budget:
    """What is left of a limit that several parts of a program share."""

    def __init__(self, most: int, what: str) -> None:
        self._most = self._left = most
        self._what = what

    def spend(self, count: int, place: str) -> None:
        """Takes so many from it.

        Raises:
            Refusal: there are not so many left.
        """
        self._left -= count
        if self._left < 0:
            refuse(place, f"brings the program past {self._most:,} {self._what}")
''',
".contract": r'''
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
''',
".entry": r'''
"""What the PL/Python functions call. Every answer is data: refusals are raised by the SQL that asked."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

from .errors import FEATURE_NOT_SUPPORTED, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping, Sequence

    from .artifact import Pieces
    from .estimator import ServedEstimator

# The other modules are imported where they are needed: a backend that only walks programs is not to pay for what
# unpickles, on its first insert.
_ESTIMATORS = "pgscore_estimators"
_RECEIVED = "pgscore_received"
# A backend that has lived through many promotions keeps the latest, not all: each may hold hundreds of megabytes.
_MOST_ESTIMATORS = 8
_PROGRAMS = "pgscore_programs"
_MOST_PROGRAMS = 32
_REPORTED = ("scikit-learn", "numpy", "scipy", "pandas", "joblib", "skops", "cryptography")


def receive(session: MutableMapping[str, Any], ordinal: int, content: bytes) -> None:
    """Takes the next piece of an artifact; the first one, with ordinal 1, begins a new artifact."""
    from .artifact import Pieces

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
    import warnings

    from .artifact import check_libraries, forbid_threads, read_artifact
    from .contract import parse_contract
    from .estimator import ServedEstimator
    from .signature import check_signature

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
    kept = session.setdefault(_ESTIMATORS, {})
    kept[described.digest(sha256)] = served
    while len(kept) > _MOST_ESTIMATORS:
        del kept[next(iter(kept))]
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
    # The one that was used last stands last.
    served: ServedEstimator = kept.pop(digest)
    kept[digest] = served
    if not every:
        return served.scores(rows, numbers, texts)
    outputs, reasons = served.outputs(rows, numbers, texts)
    return [each for row in outputs for each in row], reasons


def load_program(session: MutableMapping[str, Any], runtime: str, program: str) -> tuple[str, str, str] | None:
    """Reads a program and keeps it, ready to be walked, for the life of the backend.

    Args:
        session: PL/Python's ``GD``; the program stands there under ``runtime`` and the sha256 of its text, so that
            whoever asks for it by what was hashed gets it, and not from another release's runtime.
        runtime: the name that this runtime is registered under.
        program: its JSON.

    Returns:
        None where it was read, else SQLSTATE, message and hint of the refusal.
    """
    from .interpreter import Interpreter
    from .program import parse_program

    try:
        interpreter = Interpreter(parse_program(program))
    except Refusal as refusal:
        return refusal.sqlstate, refusal.message, refusal.hint
    name = runtime + hashlib.sha256(program.encode()).hexdigest()
    kept = session.setdefault(_PROGRAMS, {})
    kept[name] = None
    session[name] = interpreter
    while len(kept) > _MOST_PROGRAMS:
        oldest = next(iter(kept))
        del kept[oldest], session[oldest]
    return None


def environment() -> str:
    """The Python of this server and the packages that matter, as JSON."""
    import platform

    from .artifact import installed_version

    return json.dumps(
        {
            "python": platform.python_version(),
            "prefix": sys.prefix,
            "path": list(sys.path),
            "packages": {name: installed_version(name) for name in _REPORTED},
        },
        ensure_ascii=False,
    )
''',
".errors": r'''
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
''',
".estimator": r'''
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
            # Left to itself, pandas turns None among texts into NaN, which is another category, and newer releases
            # make another type of texts.
            frame[each.name] = pd.Series(self._as_fitted(each, column), dtype=object if each.is_text else None)
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
''',
".interpreter": r'''
"""The `interpreter` engine: walks a program with the standard library alone.

A program is turned into closures over constants when it is constructed; never into source code.
"""

from __future__ import annotations

from math import nan, sqrt
from operator import add, mul, sub, truediv
from typing import TYPE_CHECKING, Any

from .checks import shown
from .links import link_function
from .quick import quick_score
from .steps import Affine, Clip, Fill, Function, Linear, Lookup, Missing
from .tree_arrays import Trees
from .walk import walker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .program import Program, ProgramInput
    from .quick import Score

_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "subtract": sub,
    "divide": truediv,
    "multiply": mul,
    "add": add,
}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    # A NaN is not below 0, and stays what it is.
    "sqrt": lambda value: nan if value < 0 else sqrt(value),
    "square": lambda value: value * value,
}


class Interpreter:
    """A program, ready to be evaluated.

    Attributes:
        score: gives the score for one row, given as to `outputs`: the output at a position; None where there is none.
    """

    def __init__(self, program: Program) -> None:
        inputs = program.inputs
        self._inputs = inputs
        self._sources = _sources(inputs)
        self._numbers = tuple((n, each.minimum, each.maximum) for n, each in enumerate(inputs) if not each.is_text)
        self._required = tuple(n for n, each in enumerate(inputs) if each.is_text and not each.nullable)
        self._known = tuple((n, each.known) for n, each in enumerate(inputs) if each.known is not None)
        self._steps = _compiled(program)
        self._scores = program.scores
        self._link = link_function(program.link)
        self.score: Score = quick_score(program, self._score) or self._score

    def outputs(
        self, numbers: Sequence[float | None], texts: Sequence[str | None]
    ) -> tuple[list[float] | None, str | None]:
        """The outputs for one row.

        Args:
            numbers: the values of the number inputs in their order, booleans as 0 and 1; None or NaN where missing.
            texts: the values of the text inputs in their order; None where missing.

        Returns:
            One output for each class, or one for a value, and None; None and None where an input is missing that must
            not be; None and the reason where the row is refused.
        """
        registers: list[Any] = (
            [(texts if is_text else numbers)[position] for is_text, position in self._sources] if texts else [*numbers]
        )
        for position, minimum, maximum in self._numbers:
            value = registers[position]
            if value is None or not minimum <= value <= maximum:
                if value is None or value != value:  # noqa: PLR0124  NaN
                    if self._inputs[position].nullable:
                        registers[position] = nan
                        continue
                    return None, None
                return None, self._reason(registers)
        for position in self._required:
            if registers[position] is None:
                return None, None
        for position, known in self._known:
            value = registers[position]
            if value not in known and value is not None and value == value:  # noqa: PLR0124  NaN
                return None, self._reason(registers)
        for step in self._steps:
            step(registers)
        return self._link([registers[register] for register in self._scores]), None

    def _score(self, numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        outputs, _ = self.outputs(numbers, texts)
        if outputs is None:
            return None
        score = outputs[positive]
        return None if score != score else score  # noqa: PLR0124  NaN

    def scores(
        self,
        rows: int,
        numbers: Sequence[Any] | None,
        texts: Sequence[Any] | None,
        positive: int | None,
    ) -> tuple[list[float | None], list[str | None]]:
        """Scores whole arrays, as the estimator engine does.

        Args:
            rows: the number of rows.
            numbers: rows x number inputs, nested or flat row by row; None for NULL, booleans as 0 and 1.
            texts: rows x text inputs, nested or flat row by row; None for NULL.
            positive: the position of the positive class, or None for a value.

        Returns:
            A score for each row, None where an input is NULL that must not be, where the row is refused and where the
            score is NaN; and for each row the reason of such a refusal, else None.
        """
        text_inputs = sum(each.is_text for each in self._inputs)
        number_rows = _by_row(numbers, rows, len(self._inputs) - text_inputs)
        text_rows = _by_row(texts, rows, text_inputs)
        scores: list[float | None] = []
        reasons: list[str | None] = []
        for row_numbers, row_texts in zip(number_rows, text_rows, strict=True):
            outputs, reason = self.outputs(row_numbers, row_texts)
            score = None if outputs is None else outputs[positive or 0]
            scores.append(None if score is None or score != score else score)  # noqa: PLR0124  NaN
            reasons.append(reason)
        return scores, reasons

    def _reason(self, registers: list[Any]) -> str | None:
        """Why a row is refused; None where an input is missing that must not be, which comes first."""
        reason = None
        for each, value in zip(self._inputs, registers, strict=True):
            if value is None or value != value:  # noqa: PLR0124  NaN
                if not each.nullable:
                    return None
            elif reason is None:
                reason = _refused(each, value)
        return reason


def _refused(described: ProgramInput, value: Any) -> str | None:  # noqa: ANN401
    if not described.is_text and not described.minimum <= value <= described.maximum:
        accepted = f"{described.minimum} to {described.maximum}"
        return f"input {described.name} is {shown(value)}, and the model accepts {accepted}"
    if described.known is not None and value not in described.known:
        return f"input {described.name} is {shown(value)}, which the model does not know"
    return None


def _sources(inputs: tuple[ProgramInput, ...]) -> tuple[tuple[bool, int], ...]:
    """For each input whether it is a text, and its position among the texts or numbers."""
    seen = {True: 0, False: 0}
    sources = []
    for each in inputs:
        sources.append((each.is_text, seen[each.is_text]))
        seen[each.is_text] += 1
    return tuple(sources)


def _by_row(values: Sequence[Any] | None, rows: int, width: int) -> list[Sequence[Any]]:
    given = [] if values is None else values
    if width == 0:
        return [()] * rows
    if len(given) == rows and rows > 0 and isinstance(given[0], list | tuple):
        return list(given)
    return [given[start : start + width] for start in range(0, rows * width, width)]


def _compiled(program: Program) -> tuple[Callable[[list[Any]], None], ...]:
    """For each step a function that appends its registers to those before it."""
    defined = len(program.inputs)
    compiled = []
    for step in program.steps:
        if isinstance(step, Trees):
            compiled.append(walker(step, defined))
            defined += len(step.base)
        else:
            compiled.append(_COMPILERS[type(step)](step))
            defined += 1
    return tuple(compiled)


def _affine(step: Affine) -> Callable[[list[Any]], None]:
    of = step.of
    operations = tuple((_OPERATIONS[name], operand) for name, operand in step.operations)

    def affine(registers: list[Any]) -> None:
        value = registers[of]
        for operation, operand in operations:
            value = operation(value, operand)
        registers.append(value)

    return affine


def _clip(step: Clip) -> Callable[[list[Any]], None]:
    of, minimum, maximum = step.of, step.minimum, step.maximum

    def clip(registers: list[Any]) -> None:
        value = registers[of]
        registers.append(minimum if value < minimum else maximum if value > maximum else value)

    return clip


def _function(step: Function) -> Callable[[list[Any]], None]:
    of, function = step.of, _FUNCTIONS[step.name]
    return lambda registers: registers.append(function(registers[of]))


def _fill(step: Fill) -> Callable[[list[Any]], None]:
    of, filling = step.of, step.value

    def fill(registers: list[Any]) -> None:
        value = registers[of]
        registers.append(filling if value is None or value != value else value)  # noqa: PLR0124  NaN

    return fill


def _missing(step: Missing) -> Callable[[list[Any]], None]:
    of = step.of

    def missing(registers: list[Any]) -> None:
        value = registers[of]
        registers.append(1.0 if value is None or value != value else 0.0)  # noqa: PLR0124  NaN

    return missing


def _lookup(step: Lookup) -> Callable[[list[Any]], None]:
    of, get, unknown, when_missing = step.of, step.table.get, step.unknown, step.missing

    def lookup(registers: list[Any]) -> None:
        value = registers[of]
        registers.append(when_missing if value is None or value != value else get(value, unknown))  # noqa: PLR0124  NaN

    return lookup


def _linear(step: Linear) -> Callable[[list[Any]], None]:
    terms = tuple(zip(step.of, step.weights, strict=True))
    intercept = step.intercept

    def linear(registers: list[Any]) -> None:
        total = intercept
        for register, weight in terms:
            total += weight * registers[register]
        registers.append(total)

    return linear


_COMPILERS: dict[type, Callable[[Any], Callable[[list[Any]], None]]] = {
    Affine: _affine,
    Clip: _clip,
    Function: _function,
    Fill: _fill,
    Missing: _missing,
    Lookup: _lookup,
    Linear: _linear,
}
''',
".links": r'''
"""From scores to outputs. None of these raises, whatever the scores are: what numpy makes NaN is NaN."""

from __future__ import annotations

from math import exp, isfinite, nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .program import Link


def link_function(link: Link) -> Callable[[list[float]], list[float]]:
    """The function of a link."""
    return _LINKS[link]


def _expit(z: float) -> float:
    # To the last bit what the sql engine computes, and scipy's expit.
    try:
        return 1 / (1 + exp(-z))
    except OverflowError:
        return 0.0


def _sum(numbers: list[float]) -> float:
    # One after the other, as numpy and the sql engine add a few: sum() does so no more from Python 3.12 on.
    total = 0.0
    for number in numbers:
        total += number
    return total


def _identity(scores: list[float]) -> list[float]:
    return scores


def _logistic(scores: list[float]) -> list[float]:
    probability = _expit(scores[0])
    return [1 - probability, probability]


def _softmax(scores: list[float]) -> list[float]:
    largest = max(scores)
    # max() passes over a NaN that is not the first; infinity minus infinity is NaN too.
    if not isfinite(largest) or any(score != score for score in scores):  # noqa: PLR0124  NaN
        return [nan] * len(scores)
    powers = [exp(score - largest) for score in scores]
    total = _sum(powers)
    return [power / total for power in powers]


def _one_vs_rest(scores: list[float]) -> list[float]:
    probabilities = [_expit(score) for score in scores]
    total = _sum(probabilities)
    if total == 0:  # scikit-learn's answer where all of them underflow
        return [1 / len(scores)] * len(scores)
    return [probability / total for probability in probabilities]


def _sign(scores: list[float]) -> list[float]:
    return [0.0, 1.0] if scores[0] > 0 else [1.0, 0.0]


def _argmax(scores: list[float]) -> list[float]:
    # numpy's argmax takes NaN for the largest.
    best = next((n for n, score in enumerate(scores) if score != score), None)  # noqa: PLR0124
    if best is None:
        best = scores.index(max(scores))
    return [1.0 if n == best else 0.0 for n in range(len(scores))]


_LINKS: dict[Link, Callable[[list[float]], list[float]]] = {
    "identity": _identity,
    "logistic": _logistic,
    "softmax": _softmax,
    "one_vs_rest": _one_vs_rest,
    "sign": _sign,
    "argmax": _argmax,
}
''',
".masks": r'''
"""Scoring ensembles of small trees without walking them.

After QuickScorer (Lucchese et al., SIGIR 2015): each tree has a bit for each leaf, from left to right. A test that
sends a row to the right rules out the leaves on its left; of the leaves that no test rules out, the leftmost is the
row's. What all tests of one register rule out depends on its value alone, so it is found by one bisection and taken by
one AND of integers that span the whole ensemble, a byte for each tree.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from functools import reduce
from itertools import accumulate
from operator import and_, getitem
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .tree_arrays import Trees

_LEAVES = 8
# For each byte the position of its lowest bit; no byte of a row is 0, since one leaf is always left.
_LOWEST = [max((byte & -byte).bit_length() - 1, 0) for byte in range(256)]
# A table of 256 numbers is kept for each tree, and masks of one byte for each tree and threshold.
_MOST_TREES = 2000
_MOST_KEPT = 10_000


def fits(trees: Trees) -> bool:
    """Whether an ensemble has one output, and trees of eight leaves at most, one behind the other."""
    if len(trees.base) != 1 or not 1 <= len(trees.roots) <= _MOST_TREES:
        return False
    feature = trees.feature
    for root, end in zip(trees.roots, [*trees.roots[1:], len(feature)], strict=True):
        # Each node is the child of one other, so nodes between two roots are a tree if none has a child elsewhere.
        inner = [node for node in range(root, end) if feature[node] != -1]
        if end - root - len(inner) > _LEAVES or end <= root:
            return False
        if any(trees.left[node] >= end or trees.right[node] >= end for node in inner):
            return False
    return True


def scorer(trees: Trees) -> Callable[[list[Any]], None]:
    """A function that takes the registers and appends the output of an ensemble that `fits`."""
    found = Masks(trees)
    tables, everything, numbers, sets = found.tables, found.everything, found.numbers(), found.sets()
    registers_read = [register for register, _, _, _ in numbers]
    all_thresholds = [thresholds for _, thresholds, _, _ in numbers]
    all_masks = [masks for _, _, masks, _ in numbers]
    base, divide, size = trees.base[0], trees.divide, len(tables)

    def score(registers: list[Any]) -> None:
        values = [registers[register] for register in registers_read]
        total = sum(values)
        if total == total:  # noqa: PLR0124  none of them is NaN
            left = reduce(and_, map(getitem, all_masks, map(bisect_left, all_thresholds, values)), everything)
        else:
            left = everything
            for (_, thresholds, masks, missing), value in zip(numbers, values, strict=True):
                left &= masks[bisect_left(thresholds, value)] if value == value else missing  # noqa: PLR0124
        for register, mask in sets:
            left &= mask(registers[register])
        # One after the other, as the estimator adds: sum() does so no more from Python 3.12 on.
        (total,) = deque(accumulate(map(getitem, tables, left.to_bytes(size, "little")), initial=base), maxlen=1)
        registers.append(total if divide is None else total / divide)

    return score


class Masks:
    """The tests of an ensemble that `fits`, each with what it rules out where it sends a row to the right.

    Attributes:
        everything: all leaves of all trees.
        tables: for each tree and each byte of leaves that are left the number of the leftmost.
    """

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._values: list[list[float]] = []
        self._numbers: dict[int, list[tuple[float, int, int]]] = {}
        self._sets: dict[int, list[tuple[frozenset[Any], int, int]]] = {}
        for root in trees.roots:
            self._values.append([])
            self._visit(root)
        self.everything = (1 << 8 * len(trees.roots)) - 1
        self.tables = [_table(values) for values in self._values]

    def _visit(self, node: int) -> int:
        """Numbers the leaves below a node and notes its tests; how many leaves there are."""
        trees = self._trees
        if trees.feature[node] == -1:
            self._values[-1].append(trees.values[trees.left[node]])
            return 1
        first = len(self._values[-1])
        left = self._visit(trees.left[node])
        ruled_out = ((1 << left) - 1) << (8 * (len(self._values) - 1) + first)
        register, missing_left = trees.of[trees.feature[node]], trees.missing_left[node]
        threshold = trees.threshold[node]
        if threshold is None:
            chosen = frozenset(trees.sets[trees.set[node]])
            self._sets.setdefault(register, []).append((chosen, missing_left, ruled_out))
        else:
            self._numbers.setdefault(register, []).append((threshold, missing_left, ruled_out))
        return left + self._visit(trees.right[node])

    def numbers(self) -> list[tuple[int, list[float], list[int], int]]:
        """For each register its thresholds, what is left when so many of them are exceeded, and when it is missing."""
        found = []
        for register, tests in self._numbers.items():
            thresholds = sorted({threshold for threshold, _, _ in tests})
            ruled_out = dict.fromkeys(thresholds, 0)
            for threshold, _, mask in tests:
                ruled_out[threshold] |= mask
            masks = [self.everything]
            for threshold in thresholds:
                masks.append(masks[-1] & ~ruled_out[threshold])
            missing = self.everything & ~_united(mask for _, missing_left, mask in tests if not missing_left)
            found.append((register, thresholds, masks, missing))
        return found

    def sets(self) -> list[tuple[int, Callable[[Any], int]]]:
        """For each register what is left for a value of it."""
        return [(register, _set_mask(tests, self.everything)) for register, tests in self._sets.items()]


def _set_mask(tests: list[tuple[frozenset[Any], int, int]], everything: int) -> Callable[[Any], int]:
    missing = everything & ~_united(mask for _, missing_left, mask in tests if not missing_left)
    others = everything & ~_united(mask for _, _, mask in tests)
    members = frozenset().union(*[chosen for chosen, _, _ in tests])
    kept: dict[Any, int] = {}

    def mask(value: Any) -> int:  # noqa: ANN401
        if value is None or value != value:  # noqa: PLR0124  NaN
            return missing
        if value not in members:
            return others
        if value not in kept:
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            kept[value] = everything & ~_united(mask for chosen, _, mask in tests if value not in chosen)
        return kept[value]

    return mask


def _united(masks: Iterable[int]) -> int:
    united = 0
    for mask in masks:
        united |= mask
    return united


def _table(values: list[float]) -> list[float]:
    """For each byte of leaves that are left the value of the leftmost."""
    padded = [*values, *[0.0] * (_LEAVES - len(values))]
    return [padded[lowest] for lowest in _LOWEST]
''',
".program": r'''
"""Programs: a version of a model as data, read from JSON that nobody vouches for."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple, cast

from .checks import Budget, choice, fields, flag, integer, items, members, number, refuse, shown, text
from .errors import INVALID_PARAMETER, Refusal
from .steps import Scope, Step, read_step

Link = Literal["identity", "logistic", "softmax", "one_vs_rest", "sign", "argmax"]

_MOST_BYTES = 64 * 2**20
_MOST_INPUTS = 1600
_MOST_STEPS = 10_000
_MOST_SCORES = 1000
_MOST_READS = 100_000
_MOST_KEYS = 1_000_000
_MOST_NODES = 4_000_000
_TYPES = ("double precision", "text", "boolean")
_LINKS = ("identity", "logistic", "softmax", "one_vs_rest", "sign", "argmax")
_OF_ONE_SCORE = ("logistic", "sign")


class ProgramInput(NamedTuple):
    """An input, and what of it the estimator accepts.

    Attributes:
        name: as in the contract.
        type: as in the contract.
        nullable: whether a missing value is accepted.
        minimum: the least number that is accepted; minus infinity where all are.
        maximum: the largest.
        known: the only values that are accepted, or None.
    """

    name: str
    type: str
    nullable: bool
    minimum: float
    maximum: float
    known: frozenset[str | float] | None

    @property
    def is_text(self) -> bool:
        """Whether the value travels in the array of texts rather than in that of numbers."""
        return self.type == "text"


class Program(NamedTuple):
    """A program; `docs/program.md` says what its parts mean."""

    inputs: tuple[ProgramInput, ...]
    steps: tuple[Step, ...]
    scores: tuple[int, ...]
    link: Link
    tie: str


def parse_program(text: str) -> Program:
    """Reads a program from JSON, and trusts nothing in it.

    Raises:
        Refusal: the text is no JSON, or something in it is not as `docs/program.md` says; the message names the place.
    """
    try:
        return _program(_document(text))
    except RecursionError:
        raise Refusal(INVALID_PARAMETER, "the program is refused: it is nested too deeply") from None


def _document(text: str) -> Any:  # noqa: ANN401
    # Characters first: the bytes of what is far too long are not worth counting.
    if len(text) > _MOST_BYTES or len(text.encode(errors="surrogatepass")) > _MOST_BYTES:
        raise Refusal(INVALID_PARAMETER, f"the program is refused: it has more than {_MOST_BYTES // 2**20} MB")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except ValueError as error:
        raise Refusal(INVALID_PARAMETER, f"the program is refused: it is not JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has two fields of one name")
    return found


def _no_constant(name: str) -> Any:  # noqa: ANN401
    raise ValueError(f"{name} is no JSON")


def _program(found: Any) -> Program:  # noqa: ANN401
    fields(found, "it", ("program", "inputs", "steps", "scores", "link", "tie"))
    if type(found["program"]) is not int or found["program"] != 1:
        refuse("program", f"is {shown(found['program'])}, and this version reads format 1 only")
    keys = Budget(_MOST_KEYS, "keys and members")
    inputs = tuple(
        _input(each, f"inputs[{n}]", keys) for n, each in enumerate(items(found["inputs"], "inputs", _MOST_INPUTS))
    )
    names: set[str] = set()
    for position, each in enumerate(inputs):
        if each.name in names:
            refuse(f"inputs[{position}].name", f"is {shown(each.name)}, as that of an input before it")
        names.add(each.name)
    scope = Scope(
        [each.is_text for each in inputs],
        Budget(_MOST_READS, "registers read by steps"),
        keys,
        Budget(_MOST_NODES, "nodes"),
    )
    found_steps = items(found["steps"], "steps", _MOST_STEPS)
    steps = tuple(read_step(each, f"steps[{n}]", scope) for n, each in enumerate(found_steps))
    link = cast("Link", choice(found["link"], "link", _LINKS))
    scores = tuple(
        scope.register(each, f"scores[{n}]") for n, each in enumerate(items(found["scores"], "scores", _MOST_SCORES))
    )
    integer(len(scores), "the number of scores", 1, 1 if link in _OF_ONE_SCORE else _MOST_SCORES)
    return Program(inputs, steps, scores, link, choice(found["tie"], "tie", ("first", "last")))


def _input(found: Any, place: str, keys: Budget) -> ProgramInput:  # noqa: ANN401
    fields(found, place, ("name", "type", "nullable"), ("minimum", "maximum", "known"))
    kind = choice(found["type"], f"{place}.type", _TYPES)
    bounds = {"minimum": -float("inf"), "maximum": float("inf")}
    for bound in bounds:
        if bound in found:
            if kind == "text":
                refuse(f"{place}.{bound}", "stands at a text")
            bounds[bound] = number(found[bound], f"{place}.{bound}")
    if bounds["minimum"] > bounds["maximum"]:
        refuse(f"{place}.minimum", "is above the maximum")
    known: list[Any] | None = None
    if "known" in found:
        keys.spend(len(items(found["known"], f"{place}.known")), f"{place}.known")
        known = members(found["known"], f"{place}.known", texts=kind == "text")
    return ProgramInput(
        name=text(found["name"], f"{place}.name"),
        type=kind,
        nullable=flag(found["nullable"], f"{place}.nullable"),
        known=None if known is None else frozenset(known),
        **bounds,
    )
''',
".quick": r'''
"""One row and one ensemble of small trees, in as few steps of Python as there can be.

What an interpreter does for each input costs more than the trees: a backend comes to it from other work, with its
caches cold. So the ends of what an input accepts stand among the thresholds, with None for a mask: a row that is not
ordinary, because a value is missing or refused, ends in a TypeError, and is left to the interpreter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from functools import reduce
from itertools import accumulate
from math import exp, inf, nextafter
from operator import and_, getitem
from typing import TYPE_CHECKING, Any

from .masks import Masks, fits
from .tree_arrays import Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .program import Program, ProgramInput

    Score = Callable[[Sequence[float | None], Sequence[str | None], int], float | None]


def quick_score(program: Program, slow: Score) -> Score | None:
    """A function that scores one row as `slow` does, and leaves to it what is not ordinary; None where there is none.

    There is one for a program whose only step is an ensemble of small trees that tests the inputs themselves, and whose
    link is ``identity`` or ``logistic``.
    """
    (trees,) = program.steps if len(program.steps) == 1 else (None,)
    registers = len(program.inputs)
    if not isinstance(trees, Trees) or not fits(trees) or program.scores != (registers,):
        return None
    if program.link not in ("identity", "logistic") or any(each.known is not None for each in program.inputs):
        return None
    found = Masks(trees)
    if any(not program.inputs[register].is_text for register, _ in found.sets()):
        return None
    thresholds, masks = _bounded(program.inputs, found)
    position = {register: n for n, register in enumerate(n for n, each in enumerate(program.inputs) if each.is_text)}
    sets = tuple((position[register], mask) for register, mask in found.sets())
    total = _total(trees, found)
    logistic = program.link == "logistic"
    bisect: Any = bisect_left  # which refuses None with the TypeError that is wanted

    def score(numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        try:
            left = reduce(and_, map(getitem, masks, map(bisect, thresholds, numbers)), found.everything)
        except TypeError:
            return slow(numbers, texts, positive)
        if texts:
            if None in texts:
                return slow(numbers, texts, positive)
            for text, mask in sets:
                left &= mask(texts[text])
        z = total(left)
        if not logistic:
            return z
        try:
            probability = 1 / (1 + exp(-z))
        except OverflowError:
            probability = 0.0
        return probability if positive else 1 - probability

    return score


def _total(trees: Trees, found: Masks) -> Callable[[int], float]:
    tables, base, divide, size = found.tables, trees.base[0], trees.divide, len(found.tables)

    def total(left: int) -> float:
        # One after the other, as the estimator adds: sum() does so no more from Python 3.12 on.
        (value,) = deque(accumulate(map(getitem, tables, left.to_bytes(size, "little")), initial=base), maxlen=1)
        return value if divide is None else value / divide

    return total


def _bounded(inputs: tuple[ProgramInput, ...], found: Masks) -> tuple[list[list[float]], list[list[Any]]]:
    """For each number input the thresholds within what it accepts, its ends around them, and a mask for each gap."""
    tests = {register: (thresholds, masks) for register, thresholds, masks, _ in found.numbers()}
    all_thresholds, all_masks = [], []
    for register, each in enumerate(inputs):
        if each.is_text:
            continue
        thresholds, masks = tests.get(register, ([], [found.everything]))
        below = nextafter(each.minimum, -inf)
        first = sum(threshold <= below for threshold in thresholds)
        last = sum(threshold < each.maximum for threshold in thresholds)
        all_thresholds.append([below, *thresholds[first:last], each.maximum])
        all_masks.append([None, *masks[first : last + 1], None])
    return all_thresholds, all_masks
''',
".signature": r'''
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
''',
".steps": r'''
"""The steps of a program: what each is, and how it is read. `docs/program.md` says what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import Budget, choice, fields, items, members, number, numbers, refuse, shown, text
from .tree_arrays import Trees, read_trees

if TYPE_CHECKING:
    from collections.abc import Callable

# Named tuples, not data classes: importing those costs a backend 5 ms on its first insert.
_AFFINE = ("subtract", "divide", "multiply", "add")
_FUNCTIONS = ("abs", "sqrt", "square")


class Affine(NamedTuple):
    """A number with operations applied: pairs of name and operand, in order."""

    of: int
    operations: tuple[tuple[str, float], ...]


class Clip(NamedTuple):
    """A number within bounds; infinite ones where there are none."""

    of: int
    minimum: float
    maximum: float


class Function(NamedTuple):
    """A function of a number: ``abs``, ``sqrt`` or ``square``."""

    of: int
    name: str


class Fill(NamedTuple):
    """A value, and another one where it is missing."""

    of: int
    value: float | str


class Missing(NamedTuple):
    """1 where a value is missing, else 0."""

    of: int


class Lookup(NamedTuple):
    """A number for each key."""

    of: int
    table: dict[Any, float]
    unknown: float
    missing: float


class Linear(NamedTuple):
    """A weighted sum of registers."""

    of: tuple[int, ...]
    weights: tuple[float, ...]
    intercept: float


Step = Affine | Clip | Function | Fill | Missing | Lookup | Linear | Trees


class Scope(NamedTuple):
    """What steps may refer to.

    Attributes:
        texts: for each register that is defined so far, whether it holds a text.
        reads: how many more registers steps may read.
        keys: how many more keys and members there may be.
        nodes: how many more nodes there may be.
    """

    texts: list[bool]
    reads: Budget
    keys: Budget
    nodes: Budget

    def register(self, found: Any, place: str, *, texts: bool | None = False) -> int:  # noqa: ANN401
        """A register that is defined, and holds a number, a text, or either (None)."""
        if type(found) is not int:
            refuse(place, f"is {shown(found)}, not the number of a register")
        if not 0 <= found < len(self.texts):
            refuse(place, f"is {shown(found)}, and only registers 0 to {len(self.texts) - 1} come before it")
        if texts is not None and self.texts[found] != texts:
            holds, wanted = ("a text", "a number") if self.texts[found] else ("a number", "a text")
            refuse(place, f"is {found}, which holds {holds}, and {wanted} is wanted")
        return found

    def registers(self, found: Any, place: str, *, texts: bool | None = False) -> tuple[int, ...]:  # noqa: ANN401
        """A list of registers."""
        self.reads.spend(len(items(found, place)), place)
        return tuple(self.register(each, f"{place}[{n}]", texts=texts) for n, each in enumerate(found))


def read_step(found: Any, place: str, scope: Scope) -> Step:  # noqa: ANN401
    """Reads one step, and defines its registers in the scope.

    Raises:
        Refusal: something in it is not as `docs/program.md` says; the message names the place.
    """
    if type(found) is not dict:
        refuse(place, f"is {shown(found)}, not an object")
    name = found.get("step")
    if type(name) is not str or name not in _READERS:
        refuse(f"{place}.step", f"is {shown(name)}, not one of {', '.join(_READERS)}")
    step = _READERS[name](found, place, scope)
    scope.texts.extend(_holds_texts(step))
    return step


def _holds_texts(step: Step) -> list[bool]:
    if isinstance(step, Trees):
        return [False] * len(step.base)
    return [isinstance(step, Fill) and isinstance(step.value, str)]


def _operand(found: dict[str, Any], place: str, scope: Scope, *, texts: bool | None = False) -> int:
    scope.reads.spend(1, place)
    return scope.register(found["of"], f"{place}.of", texts=texts)


def _affine(found: dict[str, Any], place: str, scope: Scope) -> Affine:
    fields(found, place, ("step", "of"), _AFFINE)
    operations = tuple((name, number(found[name], f"{place}.{name}")) for name in _AFFINE if name in found)
    if ("divide", 0.0) in operations:
        refuse(f"{place}.divide", "is 0")
    return Affine(_operand(found, place, scope), operations)


def _clip(found: dict[str, Any], place: str, scope: Scope) -> Clip:
    fields(found, place, ("step", "of"), ("minimum", "maximum"))
    infinity = float("inf")
    minimum = number(found["minimum"], f"{place}.minimum") if "minimum" in found else -infinity
    maximum = number(found["maximum"], f"{place}.maximum") if "maximum" in found else infinity
    if minimum > maximum:
        refuse(f"{place}.minimum", "is above the maximum")
    return Clip(_operand(found, place, scope), minimum, maximum)


def _function(found: dict[str, Any], place: str, scope: Scope) -> Function:
    fields(found, place, ("step", "of", "name"))
    return Function(_operand(found, place, scope), choice(found["name"], f"{place}.name", _FUNCTIONS))


def _fill(found: dict[str, Any], place: str, scope: Scope) -> Fill:
    fields(found, place, ("step", "of", "with"))
    of = _operand(found, place, scope, texts=None)
    read = text if scope.texts[of] else number
    return Fill(of, read(found["with"], f"{place}.with"))


def _missing(found: dict[str, Any], place: str, scope: Scope) -> Missing:
    fields(found, place, ("step", "of"))
    return Missing(_operand(found, place, scope, texts=None))


def _lookup(found: dict[str, Any], place: str, scope: Scope) -> Lookup:
    fields(found, place, ("step", "of", "keys", "values", "unknown", "missing"))
    of = _operand(found, place, scope, texts=None)
    keys = members(found["keys"], f"{place}.keys", texts=scope.texts[of])
    scope.keys.spend(len(keys), f"{place}.keys")
    values = items(found["values"], f"{place}.values")
    if len(values) != len(keys):
        refuse(f"{place}.values", f"has {len(values):,} entries for {len(keys):,} keys")
    table = {
        key: _or_nan(value, f"{place}.values[{n}]") for n, (key, value) in enumerate(zip(keys, values, strict=True))
    }
    return Lookup(
        of, table, _or_nan(found["unknown"], f"{place}.unknown"), _or_nan(found["missing"], f"{place}.missing")
    )


def _or_nan(found: Any, place: str) -> float:  # noqa: ANN401
    return float("nan") if found is None else number(found, place)


def _linear(found: dict[str, Any], place: str, scope: Scope) -> Linear:
    fields(found, place, ("step", "of", "weights", "intercept"))
    of = scope.registers(found["of"], f"{place}.of")
    weights = numbers(found["weights"], f"{place}.weights")
    if len(weights) != len(of):
        refuse(f"{place}.weights", f"has {len(weights):,} entries for {len(of):,} registers")
    return Linear(of, tuple(weights), number(found["intercept"], f"{place}.intercept"))


def _trees(found: dict[str, Any], place: str, scope: Scope) -> Trees:
    of = scope.registers(found.get("of"), f"{place}.of", texts=None)
    return read_trees(found, place, of, [scope.texts[register] for register in of], scope.nodes, scope.keys)


_READERS: dict[str, Callable[[dict[str, Any], str, Scope], Step]] = {
    "affine": _affine,
    "clip": _clip,
    "function": _function,
    "fill": _fill,
    "missing": _missing,
    "lookup": _lookup,
    "linear": _linear,
    "trees": _trees,
}
''',
".tree_arrays": r'''
"""Tree ensembles as flat arrays: reading them, and proving that they are trees."""

from __future__ import annotations

from typing import Any, NamedTuple

from .checks import Budget, choice, fields, integers, items, members, number, numbers, refuse, shown

MOST_DEPTH = 1000
_MOST_OUTPUTS = 1000
_NODE_FIELDS = ("feature", "threshold", "set", "missing_left", "left", "right")
_FIELDS = ("step", "of", "precision", "base", "roots", "target", *_NODE_FIELDS, "values", "sets")


class Trees(NamedTuple):
    """An ensemble; `docs/program.md` says what the arrays mean.

    Attributes:
        of: the registers that nodes test.
        base: a number for each output.
        divide: what the sums are divided by at the end, or None.
        depth: for each node, how far it is below its root.
        wide: for each node, whether its tree has a number for each output in its leaves.
    """

    of: tuple[int, ...]
    base: list[float]
    divide: float | None
    roots: list[int]
    target: list[int]
    feature: list[int]
    threshold: list[float | None]
    set: list[int]
    missing_left: list[int]
    left: list[int]
    right: list[int]
    values: list[float]
    sets: list[list[Any]]
    depth: list[int]
    wide: list[bool]


def read_trees(
    found: dict[str, Any], place: str, of: tuple[int, ...], texts: list[bool], nodes: Budget, keys: Budget
) -> Trees:
    """Reads a step of trees whose registers have been read.

    Args:
        found: the step.
        place: where it stands.
        of: its registers.
        texts: for each of them, whether it holds a text.
        nodes: how many more nodes there may be.
        keys: how many more members of sets there may be.

    Raises:
        Refusal: something in it is not as `docs/program.md` says; the message names the place.
    """
    fields(found, place, _FIELDS, ("divide",))
    choice(found["precision"], f"{place}.precision", ("float64",))
    base = numbers(found["base"], f"{place}.base")
    if not 1 <= len(base) <= _MOST_OUTPUTS:
        refuse(f"{place}.base", f"has {len(base):,} entries, and 1 to {_MOST_OUTPUTS:,} are allowed")
    size = len(items(found["feature"], f"{place}.feature"))
    nodes.spend(size, f"{place}.feature")
    for name in _NODE_FIELDS:
        if len(items(found[name], f"{place}.{name}")) != size:
            refuse(f"{place}.{name}", f"has {len(found[name]):,} entries, and feature has {size:,}")
    roots = integers(found["roots"], f"{place}.roots", 0, size - 1)
    target = integers(found["target"], f"{place}.target", -1, len(base) - 1)
    if len(target) != len(roots):
        refuse(f"{place}.target", f"has {len(target):,} entries for {len(roots):,} roots")
    values = numbers(found["values"], f"{place}.values")
    items(found["sets"], f"{place}.sets", most=size)
    sets, kinds = _sets(found["sets"], f"{place}.sets", keys)
    trees = Trees(
        of=of,
        base=base,
        divide=_divide(found, place),
        roots=roots,
        target=target,
        feature=integers(found["feature"], f"{place}.feature", -1, len(of) - 1),
        threshold=_thresholds(found["threshold"], f"{place}.threshold"),
        set=integers(found["set"], f"{place}.set", -1, len(sets) - 1),
        missing_left=integers(found["missing_left"], f"{place}.missing_left", 0, 1),
        left=integers(found["left"], f"{place}.left", 0, max(size, len(values)) - 1),
        right=integers(found["right"], f"{place}.right", -1, size - 1),
        values=values,
        sets=sets,
        depth=[-1] * size,
        wide=[False] * size,
    )
    _check_tests(trees, place, texts, kinds)
    _check_shape(trees, place)
    return trees


def _divide(found: dict[str, Any], place: str) -> float | None:
    if "divide" not in found:
        return None
    divide = number(found["divide"], f"{place}.divide")
    if divide == 0:
        refuse(f"{place}.divide", "is 0")
    return divide


def _thresholds(found: list[Any], place: str) -> list[float | None]:
    return [
        None
        if value is None
        else value
        if type(value) is float and value - value == 0
        else number(value, f"{place}[{n}]")
        for n, value in enumerate(found)
    ]


def _sets(found: Any, place: str, keys: Budget) -> tuple[list[list[Any]], list[bool | None]]:  # noqa: ANN401
    """The sets, and for each whether it holds texts; None for an empty one, which suits either."""
    sets: list[list[Any]] = []
    kinds: list[bool | None] = []
    for position, each in enumerate(items(found, place)):
        here = f"{place}[{position}]"
        keys.spend(len(items(each, here)), here)
        kinds.append(type(each[0]) is str if each else None)
        sets.append(members(each, here, texts=bool(kinds[-1])))
    return sets, kinds


def _check_tests(trees: Trees, place: str, texts: list[bool], kinds: list[bool | None]) -> None:
    """Holds that each node tests a register in a way that suits what it holds, and that a leaf tests nothing."""
    for node, (feature, threshold, chosen) in enumerate(zip(trees.feature, trees.threshold, trees.set, strict=True)):
        if chosen != -1:
            if threshold is not None:
                refuse(f"{place}.threshold[{node}]", "stands beside a set: one of them has to be absent")
            if feature == -1:
                refuse(f"{place}.set[{node}]", f"is {chosen}, and the node is a leaf")
            if kinds[chosen] is not None and kinds[chosen] != texts[feature]:
                refuse(
                    f"{place}.set[{node}]",
                    f"is {chosen}, whose members are not of the type of register {trees.of[feature]}",
                )
        elif feature == -1:
            if threshold is not None:
                refuse(f"{place}.threshold[{node}]", f"is {shown(threshold)}, and the node is a leaf")
        elif threshold is None:
            refuse(f"{place}.threshold[{node}]", "is null, and the node tests no set")
        elif texts[feature]:
            refuse(f"{place}.threshold[{node}]", f"is a number, and register {trees.of[feature]} holds a text")


def _check_shape(trees: Trees, place: str) -> None:
    """Holds that the nodes are trees of bounded depth, and fills in `depth` and `wide`."""
    size, outputs = len(trees.feature), len(trees.base)
    depth, wide = trees.depth, trees.wide
    for position, root in enumerate(trees.roots):
        if depth[root] != -1:
            refuse(f"{place}.roots[{position}]", f"is {root}, which is the root of another tree")
        depth[root] = 0
        wide[root] = trees.target[position] == -1
    for node, (feature, left, right) in enumerate(zip(trees.feature, trees.left, trees.right, strict=True)):
        below = depth[node] + 1
        if below == 0:
            refuse(
                f"{place}.feature[{node}]", "belongs to a node that is neither a root nor the child of an earlier node"
            )
        if feature == -1:
            last = left + (outputs if wide[node] else 1)
            if last > len(trees.values):
                refuse(
                    f"{place}.left[{node}]",
                    f"is {left}, and its leaf would end at {last} of {len(trees.values)} values",
                )
            if right != -1:
                refuse(f"{place}.right[{node}]", f"is {right}, and the node is a leaf")
            continue
        if below > MOST_DEPTH:
            refuse(f"{place}.feature[{node}]", f"belongs to a node deeper than {MOST_DEPTH:,}")
        for name, child in (("left", left), ("right", right)):
            if not node < child < size:
                refuse(f"{place}.{name}[{node}]", f"is {child}, and a child stands behind its parent, up to {size - 1}")
            if depth[child] != -1:
                refuse(f"{place}.{name}[{node}]", f"is {child}, which is a root or has another parent")
            depth[child] = below
            wide[child] = wide[node]
''',
".walk": r'''
"""Walking tree ensembles, as fast as pure Python does.

A node is the tuple (column, threshold, left, right): left where the column's value is at most the threshold. All else
is brought into that form beforehand. NaN is at most nothing, so a missing value goes right. Where it has to go left,
the node tests the negated value with its children exchanged: x > t is -x <= -u, where u is the next double above t. A
test for a set tests a column that is 0 for what goes left and 1 for what goes right.
"""

from __future__ import annotations

from math import inf, nextafter
from typing import TYPE_CHECKING, Any

from . import masks

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tree_arrays import Trees

# Three levels are taken between two looks at whether a leaf was reached: leaves in between are repeated below.
_STRIDE = 3
# How many numbers a table of set tests keeps in memory, for the values it met.
_MOST_KEPT = 1_000_000


class _SetTests:
    """The columns of all tests of one register for sets."""

    def __init__(self, register: int) -> None:
        self.register = register
        self.tests: dict[tuple[int, int], int] = {}
        self._sets: list[frozenset[Any]] = []
        self._members: set[Any] = set()
        self._missing: list[float] = []
        self._others: list[float] = []
        self._kept: dict[Any, list[float]] = {}

    def add(self, number: int, chosen: list[Any], missing_left: int) -> None:
        """Adds a test for a set, named by its number, unless it is there."""
        key = (number, missing_left)
        if key not in self.tests:
            self.tests[key] = len(self.tests)
            self._sets.append(frozenset(chosen))
            self._members.update(chosen)
            self._missing.append(0.0 if missing_left else 1.0)
            self._others.append(1.0)

    def columns(self, value: Any) -> list[float]:  # noqa: ANN401
        """For each test 0 where the value goes left, and 1 where it goes right."""
        if value is None or value != value:  # noqa: PLR0124  NaN
            return self._missing
        kept = self._kept.get(value)
        if kept is None:
            if value not in self._members:
                return self._others
            kept = [0.0 if value in each else 1.0 for each in self._sets]
            if (len(self._kept) + 1) * len(kept) > _MOST_KEPT:
                self._kept.clear()
            self._kept[value] = kept
        return kept


class _Columns:
    """The numbers that nodes test: the registers themselves, and behind them what is derived from them."""

    def __init__(self, trees: Trees, registers: int) -> None:
        self._trees = trees
        tests: dict[int, _SetTests] = {}
        negated: set[int] = set()
        for feature, chosen, missing_left in zip(trees.feature, trees.set, trees.missing_left, strict=True):
            if chosen != -1:
                register = trees.of[feature]
                tests.setdefault(register, _SetTests(register)).add(chosen, trees.sets[chosen], missing_left)
            elif feature != -1 and missing_left:
                negated.add(trees.of[feature])
        self._negated = {register: registers + n for n, register in enumerate(sorted(negated))}
        self._tests: dict[int, tuple[int, _SetTests]] = {}
        start = registers + len(negated)
        for register, each in tests.items():
            self._tests[register] = (start, each)
            start += len(each.tests)

    def node(self, node: int, left: Any, right: Any) -> tuple[int, float, Any, Any]:  # noqa: ANN401
        """A node whose children are built."""
        trees = self._trees
        register = trees.of[trees.feature[node]]
        threshold = trees.threshold[node]
        if threshold is None:
            start, tests = self._tests[register]
            return (start + tests.tests[trees.set[node], trees.missing_left[node]], 0.5, left, right)
        if trees.missing_left[node]:
            return (self._negated[register], -nextafter(threshold, inf), right, left)
        return (register, threshold, left, right)

    def derive(self) -> Callable[[list[Any]], list[Any]]:
        """A function that puts the derived columns behind the registers."""
        negated = tuple(self._negated)
        tests = tuple((register, each.columns) for register, (_, each) in self._tests.items())
        if not negated and not tests:
            return lambda registers: registers

        def derived(registers: list[Any]) -> list[Any]:
            columns = [*registers, *[-registers[register] for register in negated]]
            for register, of in tests:
                columns += of(registers[register])
            return columns

        return derived


def _built(trees: Trees, columns: _Columns) -> list[Any]:
    """The trees as nested tuples; leaves are numbers, or lists of one number for each output."""
    outputs = len(trees.base)
    built: list[Any] = [None] * len(trees.feature)
    # Children stand behind their parents, so that from the end each node's children are there before it.
    for node in range(len(built) - 1, -1, -1):
        left, right = trees.left[node], trees.right[node]
        if trees.feature[node] == -1:
            built[node] = (
                trees.values[left : left + outputs] if trees.wide[node] and outputs > 1 else trees.values[left]
            )
        else:
            made = columns.node(node, built[left], built[right])
            if (trees.depth[node] + 1) % _STRIDE:
                made = (*made[:2], *[_lengthened(each, made, trees.depth[node] + 1) for each in made[2:]])
            built[node] = made
    return [built[root] for root in trees.roots]


def _lengthened(child: Any, parent: tuple[Any, ...], depth: int) -> Any:  # noqa: ANN401
    """A leaf at this depth with nodes above it that lead nowhere else, down to the next whole stride."""
    if type(child) is tuple:
        return child
    for _ in range(-depth % _STRIDE):
        child = (parent[0], parent[1], child, child)
    return child


def walker(trees: Trees, registers: int) -> Callable[[list[Any]], None]:
    """A function that walks an ensemble.

    Args:
        trees: the ensemble.
        registers: how many registers are defined before it.

    Returns:
        A function that takes the registers and appends the ensemble's outputs to them.
    """
    if masks.fits(trees):
        return masks.scorer(trees)
    columns = _Columns(trees, registers)
    built, derive = _built(trees, columns), columns.derive()
    if len(trees.base) == 1:
        return _one_output(built, derive, trees.base[0], trees.divide)
    return _many_outputs(list(zip(built, trees.target, strict=True)), derive, trees.base, trees.divide)


def _one_output(
    roots: list[Any], derive: Callable[[list[Any]], list[Any]], base: float, divide: float | None
) -> Callable[[list[Any]], None]:
    def walk(registers: list[Any]) -> None:
        columns = derive(registers)
        total = base
        for root in roots:
            node = root
            while node.__class__ is tuple:
                column, threshold, left, right = node
                column, threshold, left, right = left if columns[column] <= threshold else right
                column, threshold, left, right = left if columns[column] <= threshold else right
                node = left if columns[column] <= threshold else right
            total += node
        registers.append(total if divide is None else total / divide)

    return walk


def _many_outputs(
    roots: list[tuple[Any, int]], derive: Callable[[list[Any]], list[Any]], base: list[float], divide: float | None
) -> Callable[[list[Any]], None]:
    def walk(registers: list[Any]) -> None:
        columns = derive(registers)
        totals = list(base)
        for root, target in roots:
            node = root
            while node.__class__ is tuple:
                column, threshold, left, right = node
                column, threshold, left, right = left if columns[column] <= threshold else right
                column, threshold, left, right = left if columns[column] <= threshold else right
                node = left if columns[column] <= threshold else right
            if target >= 0:
                totals[target] += node
            else:
                totals = [total + value for total, value in zip(totals, node, strict=True)]
        registers.extend(totals if divide is None else [total / divide for total in totals])

    return walk
''',
}
class Modules:
    # Each module is compiled when it is first imported: a backend that only walks programs needs few of them.
    def find_spec(self, full_name, path=None, target=None):
        if full_name.startswith(package) and full_name[len(package):] in sources:
            return ModuleSpec(full_name, self, is_package=full_name == package)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        # PL/Python indents every line of a body with a tab, those inside of strings too.
        source = sources[module.__name__[len(package):]].replace("\n\t", "\n")
        exec(compile(source, "<" + module.__name__ + ">", "exec"), module.__dict__)
sys.meta_path.insert(0, Modules())
__import__(package + ".entry")
GD[name] = sys.modules[package + ".entry"]
$runtime$;

-- plpython/_receive.sql
create or replace function pgscore_trusted._receive(ordinal integer, content bytea) returns void
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:51b15142429d9289f862d0882592ce29f24c56f2a3e051370f8fe7999004092e"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    GD[runtime].receive(GD, ordinal, content)
$$;

-- plpython/_load.sql
create or replace function pgscore_trusted._load(contract text, signature bytea, key_id text, confirmed text[])
returns pgscore_trusted.refusal
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:51b15142429d9289f862d0882592ce29f24c56f2a3e051370f8fe7999004092e"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    keys = plpy.execute("select key_id, public_key from pgscore_trusted.trusted_key where revoked_at is null")
    return GD[runtime].load(GD, keys, contract, signature, key_id, confirmed)
$$;

comment on function pgscore_trusted._load(text, bytea, text, text[]) is
    'Checks the signature of the artifact that was received and only then unpickles it, for the life of this backend';

-- plpython/_estimate.sql
create or replace function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:51b15142429d9289f862d0882592ce29f24c56f2a3e051370f8fe7999004092e"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].estimate(GD, digest, rows, numbers, texts, every)
$$;

-- plpython/_load_program.sql
create or replace function pgscore_trusted._load_program(program text) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:51b15142429d9289f862d0882592ce29f24c56f2a3e051370f8fe7999004092e"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].load_program(GD, runtime, program)
$$;

-- plpython/_walk.sql
create or replace function pgscore_trusted._walk(
    digest text, positive integer, numbers double precision[], texts text[]
) returns double precision
-- Without a pinned search_path, which would cost a tenth of a call: it asks the database nothing.
language plpython3u stable parallel safe cost 1000
as $$
    walker = GD.get("pgscore_runtime:51b15142429d9289f862d0882592ce29f24c56f2a3e051370f8fe7999004092e" + digest)
    return walker.score(numbers or (), texts or (), positive) if walker else float("nan")
$$;

-- plpython/_walk_outputs.sql
create or replace function pgscore_trusted._walk_outputs(digest text, numbers double precision[], texts text[])
returns double precision[]
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    walker = GD.get("pgscore_runtime:51b15142429d9289f862d0882592ce29f24c56f2a3e051370f8fe7999004092e" + digest)
    return walker.outputs(numbers or (), texts or ())[0] if walker else []
$$;

-- plpython/_environment.sql
create or replace function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:51b15142429d9289f862d0882592ce29f24c56f2a3e051370f8fe7999004092e"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

drop function pgscore_trusted._load_received(contract text, signature bytea, key_id text, confirmed text[], key_ids text[], public_keys bytea[], engines text[], megabytes bigint[]);

drop function pgscore_trusted._estimate_called(digest text, rows integer, numbers double precision[], texts text[], every boolean, graphs boolean, out scores double precision[], out reasons text[]);

drop function pgscore_trusted._array_memory(numbers double precision[]);

drop function pgscore_trusted._array_of_memory(memory bytea);

drop function pgscore_trusted._estimate_memory(digest text, rows integer, numbers bytea, texts text[], every boolean, graphs boolean, out scores bytea, out reasons text[]);

drop function pgscore_trusted._estimate_rows(digest text, rows integer, numbers double precision[], texts text[], every boolean, out scores double precision[], out reasons text[]);

drop function pgscore_trusted._count_row(statement double precision);

drop function pgscore_trusted._load_reasons(program text, positive integer);

drop function pgscore_trusted._walk_reasons(digest text, numbers double precision[], texts text[]);


-- plpython/reset_path.sql
reset search_path;

-- What only this revision has.
drop table pgscore_trusted.allowed_engine;
