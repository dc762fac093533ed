"""Artifacts on the publisher's side: an estimator and its bytes."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

import joblib
from pgscore_runtime.artifact import read_artifact, untrusted_types
from pgscore_runtime.boosters import format_of
from pgscore_runtime.errors import Refusal
from sklearn.exceptions import InconsistentVersionWarning

from pgscore.errors import PgscoreError

from .documents import FORMATS as DOCUMENTS
from .documents import DocumentFormat, document_format, read_document
from .own_file import own_file

if TYPE_CHECKING:
    from collections.abc import Iterator

Format = Literal["joblib", "pickle", "skops", "xgboost-json", "xgboost-ubj", "lightgbm", "catboost"] | DocumentFormat
# What an estimator can be written as; boosters' own files, and other tools', are stored as they are.
FORMATS: tuple[Format, ...] = ("joblib", "pickle", "skops")

_AS_THEY_ARE = ("xgboost-json", "xgboost-ubj", "lightgbm", "catboost", *DOCUMENTS)
_ENDINGS = {
    ".json": ("xgboost-json",),
    ".ubj": ("xgboost-ubj",),
    ".txt": ("lightgbm",),
    ".cbm": ("catboost",),
}
# What the database takes: a backend that loads it holds it in memory.
_LARGEST = 2**30
_PIECE = 4 * 2**20
# Smaller artifacts that have no file of their own stay in memory.
_IN_MEMORY = 16 * 2**20


@dataclass(frozen=True)
class Artifact:
    """A fitted estimator and the file that stands for it.

    Attributes:
        estimator: anything with ``predict``; or a `pgscore.readers.documents.Document`.
        format: ``joblib``, ``pickle``, ``skops``; a booster's own: ``xgboost-json``, ``xgboost-ubj``, ``lightgbm``,
            ``catboost``; or another tool's: ``onnx``, ``pmml``, ``mojo``.
        size: bytes.
        sha256: hexadecimal sha256 of the bytes.
        types: what a skops artifact asks for beside the types that skops itself trusts.
        file: open for reading.
    """

    estimator: Any
    format: Format
    size: int
    sha256: str
    types: tuple[str, ...]
    file: BinaryIO

    def pieces(self) -> Iterator[bytes]:
        """The bytes, a few megabytes at a time."""
        return _pieces(self.file)


@contextmanager
def open_artifact(source: object, kind: str | None = None, output: str | None = None) -> Iterator[Artifact]:
    """An artifact from a path to a file, or an estimator.

    Reading a joblib or pickle file runs its code: it has to be your own.

    Args:
        source: the path or the estimator.
        kind: what to store it as; without it, as the file is, and an estimator as joblib.
        output: the output that is the score, of another tool's file that has several.

    Raises:
        PgscoreError: the file cannot be read, is no such file, is cut short or too large, or was fitted with another
            scikit-learn than the one that reads it here; or the estimator cannot be written in the format.
    """
    with ExitStack() as stack:
        asked = _named(kind)
        name, found, estimator, file = "the estimator", None, source, None
        if isinstance(source, str | Path):
            name = str(source)
            file = stack.enter_context(_opened(Path(source)))
            found = _format(file, Path(source))
            estimator = _read(file, found, name, output)
        own = own_file(estimator)
        if own is not None:
            # What a library trains without its wrappers is asked in other ways, and its own file says all of it.
            content, found = own[0], cast("Format", own[1])
            file = cast("BinaryIO", stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY)))
            file.write(content)
            estimator = _read(file, found, name, output)
        if output is not None and found not in DOCUMENTS:
            raise PgscoreError(f"{name} has one output, and --output names one", "Leave --output out.")
        if not hasattr(estimator, "predict") and found not in DOCUMENTS:
            raise PgscoreError(f"{name} holds a {type(estimator).__name__}, which has no predict method")
        if asked is not None and found in _AS_THEY_ARE:
            raise PgscoreError(f"{name} is stored as it is, as {found}", "Leave --format out.")
        wanted = asked or found or "joblib"
        if file is None or wanted != found:
            file = cast("BinaryIO", stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY)))
            _write(estimator, file, wanted, name)
        size = _size(file, name)
        digest = hashlib.sha256()
        for piece in _pieces(file):
            digest.update(piece)
        types: tuple[str, ...] = ()
        if wanted == "skops":
            types = _types(file)
        yield Artifact(estimator, wanted, size, digest.hexdigest(), types, file)


def _named(kind: str | None) -> Format | None:
    found = next((each for each in FORMATS if each == kind), None)
    if kind is not None and found is None:
        raise PgscoreError(f"format {kind!r} is not known", f"Artifacts are stored as {', '.join(FORMATS)}.")
    return found


def _opened(path: Path) -> BinaryIO:
    try:
        file = path.open("rb")
    except OSError as error:
        raise PgscoreError(f"{path} cannot be read: {error.strerror}") from None
    try:
        _size(file, str(path))
    except PgscoreError:
        file.close()
        raise
    return file


def _size(file: BinaryIO, name: str) -> int:
    """The size of a file, refused before a byte is read where the database would not take it."""
    size = file.seek(0, 2)
    file.seek(0)
    if size > _LARGEST:
        raise PgscoreError(
            f"{name} has {size:,} bytes, and the database stores artifacts of at most {_LARGEST:,}",
            "Write it with joblib.dump(..., compress=3), or fit a smaller model.",
        )
    return size


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece


def _read(file: BinaryIO, kind: Format, name: str, output: str | None = None) -> Any:  # noqa: ANN401
    if kind in DOCUMENTS:
        return read_document(file, kind, name, output)
    file.seek(0)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            types = _types(file) if kind == "skops" else ()
            file.seek(0)
            estimator = read_artifact(file, kind, types)
    except Refusal as refusal:
        raise PgscoreError(f"{name}: {refusal.message}", refusal.hint) from None
    for each in caught:
        if isinstance(each.message, InconsistentVersionWarning):
            raise PgscoreError(
                f"{name} was fitted with scikit-learn {each.message.original_sklearn_version},"
                f" and this Python has {each.message.current_sklearn_version}",
                "Publish with the scikit-learn that it was fitted with, or fit it again with this one.",
            )
    return estimator


def _types(file: BinaryIO) -> tuple[str, ...]:
    file.seek(0)
    try:
        return tuple(untrusted_types(file.read()))
    except Exception:
        # No skops file: reading it says so.
        return ()


def _format(file: BinaryIO, path: Path) -> Format:
    start = file.read(2**16)
    found = cast("Format | None", format_of(start))
    promised = _ENDINGS.get(path.suffix.lower())
    if promised is not None and found not in promised:
        raise PgscoreError(
            f"{path} is no {' or '.join(promised)} file, as its ending says",
            "Name the file that the library's save_model wrote.",
        )
    if found is not None:
        return found
    document = document_format(file, start, path)
    if document is not None:
        return document
    if start.startswith(b"PK"):
        return "skops"
    return "pickle" if start.startswith(b"\x80") and b"joblib.numpy_pickle" not in start else "joblib"


def _write(estimator: object, file: BinaryIO, kind: Format, name: str) -> None:
    try:
        if kind == "skops":
            from skops.io import dumps

            file.write(dumps(estimator))
        elif kind == "pickle":
            pickle.dump(estimator, file, protocol=5)
        else:
            joblib.dump(estimator, file)
    except Exception as error:
        raise PgscoreError(f"{name} cannot be written as {kind}: {error}") from None
