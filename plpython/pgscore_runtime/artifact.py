"""Reading an artifact: bytes to a fitted estimator."""

from __future__ import annotations

import hashlib
import io
import os
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, BinaryIO

from .boosters import FORMATS, read_booster
from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, INSUFFICIENT_PRIVILEGE, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

# Compared before unpickling: none of them promises anything for pickles of another version.
PINNED = ("scikit-learn", "xgboost", "lightgbm", "catboost")
_UNPICKLED = ("joblib", "pickle")
# Never called in a database: they become programs, or nothing.
_DOCUMENTS = ("pmml", "mojo")
# One library, as several distributions: without what GPUs need it is a thirtieth of the size.
_ALSO = {"xgboost": ("xgboost-cpu",)}


def installed_version(library: str) -> str | None:
    """The version of an installed library, or None, without importing it."""
    from importlib import metadata

    for name in (library, *_ALSO.get(library, ())):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def distribution(library: str) -> str:
    """What is to be installed to have a library."""
    return _ALSO.get(library, (library,))[0]


def check_format(kind: str) -> None:
    """Returns where an artifact of this format can be called.

    Raises:
        Refusal: it is never called as it is, or the format is not known.
    """
    if kind in _DOCUMENTS:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"a {kind.upper()} file is scored by the program that is made of it, and is never called itself",
            "Publish the file again: a program is made of it, or what stands in the way is said.",
        )
    if kind not in (*_UNPICKLED, "skops", "onnx", *FORMATS):
        raise Refusal(FEATURE_NOT_SUPPORTED, f"the format {kind!r} is not known here", "Upgrade pgscore.")


def check_libraries(libraries: dict[str, str]) -> None:
    """Returns where this Python can be expected to read an artifact that was fitted with these libraries.

    A patch release may differ; `verify` and `doctor` then tell by the golden rows whether it matters.

    Raises:
        Refusal: scikit-learn, or the booster's library, is missing here or has another major or minor version.
    """
    for library in PINNED:
        fitted = libraries.get(library)
        if fitted is not None:
            _check_library(library, fitted, installed_version(library))


def _check_library(library: str, fitted: str, here: str | None) -> None:
    if here is None:
        pins = "server" if library == "scikit-learn" else "boosters"
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the server's Python has no {library}, and the model was fitted with {fitted}",
            f"Install docker/requirements-{pins}.txt, or {distribution(library)}=={fitted}, where the server's"
            " PYTHONPATH points; `pgscore doctor` shows it.",
        )
    if here.split(".")[:2] != fitted.split(".")[:2]:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the model was fitted with {library} {fitted}, and the server's Python has {here}",
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


def read_artifact(
    source: io.RawIOBase | BinaryIO,
    kind: str,
    confirmed: Sequence[str] = (),
    output: str | None = None,
    megabytes: int | None = None,
) -> Any:  # noqa: ANN401
    """The object in a joblib, pickle or skops file, the estimator in a booster's own file, or an ONNX graph.

    Reading joblib or pickle runs code: call it only on bytes that are trusted.

    Args:
        source: a seekable binary file.
        kind: ``joblib``, ``pickle``, ``skops``, ``onnx``, or one of `boosters.FORMATS`.
        confirmed: types that a skops file may make beside those that skops itself trusts.
        output: the output of an ONNX graph that is the score, where it has several.
        megabytes: how much memory a graph may take to run; None: as much as there is.

    Raises:
        Refusal: the bytes are not such a file, are cut short, need a package that is not installed, or ask for a type
            that is not confirmed; or files of this kind are not called.
    """
    check_format(kind)
    file = io.BufferedReader(source) if isinstance(source, io.RawIOBase) else source
    try:
        if kind == "skops":
            return _read_skops(file, confirmed)
        if kind in FORMATS:
            return read_booster(file.read(), kind)
        if kind == "onnx":
            from .onnx_file import OnnxFile

            return OnnxFile(file.read(), output, megabytes)
        import joblib

        return joblib.load(file)
    except (Refusal, InterruptedError):
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
        if kind == "onnx":
            reason = f"{type(error).__name__}: {error}"
            raise Refusal(DATA_CORRUPTED, f"the artifact is no ONNX file ({reason})", "Export it again.") from None
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
