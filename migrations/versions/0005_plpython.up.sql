-- plpython/pin_path.sql
-- Names in defaults and signatures are looked up once, here: not by the path of whoever installs.
set search_path = pg_catalog, pg_temp;

-- plpython/allowed_engine.sql
create table pgscore_trusted.allowed_engine (
    engine text primary key,
    megabytes bigint not null default 1024,
    allowed_at timestamptz not null default now(),
    allowed_by name not null default session_user,
    constraint engine_is_one_to_allow check (engine = 'onnx'),
    constraint memory_has_a_bound check (megabytes between 64 and 1048576)
);

comment on table pgscore_trusted.allowed_engine is 'Engines that run a publisher''s data by native code: off, unless a superuser has put them here';

comment on column pgscore_trusted.allowed_engine.engine is 'onnx: onnxruntime, which runs the graphs of all who may publish, signed or not';

comment on column pgscore_trusted.allowed_engine.megabytes is 'How much memory a call of it may take in a backend, beside what that has: whatever needs more is refused';

comment on column pgscore_trusted.allowed_engine.allowed_at is 'Since when it is on';

comment on column pgscore_trusted.allowed_engine.allowed_by is 'The login role that turned it on';

grant select on pgscore_trusted.allowed_engine to pgscore_owner, pgscore_publisher, pgscore_operator;

-- plpython/_runtime.sql
-- Rendered from plpython/pgscore_runtime by `make render`: change it there.
create or replace function pgscore_trusted._runtime() returns void
language plpython3u volatile parallel safe
set search_path = pg_catalog, pg_temp
as $runtime$
import sys
from _frozen_importlib import ModuleSpec
name = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
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
".array_memory": r'''
"""Arrays of doubles as PostgreSQL holds them in memory, which numpy reads and writes without a step for each number.

An array is, in the machine's own byte order: its length, dimensions, where the elements begin if any is NULL, else 0,
and their type; then for each dimension its length, and for each where it begins; then a bit for each element, 0 for
NULL, if any is; then those that are not NULL. Places count from the array's length, which `bytea` has for its own.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    FloatArray = numpy.typing.NDArray[numpy.float64]
    BoolArray = numpy.typing.NDArray[numpy.bool_]

_LENGTH = 4
_HEAD = 16
_EACH_DIMENSION = 8
_ALIGNED = 8
_DOUBLE = 701


def read_array(content: bytes) -> FloatArray:
    """The elements of an array of doubles of any dimensions, one behind the other; NaN for NULL."""
    import numpy as np

    dimensions, offset = struct.unpack_from("=ii", content)
    bits = _HEAD + _EACH_DIMENSION * dimensions
    if not offset:
        return np.frombuffer(content, dtype=float, offset=bits - _LENGTH)
    many = int(np.prod(struct.unpack_from(f"={dimensions}i", content, _HEAD - _LENGTH)))
    flags = np.frombuffer(content, dtype=np.uint8, count=-(-many // 8), offset=bits - _LENGTH)
    values = np.full(many, np.nan)
    values[np.unpackbits(flags, count=many, bitorder="little").astype(bool)] = np.frombuffer(
        content, dtype=float, offset=offset - _LENGTH
    )
    return values


def write_array(values: FloatArray, known: BoolArray) -> bytes:
    """An array of doubles of one dimension, with NULL for those that are not known."""
    import numpy as np

    if len(values) == 0:
        return struct.pack("=iiI", 0, 0, _DOUBLE)
    offset, bits = 0, b""
    if not known.all():
        values = values[known]
        bits = np.packbits(known, bitorder="little").tobytes()
        bits += bytes(-len(bits) % _ALIGNED)
        offset = _HEAD + _EACH_DIMENSION + len(bits)
    return struct.pack("=iiIii", 1, offset, _DOUBLE, len(known), 1) + bits + values.tobytes()
''',
".artifact": r'''
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
''',
".boosters": r'''
"""Boosters' own files, of XGBoost, LightGBM and CatBoost: reading one runs none of its code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, Refusal
from .ubjson import read_ubjson

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("xgboost-json", "xgboost-ubj", "lightgbm", "catboost")
_CLASSIFIER = ("binary:logistic", "multi:softprob", "multi:softmax")
_PROBABILITIES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")
_LIGHTGBM_VERSION = 4
_WHERE = r"^(\[[\d:]+\] )?\S+:\d+: "
# Of a CatBoost file: four letters, and the size of what follows.
_HEAD = 8


def format_of(start: bytes) -> str | None:
    """Which of the formats a file is in, by its first bytes (64 at least); None for none of them."""
    if start.startswith(b"CBM1"):
        return "catboost"
    if re.match(rb"tree\r?\nversion=", start):
        return "lightgbm"
    if start.startswith(b"{") and b"learner" in start[:64]:
        # UBJSON tells the type of each length; JSON has blanks and quotes there.
        return "xgboost-json" if re.match(rb"\{\s*\"", start) else "xgboost-ubj"
    return None


def read_booster(content: bytes, kind: str) -> Any:  # noqa: ANN401
    """A fitted estimator out of a booster's own file.

    Raises:
        Refusal: the file is cut short, or was written by a newer release than is installed here.
        ModuleNotFoundError: the library is not installed.
    """
    return _READERS[kind](content)


def _xgboost_json(content: bytes) -> Any:  # noqa: ANN401
    return _xgboost(content, json.loads)


def _xgboost_ubj(content: bytes) -> Any:  # noqa: ANN401
    return _xgboost(content, read_ubjson)


def _xgboost(content: bytes, read: Callable[[bytes], Any]) -> Any:  # noqa: ANN401
    import xgboost

    try:
        document = read(content)
        written = [int(each) for each in document["version"]]
        objective = document["learner"]["objective"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _cut_short("XGBoost", error if isinstance(error, ValueError) else None) from None
    if written[:2] > [int(each) for each in xgboost.__version__.split(".")[:2]]:
        raise _newer("XGBoost", ".".join(map(str, written)), xgboost.__version__)
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(content))
    except Exception as error:
        raise _cut_short("XGBoost", error) from None
    estimator = xgboost.XGBClassifier() if objective in _CLASSIFIER else xgboost.XGBRegressor()
    # What was saved by a wrapper says which one, and another one refuses it.
    booster.set_attr(scikit_learn=None)
    estimator.load_model(booster.save_raw("ubj"))
    return estimator


class LightGBMFile:
    """A booster that was read from LightGBM's text, with the calls of an estimator."""

    def __init__(self, booster: Any) -> None:  # noqa: ANN401
        import numpy as np

        self.booster_ = booster
        objective = str(booster.dump_model(num_iteration=1)["objective"]).split(" ")[0]
        names = booster.feature_name()
        self.n_features_in_ = len(names)
        if names != [f"Column_{number}" for number in range(len(names))]:
            self.feature_names_in_ = np.array(names, dtype=object)
        if objective in ("binary", "multiclass", "multiclassova"):
            classes = booster.num_model_per_iteration()
            self.classes_ = np.arange(2 if objective == "binary" else classes)
            self.predict_proba = self._probabilities

    def predict(self, given: Any) -> Any:  # noqa: ANN401
        """A label or a value for each row."""
        import numpy as np

        if hasattr(self, "classes_"):
            return self.classes_[np.argmax(self._probabilities(given), axis=1)]
        return self.booster_.predict(given, num_threads=1)

    def _probabilities(self, given: Any) -> Any:  # noqa: ANN401
        import numpy as np

        found = self.booster_.predict(given, num_threads=1)
        return np.column_stack([1 - found, found]) if found.ndim == 1 else found

    def __sklearn_is_fitted__(self) -> bool:
        return True


def _lightgbm(content: bytes) -> Any:  # noqa: ANN401
    import lightgbm

    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise _cut_short("LightGBM", error) from None
    if not _is_whole_lightgbm(text):
        raise _cut_short("LightGBM", None)
    version = re.search(r"^version=v(\d+)", text, re.MULTILINE)
    if version is not None and int(version[1]) > _LIGHTGBM_VERSION:
        raise _newer("LightGBM", f"as its format {version[1]}", lightgbm.__version__)
    try:
        return LightGBMFile(lightgbm.Booster(model_str=text, params={"verbose": -1}))
    except Exception as error:
        raise _cut_short("LightGBM", error) from None


def _is_whole_lightgbm(text: str) -> bool:
    """Whether all trees are there, and what follows them: LightGBM itself does not end where its parameters do not."""
    sizes = re.search(r"^tree_sizes=(.*)$", text, re.MULTILINE)
    _, end_of_trees, rest = text.partition("\nend of trees")
    _, end_of_parameters, rest = rest.partition("\nend of parameters")
    return (
        sizes is not None
        and len(sizes[1].split()) == text.count("\nTree=")
        and bool(end_of_trees and end_of_parameters)
        and re.fullmatch(r"\s*(pandas_categorical:\S.*)?\s*", rest) is not None
    )


def _catboost(content: bytes) -> Any:  # noqa: ANN401
    import catboost

    if len(content) < _HEAD or len(content) < _HEAD + int.from_bytes(content[4:_HEAD], "little"):
        raise _cut_short("CatBoost", None)
    try:
        model = catboost.CatBoost().load_model(blob=content, format="cbm")
    except Exception as error:
        unsupported = re.search(r"Unsupported model format: (\S+)", str(error))
        if unsupported is not None:
            raise _newer("CatBoost", f"as {unsupported[1]}", catboost.__version__) from None
        raise _cut_short("CatBoost", error) from None
    loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
    estimator = catboost.CatBoostClassifier() if loss in _PROBABILITIES else catboost.CatBoostRegressor()
    return estimator.load_model(blob=content, format="cbm")


def _cut_short(library: str, error: Exception | None) -> Refusal:
    # Without the time, and the place in the library's source.
    reason = "" if error is None else f" ({re.sub(_WHERE, '', str(error).strip()).splitlines()[0]})"
    return Refusal(
        DATA_CORRUPTED, f"the artifact is no {library} model, or is cut short{reason}", f"Save it again with {library}."
    )


def _newer(library: str, written: str, here: str) -> Refusal:
    return Refusal(
        FEATURE_NOT_SUPPORTED,
        f"the artifact was written by {library} {written}, which {here}, as is installed here, does not read",
        f"Install the {library} that wrote it.",
    )


_READERS: dict[str, Callable[[bytes], Any]] = {
    "xgboost-json": _xgboost_json,
    "xgboost-ubj": _xgboost_ubj,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
}
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
    """What is left of a limit that several parts of a program share.

    Attributes:
        most: the limit.
    """

    def __init__(self, most: int, what: str) -> None:
        self.most = self._left = most
        self._what = what

    def spend(self, count: int, place: str) -> None:
        """Takes so many from it.

        Raises:
            Refusal: there are not so many left.
        """
        self._left -= count
        if self._left < 0:
            refuse(place, f"brings the program past {self.most:,} {self._what}")
''',
".contract": r'''
"""The contract of a version: inputs, output, and the libraries that it was fitted with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

from .errors import INVALID_PARAMETER, Refusal

InputType = Literal["double precision", "text", "boolean"]
OutputKind = Literal["probability", "indicator", "value"]
Algorithm = Literal["pointsAbove", "pointsBelow"]
Label = str | int | float | bool

_INPUT_TYPES = ("double precision", "text", "boolean")
# Ten thousand trees that are added in single precision.
_LARGEST_TOLERANCE = 1e-2
# What contracts of the first release did not know.
_LATER = ("tolerance", "categorical", "known", "hashed", "graph_output", "reason_codes")
_OUTPUT_KINDS = ("probability", "indicator", "value")
_ALGORITHMS = ("pointsAbove", "pointsBelow")


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
class Characteristic:
    """One of a scorecard's parts, each of which adds points to one reason code.

    Attributes:
        partial: the register of the program that holds its partial score.
        baseline: the partial score from which points count.
        by: the register whose number says which code it is; None: there is but one.
        keys: the numbers that this register may hold, sorted.
        codes: for each of them a reason code; without `by` a single one.
    """

    partial: int
    baseline: float
    by: int | None
    keys: tuple[float, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True)
class ReasonCodes:
    """Where a scorecard's reason codes come from.

    Attributes:
        algorithm: whether points are the partial score above the baseline, or below it.
        characteristics: in the order in which points are added, and equals are ranked.
    """

    algorithm: Algorithm
    characteristics: tuple[Characteristic, ...]


@dataclass(frozen=True)
class Contract:
    """Everything that is needed to call a version, and that its signature covers beside the artifact.

    Attributes:
        format: how the artifact is stored, ``joblib``, ``pickle``, ``skops``, as a booster's own file, or as another
            tool's: ``onnx``, ``pmml``, ``mojo``.
        inputs: in the order in which the estimator was fitted.
        frame: whether the estimator needs a DataFrame with column names; an array serves otherwise.
        missing_text: what the estimator knows a missing text as, ``nan`` (pandas' way) or ``none``.
        output: what the score is.
        libraries: the versions it was fitted with, by distribution name, ``python`` among them.
        types: what a skops artifact makes beside the types that skops itself trusts, sorted.
        tolerance: how far scores may be from the estimator's, as a part of the larger of 1, the score, and the sum of
            its absolute terms, where the estimator adds in single precision; None: 1e-12.
        categorical: whether the estimator knows texts as pandas' categories, and not as objects.
        known: by input, the only categories that are no mistake, where the estimator would take others for one of them.
        hashed: by input, the texts whose hashes the estimator tests, where it holds hashes alone: its program has them
            from golden rows, and with other ones it is another version.
        graph_output: the output of an ONNX graph that was chosen, where it has several; else None.
        reason_codes: where the reason codes of a scorecard come from; None: it has none.
    """

    format: str
    inputs: tuple[Input, ...]
    frame: bool
    missing_text: Literal["nan", "none"]
    output: Output
    libraries: dict[str, str]
    types: tuple[str, ...] = ()
    tolerance: float | None = None
    categorical: bool = False
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hashed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    graph_output: str | None = None
    reason_codes: ReasonCodes | None = None

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
        # What says nothing stays out, as signatures of former releases cover such texts.
        stated = {name: value for name, value in asdict(self).items() if name not in _LATER or value}
        return json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

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
        tolerance=_tolerance(found.get("tolerance")),
        categorical=bool(found.get("categorical", False)),
        known=_texts(found.get("known", {})),
        hashed=_texts(found.get("hashed", {})),
        graph_output=_name(found.get("graph_output")),
        reason_codes=_reason_codes(found.get("reason_codes")),
    )


def _reason_codes(found: Any) -> ReasonCodes | None:  # noqa: ANN401
    if found is None:
        return None
    if found["algorithm"] not in _ALGORITHMS:
        raise ValueError(f"reason_codes.algorithm is {found['algorithm']!r}")
    return ReasonCodes(found["algorithm"], tuple(_characteristic(each) for each in found["characteristics"]))


def _characteristic(found: dict[str, Any]) -> Characteristic:
    by = found["by"]
    keys, codes = tuple(float(key) for key in found["keys"]), tuple(found["codes"])
    if type(found["partial"]) is not int or not (by is None or type(by) is int):
        raise ValueError("reason_codes name what is no register")
    if len(codes) != (1 if by is None else len(keys)) or not all(isinstance(code, str) for code in codes):
        raise ValueError("reason_codes have other codes than keys")
    return Characteristic(found["partial"], float(found["baseline"]), by, keys, codes)


def _texts(found: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(map(str, texts)) for name, texts in found.items()}


def _name(found: Any) -> str | None:  # noqa: ANN401
    if found is not None and not (isinstance(found, str) and found):
        raise ValueError(f"graph_output is {found!r}")
    return found


def _tolerance(found: Any) -> float | None:  # noqa: ANN401
    if found is not None and not (type(found) is float and 0 < found <= _LARGEST_TOLERANCE):
        raise ValueError(f"tolerance is {found!r}")
    return found


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

from .errors import FEATURE_NOT_SUPPORTED, INSUFFICIENT_PRIVILEGE, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    from .artifact import Pieces
    from .contract import Contract
    from .estimator import ServedEstimator

# The other modules are imported where they are needed: a backend that only walks programs is not to pay for what
# unpickles, on its first insert.
_ESTIMATORS = "pgscore_estimators"
_RECEIVED = "pgscore_received"
# A backend that has lived through many promotions keeps the latest, not all: each may hold hundreds of megabytes.
_MOST_ESTIMATORS = 8
# The format, and the engine for it.
_GRAPHS = "onnx"
_COUNTED = "pgscore_counted"
# So many rows of one statement, scored one by one, are what scoring them together is for.
_MANY_ROWS = 100
# So many rows are walked before what makes later ones fast is prepared, which takes as long as to walk hundreds.
_FIRST_ROWS = 8
_PROGRAMS = "pgscore_programs"
_MOST_PROGRAMS = 32
_REPORTED = (
    "scikit-learn", "numpy", "scipy", "pandas", "joblib", "skops", "cryptography", "xgboost", "lightgbm", "catboost",
    "onnxruntime",
)  # fmt: skip


def receive(session: MutableMapping[str, Any], ordinal: int, content: bytes) -> None:
    """Takes the next piece of an artifact; the first one, with ordinal 1, begins a new artifact."""
    from .artifact import Pieces

    if ordinal == 1:
        session[_RECEIVED] = Pieces()
    session[_RECEIVED].append(content)


def load(
    session: MutableMapping[str, Any],
    keys: Mapping[str, bytes],
    contract: str,
    signature: bytes | None,
    key_id: str | None,
    confirmed: Sequence[str],
    engines: Mapping[str, int],
) -> tuple[str, str, str] | None:
    """Unpickles the signed artifact that was received and keeps it under its digest for the life of the backend.

    An ONNX graph is data, and needs no signature: its engine has to be allowed.

    Args:
        session: PL/Python's ``GD``.
        keys: the trusted keys by their ids.
        contract: its JSON.
        signature: 64 bytes, or None.
        key_id: the key that signed.
        confirmed: the types that an operator lets a skops artifact make.
        engines: how many megabytes each of those may take that a superuser has allowed.

    Returns:
        None where it was loaded, else SQLSTATE, message and hint of the refusal. Nothing was unpickled where the
        signature, a library or a type is refused.
    """
    import warnings

    from .artifact import check_format, check_libraries, forbid_threads
    from .contract import parse_contract
    from .signature import check_signature

    pieces: Pieces = session.pop(_RECEIVED)
    try:
        described = parse_contract(contract)
        check_format(described.format)
        sha256 = pieces.sha256()
        megabytes = None
        if described.format == _GRAPHS:
            megabytes = _allowed_megabytes(engines)
        else:
            check_signature(described.signed_message(sha256), signature, key_id, keys)
        check_libraries(described.libraries)
        forbid_threads()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            served = _read(pieces, described, confirmed, megabytes)
    except Refusal as refusal:
        return refusal.sqlstate, refusal.message, refusal.hint
    except InterruptedError:
        # Whoever asked is told to end.
        return None
    except ImportError as error:
        return FEATURE_NOT_SUPPORTED, f"the server's Python lacks a package: {error}", ""
    kept = session.setdefault(_ESTIMATORS, {})
    kept[described.digest(sha256)] = served
    while len(kept) > _MOST_ESTIMATORS:
        del kept[next(iter(kept))]
    return None


def _allowed_megabytes(engines: Mapping[str, int]) -> int:
    if _GRAPHS in engines:
        return engines[_GRAPHS]
    raise Refusal(
        INSUFFICIENT_PRIVILEGE,
        "the onnx engine, which runs graphs of publishers by native code, is off in this database",
        "A superuser who wants it runs `pgscore engines allow onnx`.",
    )


def _read(pieces: Pieces, described: Contract, confirmed: Sequence[str], megabytes: int | None) -> ServedEstimator:
    from .artifact import read_artifact
    from .estimator import ServedEstimator

    estimator = read_artifact(pieces, described.format, confirmed, described.graph_output, megabytes)
    if described.format == _GRAPHS:
        # Nobody has signed for the contract either.
        estimator.check(described)
    return ServedEstimator(estimator, described)


def estimate(
    session: MutableMapping[str, Any],
    digest: str,
    rows: int,
    numbers: list[Any] | None,
    texts: list[Any] | None,
    every: bool,
    graphs: bool,
) -> tuple[list[float | None], list[str | None]] | None:
    """Scores whole arrays with the version of this digest, given as to `ServedEstimator.scores`.

    Returns:
        Scores and reasons, one of each for a row; None where `load` has to be called first, also of an ONNX graph
        without `graphs`; or where the statement is to end. With `every`, all outputs of a row in the place of its
        score, row by row in one list.
    """
    served = _served(session, digest, graphs=graphs)
    if served is None:
        return None
    try:
        if not every:
            return served.scores(rows, numbers, texts)
        outputs, reasons = served.outputs(rows, numbers, texts)
    except InterruptedError:
        return None
    return [each for row in outputs for each in row], reasons


def estimate_rows(
    session: MutableMapping[str, Any],
    digest: str,
    rows: int,
    numbers: bytes | None,
    texts: list[Any] | None,
    every: bool,
    graphs: bool,
) -> tuple[bytes | None, list[str | None] | None]:
    """Like `estimate`, from and to arrays as they stand in PostgreSQL's memory.

    Returns:
        Scores and reasons. The scores are None where those of `estimate` are, the reasons where there are none.
    """
    from .array_memory import write_array

    served = _served(session, digest, graphs=graphs)
    if served is None:
        return None, None
    try:
        values, known, reasons = served.arrays(rows, numbers, texts, every=every)
    except InterruptedError:
        return None, None
    return write_array(values, known), reasons


def _served(session: MutableMapping[str, Any], digest: str, *, graphs: bool) -> ServedEstimator | None:
    kept = session.get(_ESTIMATORS, {})
    if digest not in kept:
        return None
    # The one that was used last stands last.
    served: ServedEstimator = kept.pop(digest)
    if served.format == _GRAPHS and not graphs:
        # It was loaded while its engine was on.
        return None
    kept[digest] = served
    return served


def count_row(session: MutableMapping[str, Any], statement: float) -> bool:
    """Counts a row that a query has scored by itself.

    Args:
        session: PL/Python's ``GD``.
        statement: when the statement began, which tells it from others.

    Returns:
        Whether the statement has scored many, and no statement of this session had before.
    """
    counted, rows = session.get(_COUNTED, (statement, 0))
    if counted is None:
        return False
    rows = rows + 1 if counted == statement else 1
    has_many: bool = rows == _MANY_ROWS
    session[_COUNTED] = (None, 0) if has_many else (statement, rows)
    return has_many


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
        interpreter = Interpreter(parse_program(program), _FIRST_ROWS)
    except Refusal as refusal:
        return refusal.sqlstate, refusal.message, refusal.hint
    _keep(session, runtime + hashlib.sha256(program.encode()).hexdigest(), interpreter)
    return None


def load_reasons(
    session: MutableMapping[str, Any], runtime: str, program: str, positive: int
) -> tuple[str, str, str] | None:
    """Reads a program and keeps what explains it, for the life of the backend.

    Args:
        session: PL/Python's ``GD``; it stands there under ``runtime``, the sha256 of the program's text, " reasons "
            and the position.
        runtime: the name that this runtime is registered under.
        program: its JSON.
        positive: the position of the output that is the score.

    Returns:
        None where it was read, else SQLSTATE, message and hint of the refusal.
    """
    from .program import parse_program
    from .reasons import Explainer

    try:
        explainer = Explainer(parse_program(program), positive)
    except Refusal as refusal:
        return refusal.sqlstate, refusal.message, refusal.hint
    _keep(session, f"{runtime}{hashlib.sha256(program.encode()).hexdigest()} reasons {positive}", explainer)
    return None


def _keep(session: MutableMapping[str, Any], name: str, made: object) -> None:
    kept = session.setdefault(_PROGRAMS, {})
    kept[name] = None
    session[name] = made
    while len(kept) > _MOST_PROGRAMS:
        oldest = next(iter(kept))
        del kept[oldest], session[oldest]


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
from collections import Counter
from typing import TYPE_CHECKING, Any

from .array_memory import read_array
from .fitted_form import as_fitted, missing
from .threads import single_threaded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy
    import numpy.typing

    from .contract import Contract

    FloatArray = numpy.typing.NDArray[numpy.float64]
    BoolArray = numpy.typing.NDArray[numpy.bool_]
    Numbers = Sequence[Any] | bytes | None

# What scikit-learn raises when it refuses an input: infinity, an unseen category, a missing value.
_REFUSES = (ValueError, TypeError, ArithmeticError, LookupError)
# scikit-learn's trees refuse what a float32 does not hold.
_LARGEST_SINGLE = 3.4028234663852886e38


class ServedEstimator:
    """A fitted estimator with its contract."""

    def __init__(self, estimator: Any, contract: Contract) -> None:  # noqa: ANN401
        self._estimator = single_threaded(estimator)
        self._contract = contract
        # What is handed over as it comes: a row of it alone needs none of what sorts rows and columns.
        self._is_plain = not contract.frame and all(each.type == "double precision" for each in contract.inputs)

    @property
    def format(self) -> str:
        """The artifact's format."""
        return self._contract.format

    def scores(
        self, rows: int, numbers: Numbers, texts: Sequence[Any] | None
    ) -> tuple[list[float | None], list[str | None]]:
        """Scores whole arrays.

        Args:
            rows: the number of rows.
            numbers: rows x number inputs, nested or flat row by row; None for NULL, booleans as 0 and 1. Or an array
                of doubles as it stands in PostgreSQL's memory.
            texts: rows x text inputs, nested or flat row by row; None for NULL.

        Returns:
            A score for each row, None where an input is NULL that the model does not accept or where the estimator
            refuses the row; and for each row the reason of such a refusal, else None.
        """
        if rows == 1 and self._is_plain:
            score, reason = self._alone(numbers)
            return [score], [reason]
        values, answered, reasons = self._answers(self._score, 1, rows, numbers, texts)
        scores: list[float | None] = values[:, 0].tolist()
        for row in (~answered).nonzero()[0].tolist():
            scores[row] = None
        return scores, _by_row(reasons, rows)

    def _alone(self, numbers: Numbers) -> tuple[float | None, str | None]:
        """The score of one row of numbers, or the reason of its refusal; the same as of `_answers`, sooner."""
        import numpy as np

        inputs = self._contract.inputs
        given = _numbers(numbers).reshape(1, len(inputs))
        gaps = np.isnan(given[0])
        if gaps.any() and not all(inputs[place].nullable for place in gaps.nonzero()[0]):
            return None, None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                score = float(self._scored(given, 1)[0, 0])
            except _REFUSES as error:
                return None, _first_line(error)
        return (None if score != score else score), None  # noqa: PLR0124  NaN

    def outputs(
        self, rows: int, numbers: Numbers, texts: Sequence[Any] | None
    ) -> tuple[list[list[float | None]], list[str | None]]:
        """All that the estimator says of whole arrays, given as to `scores`.

        Returns:
            For each row the numbers that `Output.width` counts, None each where there is no score; and the reasons.
        """
        width = self._contract.output.width
        values, answered, reasons = self._answers(self._every, width, rows, numbers, texts)
        nothing: list[float | None] = [None] * width
        outputs = [row if known else nothing for row, known in zip(values.tolist(), answered, strict=True)]
        return outputs, _by_row(reasons, rows)

    def arrays(
        self, rows: int, numbers: Numbers, texts: Sequence[Any] | None, *, every: bool
    ) -> tuple[FloatArray, BoolArray, list[str | None] | None]:
        """The same as `scores`, or with `every` as `outputs`, in arrays.

        Returns:
            The numbers of a row behind those of the row before, and whether they hold; and the reasons, None where no
            row is refused.
        """
        import numpy as np

        width = self._contract.output.width if every else 1
        evaluate = self._every if every else self._score
        values, answered, reasons = self._answers(evaluate, width, rows, numbers, texts)
        return values.ravel(), np.repeat(answered, width), _by_row(reasons, rows) if reasons else None

    def _answers(
        self,
        evaluate: Callable[[list[Any]], FloatArray],
        width: int,
        rows: int,
        numbers: Numbers,
        texts: Sequence[Any] | None,
    ) -> tuple[FloatArray, BoolArray, dict[int, str]]:
        """Rows x width: the outputs; for each row whether they hold; and the reasons of rows that are refused."""
        import numpy as np

        inputs = self._contract.inputs
        # Columns are what is handed over: each in one piece, and the estimator's own.
        number_array = np.array(_numbers(numbers).reshape(rows, len(self._contract.numbers)), order="F")
        text_array = np.array(_array(texts, object).reshape(rows, len(self._contract.texts)), order="F")
        number_columns, text_columns = iter(number_array.T), iter(text_array.T)
        columns = [next(text_columns if each.is_text else number_columns) for each in inputs]

        accepted: BoolArray = np.ones(rows, dtype=bool)
        for each, column in zip(inputs, columns, strict=True):
            if not each.nullable:
                accepted &= ~missing(column)
        values = np.full((rows, width), np.nan)
        answered = accepted.copy()
        with warnings.catch_warnings():
            # Feature-name and version warnings would reach the server's log once per call.
            warnings.simplefilter("ignore")
            reasons = {
                row: reason
                for alike in self._alike(columns, np.flatnonzero(accepted))
                for row, reason in self._sift(evaluate, values, columns, alike)
            }
        answered[list(reasons)] = False
        # What is not a number is no score.
        answered &= ~np.isnan(values).any(axis=1)
        return values, answered, reasons

    def _alike(self, columns: list[Any], rows: Any) -> list[Any]:  # noqa: ANN401
        """These rows, parted so that each stands in a frame of the dtypes that it has alone.

        A missing truth makes objects of its column for all rows, and a step may look at objects otherwise:
        scikit-learn's SimpleImputer takes infinity among them.
        """
        import numpy as np

        kinds = [each.type for each in self._contract.inputs]
        gaps = [missing(column)[rows] for kind, column in zip(kinds, columns, strict=True) if kind == "boolean"]
        gaps = [each for each in gaps if each.any()]
        if not gaps or not self._contract.frame:
            return [rows]
        _, groups = np.unique(np.column_stack(gaps), axis=0, return_inverse=True)
        return [rows[groups.ravel() == group] for group in range(int(groups.max()) + 1)]

    def _sift(
        self,
        evaluate: Callable[[list[Any]], FloatArray],
        values: FloatArray,
        columns: list[Any],
        rows: Any,  # noqa: ANN401
    ) -> list[tuple[int, str]]:
        """Puts the outputs of these rows into `values`; the refused rows, each with its reason."""
        reason = _refusal(evaluate, values, columns, rows)
        if reason is None:
            return []
        # Most of what is refused is infinite, or past what trees hold: the others need not be searched for it. Or it is
        # a text that an encoder does not know: rows that have such a text in common are searched together.
        wild = _wild(columns, rows)
        parts = [part for part in (rows[~wild], rows[wild]) if len(part)]
        if len(parts) == 1:
            return self._search(evaluate, values, columns, _rare_first(columns, rows), reason)
        return [
            found
            for part in parts
            if (reason := _refusal(evaluate, values, columns, part)) is not None
            for found in self._search(evaluate, values, columns, _rare_first(columns, part), reason)
        ]

    def _search(
        self,
        evaluate: Callable[[list[Any]], FloatArray],
        values: FloatArray,
        columns: list[Any],
        rows: Any,  # noqa: ANN401
        reason: str,
    ) -> list[tuple[int, str]]:
        """The same of rows that were refused for a reason: halves them until those are found that are to blame."""
        if len(rows) == 1:
            return [(int(rows[0]), reason)]
        half = len(rows) // 2
        return [
            found
            for part in (rows[:half], rows[half:])
            if (why := _refusal(evaluate, values, columns, part)) is not None
            for found in self._search(evaluate, values, columns, part, why)
        ]

    def _score(self, columns: list[Any]) -> FloatArray:
        """Rows x 1: the score."""
        return self._scored(as_fitted(self._contract, columns), len(columns[0]))

    def _scored(self, given: Any, rows: int) -> FloatArray:  # noqa: ANN401
        """The same of what the estimator is given."""
        import numpy as np

        output = self._contract.output
        result: FloatArray
        if output.positive is None:
            result = np.asarray(self._estimator.predict(given), dtype=float)
        elif output.kind == "probability":
            result = np.asarray(self._estimator.predict_proba(given), dtype=float)[:, output.positive]
        else:
            labels = self._labels(given)
            result = (labels == self._estimator.classes_[output.positive]).astype(float)
        return result.reshape(rows, 1)

    def _every(self, columns: list[Any]) -> FloatArray:
        """Rows x width: probabilities, if it has them, and the label's position; or the value."""
        import numpy as np

        output = self._contract.output
        if output.positive is None:
            return self._score(columns)
        given = as_fitted(self._contract, columns)
        classes = {label: position for position, label in enumerate(self._estimator.classes_)}
        labels = np.array([[classes[label]] for label in self._labels(given)], dtype=float)
        if output.kind == "indicator":
            return labels
        # Boosters that were fitted on one class have two probabilities.
        probabilities = np.asarray(self._estimator.predict_proba(given), dtype=float)[:, : len(output.classes)]
        return np.column_stack([probabilities, labels])

    def _labels(self, given: Any) -> Any:  # noqa: ANN401
        """The label of each row; CatBoost gives a column of them where there are several classes."""
        import numpy as np

        return np.asarray(self._estimator.predict(given)).reshape(-1)


def _numbers(values: Numbers) -> FloatArray:
    """An array of doubles; flat, where the values are as in PostgreSQL's memory."""
    return read_array(values) if isinstance(values, bytes) else _array(values, float)


def _by_row(reasons: dict[int, str], rows: int) -> list[str | None]:
    """A reason for each row."""
    found: list[str | None] = [None] * rows
    for row, reason in reasons.items():
        found[row] = reason
    return found


def _refusal(
    evaluate: Callable[[list[Any]], FloatArray],
    values: FloatArray,
    columns: list[Any],
    rows: Any,  # noqa: ANN401
) -> str | None:
    """Puts the outputs of these rows into `values`; or why they, or some of them, are refused."""
    if len(rows) == 0:
        return None
    try:
        # All rows, as they mostly are, need not be picked out. Only parts of them are asked about in another order.
        values[rows] = evaluate(columns if len(rows) == len(values) else [column[rows] for column in columns])
    except _REFUSES as error:
        return _first_line(error)
    return None


def _wild(columns: list[Any], rows: Any) -> BoolArray:  # noqa: ANN401
    """Which of these rows hold a number that is infinite, or past what a single holds."""
    import numpy as np

    wild: BoolArray = np.zeros(len(rows), dtype=bool)
    for column in columns:
        if column.dtype != object:
            wild |= np.abs(column[rows]) > _LARGEST_SINGLE
    return wild


def _rare_first(columns: list[Any], rows: Any) -> Any:  # noqa: ANN401
    """These rows in another order: by how many of them share the rarest of their texts."""
    import numpy as np

    shared = np.full(len(rows), len(rows))
    for column in columns:
        if column.dtype == object:
            texts = column[rows].tolist()
            times = Counter(texts)
            shared = np.minimum(shared, [times[text] for text in texts])
    return rows[np.argsort(shared, kind="stable")]


def _array(values: Sequence[Any] | None, dtype: type) -> Any:  # noqa: ANN401
    import numpy as np

    return np.asarray([] if values is None else values, dtype=dtype)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
''',
".fitted_form": r'''
"""Columns in the form that an estimator was fitted with: a frame, or a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy
    import numpy.typing

    from .contract import Contract, Input

# Frames of more columns are made in a piece for each dtype.
_WIDE = 64


def as_fitted(contract: Contract, columns: list[Any]) -> Any:  # noqa: ANN401
    """What the estimator is called with: the contract's inputs, a column each, None or NaN where a value is missing."""
    if not contract.frame:
        return _matrix(contract, columns)
    frame = _frame(contract, columns)
    if not contract.categorical:
        return frame
    known = contract.known
    return frame.assign(**{each.name: as_categories(frame[each.name], known.get(each.name)) for each in contract.texts})


def _frame(contract: Contract, columns: list[Any]) -> Any:  # noqa: ANN401
    import pandas as pd

    inputs = contract.inputs
    if len(inputs) > _WIDE:
        return _wide_frame(contract, columns)
    frame = {}
    for each, column in zip(inputs, columns, strict=True):
        # Left to itself, pandas turns None among texts into NaN, which is another category, and newer releases
        # make another type of texts.
        values = _column(contract, each, column)
        frame[each.name] = pd.Series(values, dtype=object) if each.is_text else values
    return pd.DataFrame(frame)


def _wide_frame(contract: Contract, columns: list[Any]) -> Any:  # noqa: ANN401
    """The same in one piece for each dtype: of a thousand columns made one by one a row costs 50 ms."""
    import numpy as np
    import pandas as pd

    alike: dict[Any, list[tuple[str, Any]]] = {}
    for each, column in zip(contract.inputs, columns, strict=True):
        values = _column(contract, each, column)
        alike.setdefault(values.dtype, []).append((each.name, values))
    parts = []
    for dtype, part in alike.items():
        names, values = zip(*part, strict=True)
        parts.append(pd.DataFrame(np.column_stack(values), columns=list(names), dtype=dtype))
    return pd.concat(parts, axis=1)[[each.name for each in contract.inputs]]


def _matrix(contract: Contract, columns: list[Any]) -> Any:  # noqa: ANN401
    import numpy as np

    if not contract.texts:
        return np.column_stack(columns)
    matrix = np.empty((len(columns[0]), len(columns)), dtype=object)
    for position, (each, column) in enumerate(zip(contract.inputs, columns, strict=True)):
        matrix[:, position] = _column(contract, each, column)
    return matrix


def _column(contract: Contract, described: Input, column: Any) -> Any:  # noqa: ANN401
    import numpy as np

    if described.type == "double precision":
        return column
    gaps = missing(column)
    if described.type == "boolean" and not gaps.any():
        return column.astype(bool)
    values = column.astype(object)
    if described.type == "boolean":
        values[~gaps] = column[~gaps].astype(bool)
    values[gaps] = None if contract.missing_text == "none" else np.nan
    return values


def as_categories(texts: Any, known: Sequence[str] | None) -> Any:  # noqa: ANN401
    """A series of texts as pandas' categories: boosters find their own among them by name.

    Raises:
        ValueError: one is not among those that are known, and these are all.
    """
    import pandas as pd

    found = sorted(texts.dropna().unique())
    strange = [] if known is None else [each for each in found if each not in known]
    if strange:
        raise ValueError(f"category {strange[0]!r} was not there when the model was fitted")
    # Without any category they would be numbers.
    return texts.astype(pd.CategoricalDtype(list(known or found) or [""]))


def missing(column: Any) -> numpy.typing.NDArray[numpy.bool_]:  # noqa: ANN401
    """For each row whether its value is missing."""
    import numpy as np

    nothing: Any = None
    # A comparison that numpy makes takes a third of the time of a loop.
    found: numpy.typing.NDArray[numpy.bool_] = np.equal(column, nothing) if column.dtype == object else np.isnan(column)
    return found
''',
".flat": r'''
"""Walking tree ensembles as they are stored, which needs no preparation: for the first rows of a session.

To prepare what makes later rows fast takes as long as to walk fifty, and sessions that score one are common.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tree_arrays import Trees


def walker(trees: Trees, registers: int, first_rows: int) -> Callable[[list[Any]], None]:
    """A function that walks an ensemble.

    Args:
        trees: the ensemble.
        registers: how many registers are defined before it.
        first_rows: for so many rows it is walked as it is, and prepared then.

    Returns:
        A function that takes the registers and appends the ensemble's outputs to them.
    """
    left, walk = first_rows, walk_arrays(trees)

    def counted(values: list[Any]) -> None:
        nonlocal left, walk
        if left == 0:
            # Only now, as sessions that do not come here are not to pay for the module.
            from .walk import prepared

            walk = prepared(trees, registers)
        left -= 1
        walk(values)

    return counted


def walk_arrays(trees: Trees) -> Callable[[list[Any]], None]:
    """A function that takes the registers and appends the ensemble's outputs to them, without any preparation."""
    of, feature, threshold, lefts, rights = trees.of, trees.feature, trees.threshold, trees.left, trees.right
    values, outputs = trees.values, len(trees.base)

    def walk(registers: list[Any]) -> None:
        tested = [registers[register] for register in of]
        totals = list(trees.base)
        for root, target in zip(trees.roots, trees.target, strict=True):
            node = root
            while (position := feature[node]) != -1:
                value, border = tested[position], threshold[node]
                if value is None or value != value:  # noqa: PLR0124  NaN
                    goes_left = trees.missing_left[node] == 1
                else:
                    goes_left = _is_member(value, trees.sets[trees.set[node]]) if border is None else value <= border
                node = lefts[node] if goes_left else rights[node]
            leaf = lefts[node]
            if target >= 0:
                totals[target] += values[leaf]
            else:
                totals = [total + each for total, each in zip(totals, values[leaf : leaf + outputs], strict=True)]
        registers.extend(totals if trees.divide is None else [total / trees.divide for total in totals])

    return walk


def _is_member(value: Any, members: list[Any]) -> bool:  # noqa: ANN401
    place = bisect_left(members, value)
    return place < len(members) and bool(members[place] == value)
''',
".formulas": r'''
"""Steps that make numbers of several registers by a formula: what each is, how it is read, and how it is walked."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from math import nan, tanh
from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import choice, fields, integer, items, members, number, numbers, refuse
from .functions import power_of_e, quotient
from .links import check_scores, link_function, link_outputs, read_link

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .links import Link
    from .scope import Scope

_MOST_SCORES = 1000
_MOST_FACTORS = 100
_MOST_COEFFICIENTS = 20
_MOST_DEGREE = 20
_LARGEST_WEIGHT = 1e300
KERNELS = ("rbf", "poly", "sigmoid")


class LinkStep(NamedTuple):
    """A link of registers, as scores have it."""

    of: tuple[int, ...]
    link: Link

    @property
    def outputs(self) -> int:
        """How many registers it defines."""
        return link_outputs(self.link, len(self.of))


class Product(NamedTuple):
    """Registers, multiplied from left to right."""

    of: tuple[int, ...]


class Ratio(NamedTuple):
    """A register over another one."""

    of: tuple[int, ...]


class Piecewise(NamedTuple):
    """A polynomial in each interval between knots, in powers of what is beyond the knot to the left.

    Attributes:
        of: the register.
        knots: ascending.
        pieces: for each interval its coefficients, that of the highest power first; empty where there is no number.
            The one before all knots is in powers of what is beyond the first.
        is_left_closed: whether a knot belongs to the interval that begins at it.
        missing: what is given where the register's number is missing.
    """

    of: int
    knots: tuple[float, ...]
    pieces: tuple[tuple[float, ...], ...]
    is_left_closed: bool
    missing: float


class Quadratic(NamedTuple):
    """The sum of squares of what rows of a matrix, or without one the registers themselves, make of differences."""

    of: tuple[int, ...]
    center: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...] | None


class Median(NamedTuple):
    """The weighted median of registers: the least that, with all that are no larger, has half of the weight."""

    of: tuple[int, ...]
    weights: tuple[float, ...]


class Kernel(NamedTuple):
    """A weighted sum of kernels of the registers and vectors."""

    of: tuple[int, ...]
    kernel: str
    vectors: tuple[tuple[float, ...], ...]
    coefficients: tuple[float, ...]
    intercept: float
    gamma: float
    constant: float
    degree: int


def _read_link_step(found: dict[str, Any], place: str, scope: Scope) -> LinkStep:
    fields(found, place, ("step", "of", "link"))
    of = scope.registers(found["of"], f"{place}.of")
    link = read_link(found["link"], f"{place}.link")
    check_scores(link, len(of), f"the number of registers in {place}.of", _MOST_SCORES)
    return LinkStep(of, link)


def _of(found: dict[str, Any], place: str, scope: Scope, least: int, most: int) -> tuple[int, ...]:
    of = scope.registers(found["of"], f"{place}.of")
    integer(len(of), f"the number of registers in {place}.of", least, most)
    return of


def _read_product(found: dict[str, Any], place: str, scope: Scope) -> Product:
    fields(found, place, ("step", "of"))
    return Product(_of(found, place, scope, 2, _MOST_FACTORS))


def _read_ratio(found: dict[str, Any], place: str, scope: Scope) -> Ratio:
    fields(found, place, ("step", "of"))
    return Ratio(_of(found, place, scope, 2, 2))


def _read_piecewise(found: dict[str, Any], place: str, scope: Scope) -> Piecewise:
    fields(found, place, ("step", "of", "knots", "coefficients", "closed", "missing"))
    of = scope.operand(found, place)
    knots = members(found["knots"], f"{place}.knots", texts=False)
    integer(len(knots), f"the number of {place}.knots", 1, scope.constants.most)
    listed = items(found["coefficients"], f"{place}.coefficients")
    if len(listed) != len(knots) + 1:
        refuse(f"{place}.coefficients", f"has {len(listed):,} entries for {len(knots):,} knots")
    pieces = tuple(() if each is None else _piece(each, f"{place}.coefficients[{n}]") for n, each in enumerate(listed))
    scope.constants.spend(len(knots) + sum(map(len, pieces)), place)
    closed = choice(found["closed"], f"{place}.closed", ("left", "right"))
    missing = nan if found["missing"] is None else number(found["missing"], f"{place}.missing")
    return Piecewise(of, tuple(knots), pieces, closed == "left", missing)


def _piece(found: Any, place: str) -> tuple[float, ...]:  # noqa: ANN401
    coefficients = numbers(found, place)
    integer(len(coefficients), f"the number of {place}", 1, _MOST_COEFFICIENTS)
    return tuple(reversed(coefficients))


def _read_quadratic(found: dict[str, Any], place: str, scope: Scope) -> Quadratic:
    fields(found, place, ("step", "of", "center"), ("matrix",))
    of = _of(found, place, scope, 1, scope.constants.most)
    center = _row(found["center"], f"{place}.center", len(of), scope)
    matrix = _rows(found["matrix"], f"{place}.matrix", len(of), scope) if "matrix" in found else None
    return Quadratic(of, center, matrix)


def _row(found: Any, place: str, width: int, scope: Scope) -> tuple[float, ...]:  # noqa: ANN401
    row = numbers(found, place)
    if len(row) != width:
        refuse(place, f"has {len(row):,} entries for {width:,} registers")
    scope.constants.spend(width, place)
    return tuple(row)


def _rows(found: Any, place: str, width: int, scope: Scope) -> tuple[tuple[float, ...], ...]:  # noqa: ANN401
    listed = items(found, place)
    integer(len(listed), f"the number of {place}", 1, scope.constants.most)
    return tuple(_row(each, f"{place}[{n}]", width, scope) for n, each in enumerate(listed))


def _read_kernel(found: dict[str, Any], place: str, scope: Scope) -> Kernel:
    kernel = choice(found.get("kernel"), f"{place}.kernel", KERNELS)
    optional = {"rbf": (), "poly": ("constant", "degree"), "sigmoid": ("constant",)}[kernel]
    fields(found, place, ("step", "of", "kernel", "vectors", "coefficients", "intercept", "gamma", *optional))
    of = _of(found, place, scope, 1, scope.constants.most)
    vectors = _rows(found["vectors"], f"{place}.vectors", len(of), scope)
    coefficients = numbers(found["coefficients"], f"{place}.coefficients")
    if len(coefficients) != len(vectors):
        refuse(f"{place}.coefficients", f"has {len(coefficients):,} entries for {len(vectors):,} vectors")
    scope.constants.spend(len(coefficients), f"{place}.coefficients")
    return Kernel(
        of,
        kernel,
        vectors,
        tuple(coefficients),
        number(found["intercept"], f"{place}.intercept"),
        number(found["gamma"], f"{place}.gamma"),
        number(found["constant"], f"{place}.constant") if "constant" in optional else 0.0,
        integer(found["degree"], f"{place}.degree", 1, _MOST_DEGREE) if "degree" in optional else 1,
    )


def _read_median(found: dict[str, Any], place: str, scope: Scope) -> Median:
    fields(found, place, ("step", "of", "weights"))
    of = _of(found, place, scope, 1, _MOST_SCORES)
    weights = numbers(found["weights"], f"{place}.weights")
    if len(weights) != len(of):
        refuse(f"{place}.weights", f"has {len(weights):,} entries for {len(of):,} registers")
    for n, weight in enumerate(weights):
        if not 0 <= weight <= _LARGEST_WEIGHT:
            refuse(f"{place}.weights[{n}]", f"is {weight!r}, not within 0 to {_LARGEST_WEIGHT!r}")
    return Median(of, tuple(weights))


def _link_step(step: LinkStep) -> Callable[[list[Any]], None]:
    of, function = step.of, link_function(step.link)
    return lambda registers: registers.extend(function([registers[register] for register in of]))


def _product(step: Product) -> Callable[[list[Any]], None]:
    first, *others = step.of

    def product(registers: list[Any]) -> None:
        value = registers[first]
        for register in others:
            value *= registers[register]
        registers.append(value)

    return product


def _ratio(step: Ratio) -> Callable[[list[Any]], None]:
    above, below = step.of
    return lambda registers: registers.append(quotient(registers[above], registers[below]))


def _piecewise(step: Piecewise) -> Callable[[list[Any]], None]:
    of, knots, pieces, missing = step.of, step.knots, step.pieces, step.missing
    bisect = bisect_right if step.is_left_closed else bisect_left

    def piecewise(registers: list[Any]) -> None:
        value = registers[of]
        if value != value:  # noqa: PLR0124  NaN
            registers.append(missing)
            return
        piece = bisect(knots, value)
        if not pieces[piece]:
            registers.append(nan)
            return
        total, *others = pieces[piece]
        if others:
            beyond = value - knots[max(piece - 1, 0)]
            for coefficient in others:
                total = total * beyond + coefficient
        registers.append(total)

    return piecewise


def _quadratic(step: Quadratic) -> Callable[[list[Any]], None]:
    centered, matrix = tuple(zip(step.of, step.center, strict=True)), step.matrix

    def quadratic(registers: list[Any]) -> None:
        differences = [registers[register] - center for register, center in centered]
        found = differences if matrix is None else [_dot(row, differences) for row in matrix]
        total = 0.0
        for each in found:
            total += each * each
        registers.append(total)

    return quadratic


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    total = 0.0
    for a, b in zip(one, other, strict=True):
        total += a * b
    return total


def _median(step: Median) -> Callable[[list[Any]], None]:
    of, weights = step.of, step.weights
    return lambda registers: registers.append(weighted_median([registers[register] for register in of], weights))


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """The first of the values, sorted, at which twice the sum of the weights so far is that of all or more."""
    # NaN is behind all numbers, as numpy sorts.
    ranked = sorted(zip(values, weights, strict=True), key=lambda each: (each[0] != each[0], each[0]))
    sums = [*accumulate([weight for _, weight in ranked])]
    return next(value for (value, _), so_far in zip(ranked, sums, strict=True) if 2 * so_far >= sums[-1])


def _kernel(step: Kernel) -> Callable[[list[Any]], None]:
    of, intercept = step.of, step.intercept
    similar = {"rbf": _radial, "poly": _polynomial, "sigmoid": _sigmoid}[step.kernel](step)
    weighted = tuple(zip(step.vectors, step.coefficients, strict=True))

    def kernel(registers: list[Any]) -> None:
        values = [registers[register] for register in of]
        total = intercept
        for vector, coefficient in weighted:
            total += coefficient * similar(vector, values)
        registers.append(total)

    return kernel


def _radial(step: Kernel) -> Callable[[Sequence[float], Sequence[float]], float]:
    gamma = step.gamma

    def radial(vector: Sequence[float], values: Sequence[float]) -> float:
        total = 0.0
        for a, b in zip(values, vector, strict=True):
            total += (a - b) * (a - b)
        return power_of_e(-(gamma * total))

    return radial


def _polynomial(step: Kernel) -> Callable[[Sequence[float], Sequence[float]], float]:
    gamma, constant, others = step.gamma, step.constant, range(step.degree - 1)

    def polynomial(vector: Sequence[float], values: Sequence[float]) -> float:
        base = gamma * _dot(values, vector) + constant
        power = base
        for _ in others:
            power *= base
        return power

    return polynomial


def _sigmoid(step: Kernel) -> Callable[[Sequence[float], Sequence[float]], float]:
    gamma, constant = step.gamma, step.constant
    return lambda vector, values: tanh(gamma * _dot(values, vector) + constant)


Formula = LinkStep | Product | Ratio | Piecewise | Quadratic | Median | Kernel

FORMULA_READERS: dict[str, Callable[[dict[str, Any], str, Scope], Formula]] = {
    "link": _read_link_step,
    "product": _read_product,
    "ratio": _read_ratio,
    "piecewise": _read_piecewise,
    "quadratic": _read_quadratic,
    "median": _read_median,
    "kernel": _read_kernel,
}
FORMULA_COMPILERS: dict[type, Callable[[Any], Callable[[list[Any]], None]]] = {
    LinkStep: _link_step,
    Product: _product,
    Ratio: _ratio,
    Piecewise: _piecewise,
    Quadratic: _quadratic,
    Median: _median,
    Kernel: _kernel,
}
''',
".functions": r'''
"""Functions of one number. None of them raises: a domain error is NaN, an overflow infinite, and 0 has no sign.

`log1p` and `expm1` are made of `log` and `exp`, as PostgreSQL has no others: so they are the same in each engine.
"""

from __future__ import annotations

from math import ceil, cos, exp, floor, inf, isfinite, log, log10, nan, sin, sqrt, tanh, trunc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def expit(z: float) -> float:
    """1 / (1 + exp(-z)): to the last bit what the sql engine computes, and scipy's expit."""
    try:
        return 1 / (1 + exp(-z))
    except OverflowError:
        return 0.0


def power_of_e(x: float) -> float:
    """exp(x)."""
    try:
        return exp(x)
    except OverflowError:
        return inf


def quotient(a: float, b: float) -> float:
    """A / b, where 0 counts as positive."""
    if b == 0:
        return inf if a > 0 else -inf if a < 0 else nan
    return a / b


def signed_square(z: float) -> float:
    """Z |z|."""
    return z * abs(z)


def _log(x: float) -> float:
    return log(x) if x > 0 else -inf if x == 0 else nan


def _log10(x: float) -> float:
    return log10(x) if x > 0 else -inf if x == 0 else nan


def _log1p(x: float) -> float:
    if not -1 < x < inf:
        return -inf if x == -1 else inf if x == inf else nan
    rounded = 1 + x
    lost = x - (rounded - 1) if x <= 1 else 1 - (rounded - x)
    return log(rounded) + lost / rounded


def _expm1(x: float) -> float:
    power = power_of_e(x)
    if power == 1:
        return x
    # What exp() has rounded away shows in its logarithm.
    return (power - 1) * (x / log(power)) if abs(x) < 1 else power - 1


def _logit(x: float) -> float:
    if 0 < x < 1:
        return log(x / (1 - x))
    return -inf if x == 0 else inf if x == 1 else nan


def _sign(x: float) -> float:
    return 1.0 if x > 0 else -1.0 if x < 0 else x + 0.0  # NaN


def _sqrt(x: float) -> float:
    return nan if x < 0 else sqrt(x)


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "sqrt": _sqrt,
    "square": lambda x: x * x,
    "sign": _sign,
    "trunc": lambda x: float(trunc(x)) if isfinite(x) else x,
    "floor": lambda x: float(floor(x)) if isfinite(x) else x,
    "ceil": lambda x: float(ceil(x)) if isfinite(x) else x,
    "relu": lambda x: 0.0 if x <= 0 else x,
    "reciprocal": lambda x: quotient(1.0, x),
    "exp": power_of_e,
    "expm1": _expm1,
    "log": _log,
    "log10": _log10,
    "log1p": _log1p,
    "logit": _logit,
    "expit": expit,
    "tanh": tanh,
    "sin": lambda x: sin(x) if isfinite(x) else nan,
    "cos": lambda x: cos(x) if isfinite(x) else nan,
}
''',
".interpreter": r'''
"""The `interpreter` engine: walks a program with the standard library alone.

A program is turned into closures over constants when it is constructed; never into source code.
"""

from __future__ import annotations

from math import nan
from operator import add, mul, sub, truediv
from typing import TYPE_CHECKING, Any

from .checks import shown
from .flat import walker
from .functions import FUNCTIONS
from .links import link_function
from .steps import Affine, Clip, Fill, Function, Linear, Lookup, Missing, step_outputs
from .tree_arrays import Trees

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


# Why a row is refused where no input of it is.
BEYOND = "a number that the model computes of the inputs is missing, or beyond what it accepts"


class Interpreter:
    """A program, ready to be evaluated.

    Args:
        program: the program.
        first_rows: so many rows are evaluated before anything is prepared that pays where many follow.

    Attributes:
        score: gives the score for one row, given as to `outputs`: the output at a position; None where there is none.
    """

    def __init__(self, program: Program, first_rows: int = 0) -> None:
        inputs = program.inputs
        self._inputs = inputs
        self._sources = _sources(inputs)
        self._numbers = tuple((n, each.minimum, each.maximum) for n, each in enumerate(inputs) if not each.is_text)
        self._required = tuple(n for n, each in enumerate(inputs) if each.is_text and not each.nullable)
        self._known = tuple((n, each.known) for n, each in enumerate(inputs) if each.known is not None)
        self._steps = _compiled(program, first_rows)
        self._scores = program.scores
        self._decide = program.decide
        self._required_of_steps = program.require
        self._link = link_function(program.link)
        self._program, self._first_rows = program, first_rows
        self.score: Score = self._first_score

    def outputs(
        self, numbers: Sequence[float | None], texts: Sequence[str | None]
    ) -> tuple[list[float] | None, str | None]:
        """The outputs for one row.

        Args:
            numbers: the values of the number inputs in their order, booleans as 0 and 1; None or NaN where missing.
            texts: the values of the text inputs in their order; None where missing.

        Returns:
            One output for each class, or one for a value, then what decides of the label if that is something else, and
            None; None and None where an input is missing that must
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
        for register, nullable, minimum, maximum in self._required_of_steps:
            value = registers[register]
            if not minimum <= value <= maximum and not (nullable and value != value):  # noqa: PLR0124  NaN
                return None, BEYOND
        linked = self._link([registers[register] for register in self._scores])
        return [*linked, *(registers[register] for register in self._decide)] if self._decide else linked, None

    def _first_score(self, numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        if self._first_rows > 0:
            self._first_rows -= 1
            return self._score(numbers, texts, positive)
        # Only now, as sessions that do not come here are not to pay for the module.
        from .quick import quick_score

        self.score = quick_score(self._program, self._score) or self._score
        return self.score(numbers, texts, positive)

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


def _compiled(program: Program, first_rows: int) -> tuple[Callable[[list[Any]], None], ...]:
    """For each step a function that appends its registers to those before it."""
    defined = len(program.inputs)
    compiled = []
    for step in program.steps:
        compiled.append(walker(step, defined, first_rows) if isinstance(step, Trees) else _compiler(type(step))(step))
        defined += step_outputs(step)
    return tuple(compiled)


def _compiler(kind: type) -> Callable[[Any], Callable[[list[Any]], None]]:
    if kind in _COMPILERS:
        return _COMPILERS[kind]
    # Only where a program has such a step: the module costs a backend 2 ms.
    from .formulas import FORMULA_COMPILERS

    return FORMULA_COMPILERS[kind]


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
    of, function = step.of, FUNCTIONS[step.name]
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
from typing import TYPE_CHECKING, Any, Literal, cast

from .checks import choice, integer
from .functions import expit, power_of_e, signed_square

if TYPE_CHECKING:
    from collections.abc import Callable

Link = Literal[
    "identity",
    "logistic",
    "softmax",
    "one_vs_rest",
    "sign",
    "argmax",
    "exp",
    "expit",
    "one_vs_all",
    "square_signed",
    "normalize",
]

# How many outputs there are of one score, where a link takes no more.
_OF_ONE_SCORE = {"logistic": 2, "sign": 2, "exp": 1, "expit": 1, "square_signed": 1}
_OF_CLASSES = ("softmax", "one_vs_rest", "argmax", "normalize")


def read_link(found: Any, place: str) -> Link:  # noqa: ANN401
    """The name of a link."""
    return cast("Link", choice(found, place, tuple(_LINKS)))


def check_scores(link: Link, count: int, place: str, most: int) -> None:
    """Returns where a link takes so many scores.

    Raises:
        Refusal: it takes fewer, or more.
    """
    integer(count, place, 2 if link in _OF_CLASSES else 1, 1 if link in _OF_ONE_SCORE else most)


def link_outputs(link: Link, scores: int) -> int:
    """How many outputs a link makes of so many scores."""
    return _OF_ONE_SCORE.get(link, scores)


def link_function(link: Link) -> Callable[[list[float]], list[float]]:
    """The function of a link."""
    return _LINKS[link]


def _sum(numbers: list[float]) -> float:
    # One after the other, as numpy and the sql engine add a few: sum() does so no more from Python 3.12 on.
    total = 0.0
    for number in numbers:
        total += number
    return total


def _identity(scores: list[float]) -> list[float]:
    return scores


def _logistic(scores: list[float]) -> list[float]:
    probability = expit(scores[0])
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
    return _normalize([expit(score) for score in scores])


def _normalize(scores: list[float]) -> list[float]:
    total = _sum(scores)
    if total == 0:  # scikit-learn's answer where all of them underflow
        return [1 / len(scores)] * len(scores)
    return [score / total for score in scores]


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
    "exp": lambda scores: [power_of_e(scores[0])],
    "expit": lambda scores: [expit(scores[0])],
    "one_vs_all": lambda scores: [expit(score) for score in scores],
    "square_signed": lambda scores: [signed_square(scores[0])],
    "normalize": _normalize,
}
''',
".masks": r'''
"""Scoring ensembles without walking them.

After QuickScorer (Lucchese et al., SIGIR 2015): each tree has a bit for each leaf, from left to right. A test that
sends a row to the right rules out the leaves on its left; of the leaves that no test rules out, the leftmost is the
row's. What all tests of one register rule out depends on its value alone, so it is found by one bisection and taken by
one AND of integers that span many trees, so many bytes for each.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import reduce
from operator import and_, getitem
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .tree_arrays import Trees

# A byte tells the leaves of a tree apart, and 0 is none of them.
_MOST_LEAVES = 248
# For each byte the number of its lowest bit, from 1.
_LOWEST = bytes((byte & -byte).bit_length() for byte in range(256))
_COUNTS = bytes(byte.bit_count() for byte in range(256))
# A table of numbers is kept for each tree.
_MOST_TREES = 5000
# How much memory masks may take: one for each threshold, as long as all trees that are looked at together.
_MOST_BYTES = 6 * 2**20
# With fewer trees at once it is faster to walk.
_LEAST_TOGETHER = 8
_MOST_KEPT = 10_000


def fits(trees: Trees) -> bool:
    """Whether an ensemble has trees one behind the other that are not large, and enough of them for their size."""
    if not 1 <= len(trees.roots) <= _MOST_TREES:
        return False
    if any(end <= root for root, end in zip(trees.roots, _ends(trees), strict=True)):
        return False
    # Each node is the child of one other, so nodes between two roots are a tree if none has a child elsewhere.
    for root, end in zip(trees.roots, _ends(trees), strict=True):
        inner = [node for node in range(root, end) if trees.feature[node] != -1]
        if any(trees.left[node] >= end or trees.right[node] >= end for node in inner):
            return False
    lane = _lane(trees)
    if 8 * lane > _MOST_LEAVES or (lane > 1 and len(trees.roots) < 2 * lane):
        return False
    return _together(trees, lane) > 0


def _ends(trees: Trees) -> list[int]:
    """For each tree where the next one begins."""
    return [*trees.roots[1:], len(trees.feature)]


def _lane(trees: Trees) -> int:
    """How many bytes hold the leaves of each tree."""
    sizes = [trees.feature[root:end].count(-1) for root, end in zip(trees.roots, _ends(trees), strict=True)]
    return -(-max(sizes) // 8)


def _together(trees: Trees, lane: int) -> int:
    """How many trees are looked at together, that their masks may not take too much memory; 0 where it is too few."""
    count = len(trees.roots)
    together = count
    while together >= min(count, _LEAST_TOGETHER):
        kept = 0
        for first in range(0, count, together):
            last = min(first + together, count)
            nodes = slice(trees.roots[first], trees.roots[last] if last < count else None)
            tests = set(zip(trees.feature[nodes], trees.threshold[nodes], strict=True))
            kept += len(tests) * lane * (last - first)
        if kept <= _MOST_BYTES:
            return together
        together //= 2
    return 0


def blocks(trees: Trees) -> list[Masks]:
    """An ensemble that `fits`, in parts that are looked at one after the other."""
    lane, every = _lane(trees), range(len(trees.roots))
    together = _together(trees, lane)
    return [Masks(trees, lane, every[first : first + together]) for first in range(0, len(every), together)]


def scorer(trees: Trees) -> Callable[[list[Any]], None]:
    """A function that takes the registers and appends the outputs of an ensemble that `fits`."""
    parts = [(_left(each), each.find(), each.adders()) for each in blocks(trees)]
    base, divide = trees.base, trees.divide

    def score(registers: list[Any]) -> None:
        sums = base
        for left, find, adders in parts:
            found = find(left(registers))
            sums = [adder(found, plain_start(total)) for adder, total in zip(adders, sums, strict=True)]
        registers.extend(sums if divide is None else [total / divide for total in sums])

    return score


def _left(found: Masks) -> Callable[[list[Any]], int]:
    """A function that takes the registers and gives what is left of the trees."""
    everything, numbers, sets, missing = found.everything, found.numbers(), found.sets(), found.missing()
    registers_read = [register for register, _, _ in numbers]
    all_thresholds = [array("d", thresholds) for _, thresholds, _ in numbers]
    all_masks = [masks for _, _, masks in numbers]

    def left_of(registers: list[Any]) -> int:
        values = [registers[register] for register in registers_read]
        total = sum(values)
        if total == total:  # noqa: PLR0124  none of them is NaN
            left = reduce(and_, map(getitem, all_masks, map(bisect_left, all_thresholds, values)), everything)
        else:
            left = everything
            for (register, thresholds, masks), value in zip(numbers, values, strict=True):
                left &= masks[bisect_left(thresholds, value)] if value == value else missing[register]  # noqa: PLR0124
        for register, mask in sets:
            left &= mask(registers[register])
        return left

    return left_of


class _Plain(float):
    """What sum() adds to as `+` does. To a plain float it adds floats with what rounding lost, from Python 3.12 on."""


def plain_start(base: float, *, is_plain: bool = sum([1.0, 1e100, 1.0, -1e100]) == 0) -> float:
    """The same number, to which sum() adds one number after the other, as estimators do."""
    return base if is_plain else _Plain(base)


class Masks:
    """The tests of some trees of an ensemble, each with what it rules out where it sends a row to the right.

    Attributes:
        everything: all leaves of all trees.
    """

    def __init__(self, trees: Trees, lane: int, chosen: range) -> None:
        self._trees, self._lane, self._chosen = trees, lane, chosen
        # For each leaf of a tree, from left to right, where its (first) number stands.
        self._leaves: list[list[int]] = []
        self._numbers: dict[int, list[tuple[float, int, int, int]]] = {}
        self._sets: dict[int, list[tuple[frozenset[Any], int, int]]] = {}
        ends = _ends(trees)
        for place, tree in enumerate(chosen):
            self._read(trees.roots[tree], ends[tree], 8 * lane * place)
        self.everything = (1 << 8 * lane * len(chosen)) - 1

    def _read(self, root: int, end: int, shift: int) -> None:
        """Numbers the leaves of a tree and notes its tests."""
        trees, numbers = self._trees, self._numbers
        of, feature, lefts, rights = trees.of, trees.feature, trees.left, trees.right
        leaves, first = [1] * (end - root), [0] * (end - root)
        # Children stand behind their parent.
        for node in range(end - 1, root - 1, -1):
            if feature[node] != -1:
                leaves[node - root] = leaves[lefts[node] - root] + leaves[rights[node] - root]
        places = [0] * leaves[0]
        for node in range(root, end):
            left, start = lefts[node], first[node - root]
            if feature[node] == -1:
                places[start] = left
                continue
            size = leaves[left - root]
            first[left - root], first[rights[node] - root] = start, start + size
            ruled_out = ((1 << size) - 1) << start
            register, threshold, missing_left = of[feature[node]], trees.threshold[node], trees.missing_left[node]
            if threshold is None:
                chosen = frozenset(trees.sets[trees.set[node]])
                self._sets.setdefault(register, []).append((chosen, missing_left, ruled_out << shift))
            elif register in numbers:
                numbers[register].append((threshold, missing_left, ruled_out, shift))
            else:
                numbers[register] = [(threshold, missing_left, ruled_out, shift)]
        self._leaves.append(places)

    def numbers(self) -> list[tuple[int, list[float], list[int]]]:
        """For each register its thresholds, and what is left when so many of them are exceeded."""
        found = []
        for register, tests in self._numbers.items():
            ruled_out: dict[float, int] = {}
            for threshold, _, mask, shift in tests:
                ruled_out[threshold] = ruled_out.get(threshold, 0) | mask << shift
            thresholds = sorted(ruled_out)
            masks = [self.everything]
            for threshold in thresholds:
                masks.append(masks[-1] & ~ruled_out.pop(threshold))
            found.append((register, thresholds, masks))
        return found

    def missing(self) -> dict[int, int]:
        """For each register that is a number what is left when it is missing."""
        found = {}
        for register, tests in self._numbers.items():
            ruled_out = _united(mask << shift for _, missing_left, mask, shift in tests if not missing_left)
            found[register] = self.everything & ~ruled_out
        return found

    def sets(self) -> list[tuple[int, Callable[[Any], int]]]:
        """For each register what is left for a value of it."""
        return [(register, _set_mask(tests, self.everything)) for register, tests in self._sets.items()]

    def find(self) -> Callable[[int], bytes]:
        """A function that gives, for what is left of all trees, a byte for each: the place in its table of `tables`."""
        lane, count = self._lane, len(self._chosen)
        size = lane * count
        if lane == 1:
            return lambda left: left.to_bytes(size, "little").translate(_LOWEST)
        # One in each tree. Its leaves, less one, differ from them up to the lowest that is left, and not behind it: so
        # many bits differ as the number of that leaf says, counted from 1.
        ones = sum(1 << 8 * lane * place for place in range(count))
        # Times a number whose bytes are ones, the last byte of each tree is the sum of the tree's.
        sums, last = sum(1 << 8 * part for part in range(lane)), slice(lane - 1, size, lane)
        from_bytes, longer = int.from_bytes, size + lane

        def find(left: int) -> bytes:
            bits = from_bytes((left ^ (left - ones)).to_bytes(size, "little").translate(_COUNTS), "little")
            return (bits * sums).to_bytes(longer, "little")[last]

        return find

    def adders(self) -> list[Callable[[bytes, float], float]]:
        """For each output a function that adds the leaves that were found to a number, one after the other."""
        return [self._adder(output) for output in range(len(self._trees.base))]

    def _adder(self, output: int) -> Callable[[bytes, float], float]:
        tables = self.tables(output)
        if all(table is not None for table in tables):
            return lambda found, start: sum(map(getitem, tables, found), start)
        places = [place for place, table in enumerate(tables) if table is not None]
        some = [table for table in tables if table is not None]
        return lambda found, start: sum(map(getitem, some, map(found.__getitem__, places)), start)

    def tables(self, output: int) -> list[Any]:
        """For each tree the numbers of its leaves by what `find` gives; None where it does not add to that output.

        In arrays: tuples would be pointers to numbers elsewhere, and caches are cold.
        """
        trees = self._trees
        made: list[Any] = []
        for tree, places in zip(self._chosen, self._leaves, strict=True):
            target = trees.target[tree]
            if target not in (-1, output):
                made.append(None)
                continue
            values = [trees.values[place + (output if target == -1 else 0)] for place in places]
            made.append(array("d", [0.0, *values]))
        return made


def _set_mask(tests: list[tuple[frozenset[Any], int, int]], everything: int) -> Callable[[Any], int]:
    missing = everything & ~_united(mask for _, missing_left, mask in tests if not missing_left)
    others = everything & ~_united(mask for _, _, mask in tests)
    members = frozenset().union(*[chosen for chosen, _, _ in tests])
    most = max(16, min(_MOST_KEPT, _MOST_BYTES // max(1, everything.bit_length() // 8)))
    kept: dict[Any, int] = {}

    def mask(value: Any) -> int:  # noqa: ANN401
        if value is None or value != value:  # noqa: PLR0124  NaN
            return missing
        if value not in members:
            return others
        if value not in kept:
            if len(kept) >= most:
                kept.clear()
            kept[value] = everything & ~_united(mask for chosen, _, mask in tests if value not in chosen)
        return kept[value]

    return mask


def _united(masks: Iterable[int]) -> int:
    united = 0
    for mask in masks:
        united |= mask
    return united
''',
".onnx_fields": r'''
"""The numbers of fields in an ONNX file, as onnx/onnx.proto gives them; OTHERS are those of which nothing is asked."""

from __future__ import annotations


class Model:
    """Of ModelProto."""

    PRODUCER = 2
    GRAPH = 7
    OPSET = 8
    METADATA = 14
    TRAINING = 20
    FUNCTION = 25
    OTHERS = (1, 3, 4, 5, 6)


class Opset:
    """Of OperatorSetIdProto."""

    DOMAIN = 1
    VERSION = 2


class Metadata:
    """Of StringStringEntryProto."""

    KEY = 1


class Graph:
    """Of GraphProto."""

    NODE = 1
    TENSOR = 5
    SPARSE = 15
    VALUES = (11, 12, 13)
    OTHERS = (2, 10, 14, 16)


class Node:
    """Of NodeProto."""

    INPUT = 1
    OUTPUT = 2
    NAME = 3
    OPERATOR = 4
    ATTRIBUTE = 5
    DOMAIN = 7
    OVERLOAD = 8
    OTHERS = (6, 9)


class Attribute:
    """Of AttributeProto."""

    NAME = 1
    INTS = 8
    STRINGS = 9
    TENSORS = (5, 10)
    GRAPHS = (6, 11)
    TYPES = (14, 15)
    SPARSE = (22, 23)
    OF_FUNCTION = 21
    OTHERS = (2, 3, 4, 7, 8, 9, 13, 20)


class Tensor:
    """Of TensorProto."""

    DIMENSIONS = 1
    KIND = 2
    SEGMENT = 3
    INT32 = 5
    STRINGS = 6
    INT64 = 7
    NAME = 8
    RAW = 9
    EXTERNAL = 13
    LOCATION = 14
    OTHERS = (2, 4, 5, 6, 7, 9, 10, 11, 12, 16)


class Value:
    """Of ValueInfoProto."""

    TYPE = 2


class Type:
    """Of TypeProto: what holds another type, and the field of that."""

    OF_MAP = 5
    OF_TYPES = (4, 5, 9)
    IN_MAP = 2
    IN_OTHERS = 1
    OTHERS = (1, 6)
''',
".onnx_file": r'''
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
''',
".onnx_labels": r'''
"""The labels of a classifier in an ONNX graph: onnxruntime tells an output's type, and not which labels it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import FEATURE_NOT_SUPPORTED, Refusal
from .onnx_fields import Attribute, Tensor
from .protobuf_fields import BYTES, FIXED32, VARINT

if TYPE_CHECKING:
    from .onnx_outline import Node, Outline

Labels = tuple[int, ...] | tuple[str, ...]

# Of ZipMap, and of the classifiers of ai.onnx.ml.
_STATED = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
# What hands labels on as they are, and where from: the first of what it reads.
_PASSES = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast")
_INT32, _STRING, _INT64 = 6, 8, 7
_MOST_LABELS = 10_000


def stated_labels(found: Outline, output: str) -> Labels | None:
    """The labels that the node states which makes an output, or what that is made of; None where none does."""
    makers = {name: node for node in found.nodes for name in node.outputs}
    node = makers.get(output)
    for _ in range(len(found.nodes)):
        if node is None:
            return None
        for name in _STATED:
            if labels := _labels(found, node, name):
                return labels
        taken = _taken(found, node)
        if taken is not None:
            return taken
        if node.operator not in _PASSES or not node.inputs:
            return None
        node = makers.get(node.inputs[0])
    return None


def maker(found: Outline, output: str) -> str:
    """The operator that makes an output, behind what hands it on as it is; empty where nothing does."""
    makers = {name: node for node in found.nodes for name in node.outputs}
    node = makers.get(output)
    for _ in range(len(found.nodes)):
        if node is None or node.operator not in _PASSES or not node.inputs:
            break
        node = makers.get(node.inputs[0])
    return "" if node is None else node.operator


def _taken(found: Outline, node: Node) -> Labels | None:
    """Labels that stand in a tensor, of which a place is taken; or that a place is looked up as."""
    if node.operator in ("ArrayFeatureExtractor", "Gather") and node.inputs and node.inputs[0] in found.tensors:
        return _tensor(found, node.inputs[0])
    if node.operator == "LabelEncoder":
        return _labels(found, node, "values_strings") or _labels(found, node, "values_int64s") or None
    return None


def _labels(found: Outline, node: Node, name: str) -> Labels:
    """A list of texts or of numbers among the attributes of a node."""
    if name not in node.attributes:
        return ()
    texts, numbers = list[str](), list[int]()
    for field in found.message.fields(*node.attributes[name]):
        if field.number == Attribute.STRINGS and field.wire == BYTES:
            texts.append(_text(found, field.start, field.end))
        elif field.number == Attribute.INTS:
            numbers += _numbers(found, field.wire, field.value, field.start, field.end)
        if len(texts) + len(numbers) > _MOST_LABELS:
            raise Refusal(FEATURE_NOT_SUPPORTED, f"the graph has more than {_MOST_LABELS:,} labels")
    return tuple(texts) or tuple(numbers)


def _tensor(found: Outline, name: str) -> Labels | None:
    """The numbers or texts of an initializer, where they are labels."""
    kind, texts, numbers, raw = 0, list[str](), list[int](), b""
    start, end = found.tensors[name]
    if end - start > 100 * _MOST_LABELS:
        return None
    for field in found.message.fields(start, end):
        if field.number == Tensor.KIND:
            kind = field.value
        elif field.number == Tensor.STRINGS and field.wire == BYTES:
            texts.append(_text(found, field.start, field.end))
        elif field.number in (Tensor.INT32, Tensor.INT64):
            numbers += _numbers(found, field.wire, field.value, field.start, field.end)
        elif field.number == Tensor.RAW:
            raw = found.message.content[field.start : field.end]
    if kind == _STRING:
        return tuple(texts)
    if kind not in (_INT32, _INT64):
        return None
    size = 4 if kind == _INT32 else 8
    return tuple(numbers) or tuple(
        int.from_bytes(raw[place : place + size], "little", signed=True) for place in range(0, len(raw), size)
    )


def _text(found: Outline, start: int, end: int) -> str:
    try:
        return found.message.content[start:end].decode()
    except UnicodeDecodeError:
        raise found.message.malformed(f"a label that is no UTF-8 at byte {start}") from None


def _numbers(found: Outline, wire: int, value: int, start: int, end: int) -> list[int]:
    if wire == VARINT:
        return [value - 2**64 if value >= 2**63 else value]
    packed, position = list[int](), start
    if wire == FIXED32:
        raise found.message.malformed(f"no labels at byte {start}")
    while position < end and len(packed) <= _MOST_LABELS:
        each, position = found.message.varint(position, end)
        packed.append(each - 2**64 if each >= 2**63 else each)
    return packed
''',
".onnx_outline": r'''
"""What an ONNX file holds, found out before onnxruntime sees a byte of it: names and places, and what is refused.

A graph is data, and a stranger's: it may name files of the server, code that is loaded, loops that do not end. What is
accepted is listed, so that what a later release of ONNX brings is refused until somebody has looked at it. The fields
and their numbers are those of onnx/onnx.proto.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, INSUFFICIENT_PRIVILEGE, INVALID_PARAMETER, Refusal
from .onnx_fields import Attribute, Graph, Metadata, Model, Opset, Tensor, Type, Value
from .onnx_fields import Node as NodeField
from .protobuf_fields import BYTES, VARINT, Message

if TYPE_CHECKING:
    from .protobuf_fields import Field

LARGEST = 256 * 2**20
_MOST_NODES = 20_000
_MOST_GRAPHS_DEEP = 4
_MOST_TYPES_DEEP = 8
# Of a tensor that is said to be of numbers of two bits; of any other there are fewer.
_MOST_NUMBERS_A_BYTE = 4
_MOST_DIMENSIONS = 16
_DOMAINS = (b"", b"ai.onnx", b"ai.onnx.ml")
# As long as they like, whatever the graph is given; and other scores at each call.
_ENDLESS = (b"Loop",)
_RANDOM = (b"RandomNormal", b"RandomNormalLike", b"RandomUniform", b"RandomUniformLike", b"Multinomial", b"Bernoulli")
# onnxruntime's own format has these bytes behind the first four, and other rules.
_OWN_FORMAT = b"ORTM"
# Its settings can stand in a file, too.
_SETTINGS = b"ort_config"
# Lists of an attribute, each number and text behind a tag of its own: trees have millions.
_LISTS = re.compile(
    rb"(?:\x3d.{4}|\x40[\x80-\xff]{0,9}+[\x00-\x7f]|\x4a(?:\x04.{4}|\x0a.{10}|\x09.{9}|\x0b.{11}|\x0e.{14}|\x0f.{15}))++",
    re.DOTALL,
)
_NUMBERS = re.compile(rb"(?:\x25.{4}|[\x28\x38\x58][\x80-\xff]{0,9}+[\x00-\x7f]|\x51.{8})++", re.DOTALL)


class Node(NamedTuple):
    """A node of the graph: operator, names of what it reads and makes, and where its attributes stand, by name."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, tuple[int, int]]


class Outline(NamedTuple):
    """What stands in a file.

    Attributes:
        message: the file.
        nodes: of the graph itself, in their order.
        tensors: where the graph's initializers stand, by name.
        opsets: the versions of the operators, by domain.
        producer: what wrote it.
    """

    message: Message
    nodes: list[Node]
    tensors: dict[str, tuple[int, int]]
    opsets: dict[str, int]
    producer: str


def outline(content: bytes) -> Outline:
    """What an ONNX file holds.

    Raises:
        Refusal: it is no such file, is cut short, too large, too deep, or holds what a stranger's graph may not.
    """
    if len(content) > LARGEST:
        raise Refusal(INVALID_PARAMETER, f"the graph has {len(content):,} bytes, and {LARGEST:,} are accepted at most")
    if content[4:8] == _OWN_FORMAT:
        raise Refusal(
            FEATURE_NOT_SUPPORTED, "the file is in onnxruntime's own format, and not in ONNX", "Publish the .onnx file."
        )
    walk = _Walk(Message(content, "the artifact"))
    walk.model(len(content))
    return Outline(walk.message, walk.nodes, walk.tensors, walk.opsets, walk.producer)


class _Walk:
    def __init__(self, message: Message) -> None:
        self.message = message
        self.nodes: list[Node] = []
        self.tensors: dict[str, tuple[int, int]] = {}
        self.opsets: dict[str, int] = {}
        self.producer = ""
        self._left = _MOST_NODES

    def bytes(self, field: Field) -> bytes:
        """The bytes of a field that has to have some."""
        if field.wire != BYTES:
            raise self.message.malformed(f"a number in the place of bytes at byte {field.start}")
        return self.message.content[field.start : field.end]

    def text(self, field: Field) -> str:
        try:
            return self.bytes(field).decode()
        except UnicodeDecodeError:
            raise self.message.malformed(f"a name that is no UTF-8 at byte {field.start}") from None

    def within(self, field: Field) -> tuple[int, int]:
        """Where a message stands within another."""
        if field.wire != BYTES:
            raise self.message.malformed(f"a number in the place of a message at byte {field.start}")
        return field.start, field.end

    def model(self, size: int) -> None:
        graphs = 0
        for field in self.message.fields(0, size):
            if field.number == Model.GRAPH:
                graphs += 1
                self.graph(*self.within(field), 1)
            elif field.number == Model.OPSET:
                self.opset(*self.within(field))
            elif field.number == Model.PRODUCER:
                self.producer = self.text(field)
            elif field.number == Model.METADATA:
                self.metadata(*self.within(field))
            elif field.number == Model.TRAINING:
                raise _unsafe("the file holds what it is trained with", "Export the graph for inference.")
            elif field.number == Model.FUNCTION:
                raise _unsafe("the file holds functions of its own", "Export it with its functions inlined.")
            elif field.number not in Model.OTHERS:
                raise self.unknown(field, "model")
        if graphs != 1:
            raise Refusal(
                DATA_CORRUPTED,
                f"the artifact holds {graphs or 'no'} graphs, and an ONNX file holds one",
                "Export it again.",
            )

    def opset(self, start: int, end: int) -> None:
        domain, version = b"", 0
        for field in self.message.fields(start, end):
            if field.number == Opset.DOMAIN:
                domain = self.bytes(field)
            elif field.number == Opset.VERSION:
                version = field.value
        # Tools name domains of which they use nothing.
        if domain in _DOMAINS:
            self.opsets[domain.decode()] = version

    def metadata(self, start: int, end: int) -> None:
        for field in self.message.fields(start, end):
            if field.number == Metadata.KEY and self.bytes(field) == _SETTINGS:
                raise _unsafe("the file holds settings for onnxruntime", "Export it without its metadata ort_config.")

    def graph(self, start: int, end: int, depth: int) -> None:
        if depth > _MOST_GRAPHS_DEEP:
            raise Refusal(
                INVALID_PARAMETER, f"the graph holds graphs within graphs, more than {_MOST_GRAPHS_DEEP} deep"
            )
        for field in self.message.fields(start, end):
            if field.number == Graph.NODE:
                node = self.node(*self.within(field), depth)
                if depth == 1:
                    self.nodes.append(node)
            elif field.number == Graph.TENSOR:
                name = self.tensor(*self.within(field))
                if depth == 1:
                    self.tensors[name] = (field.start, field.end)
            elif field.number == Graph.SPARSE:
                raise self.sparse()
            elif field.number in Graph.VALUES:
                self.value(*self.within(field))
            elif field.number not in Graph.OTHERS:
                raise self.unknown(field, "graph")

    def node(self, start: int, end: int, depth: int) -> Node:
        self._left -= 1
        if self._left < 0:
            raise Refusal(INVALID_PARAMETER, f"the graph has more than {_MOST_NODES:,} nodes")
        operator, name = b"", ""
        inputs, outputs, attributes = list[str](), list[str](), dict[str, tuple[int, int]]()
        for field in self.message.fields(start, end):
            if field.number == NodeField.INPUT:
                inputs.append(self.text(field))
            elif field.number == NodeField.OUTPUT:
                outputs.append(self.text(field))
            elif field.number == NodeField.NAME:
                name = self.text(field)
            elif field.number == NodeField.OPERATOR:
                operator = self.text(field).encode()
                _check_operator(operator, name)
            elif field.number == NodeField.DOMAIN:
                _check_domain(self.bytes(field), operator, name)
            elif field.number == NodeField.ATTRIBUTE:
                attributes[self.attribute(*self.within(field), depth)] = (field.start, field.end)
            elif field.number == NodeField.OVERLOAD and field.end > field.start:
                raise _unsafe("the file calls functions of its own", "Export it with its functions inlined.")
            elif field.number not in (NodeField.OVERLOAD, *NodeField.OTHERS):
                raise self.unknown(field, "node")
        return Node(operator.decode(), tuple(inputs), tuple(outputs), attributes)

    def attribute(self, start: int, end: int, depth: int) -> str:
        name = ""
        for field in self.message.fields(start, end, _LISTS):
            if field.number == Attribute.NAME:
                name = self.text(field)
            elif field.number in Attribute.TENSORS:
                self.tensor(*self.within(field))
            elif field.number in Attribute.GRAPHS:
                self.graph(*self.within(field), depth + 1)
            elif field.number in Attribute.SPARSE:
                raise self.sparse()
            elif field.number == Attribute.OF_FUNCTION and field.end > field.start:
                raise _unsafe("an attribute is that of a function", "Export it with its functions inlined.")
            elif field.number in Attribute.TYPES:
                self.type(*self.within(field), 1)
            elif field.number not in (Attribute.OF_FUNCTION, *Attribute.OTHERS):
                raise self.unknown(field, "attribute")
        return name

    def tensor(self, start: int, end: int) -> str:
        name, dims = "", list[int]()
        for field in self.message.fields(start, end, _NUMBERS):
            if field.number == Tensor.DIMENSIONS:
                dims += self.numbers(field)
                if len(dims) > _MOST_DIMENSIONS:
                    raise Refusal(INVALID_PARAMETER, f"a tensor has more than {_MOST_DIMENSIONS} dimensions")
            elif field.number == Tensor.NAME:
                name = self.text(field)
            elif field.number == Tensor.EXTERNAL or (
                field.number == Tensor.LOCATION and (field.wire != VARINT or field.value != 0)
            ):
                raise _unsafe(
                    f"a tensor{_called(name)} stands in another file, which a graph may not have the server read",
                    "Save the model in one file: onnx.save(model, path, save_as_external_data=False).",
                )
            elif field.number == Tensor.SEGMENT:
                raise self.message.malformed(f"a tensor in segments at byte {field.start}")
            elif field.number not in (Tensor.LOCATION, *Tensor.OTHERS):
                raise self.unknown(field, "tensor")
        # Checked before memory is taken for it. One without dimensions is a number.
        if min(dims, default=0) < 0 or (dims and prod(dims) > _MOST_NUMBERS_A_BYTE * (end - start)):
            raise Refusal(
                DATA_CORRUPTED,
                f"a tensor{_called(name)} is said to hold {' x '.join(map(str, dims))} numbers,"
                f" and has {end - start:,} bytes",
                "Export it again.",
            )
        return name

    def numbers(self, field: Field) -> list[int]:
        """Numbers of a list, each in a field of its own or packed in one."""
        if field.wire == VARINT:
            return [_signed(field.value)]
        if field.wire != BYTES or field.end - field.start > _MOST_DIMENSIONS * 10:
            raise self.message.malformed(f"no dimensions at byte {field.start}")
        found, position = [], field.start
        while position < field.end:
            value, position = self.message.varint(position, field.end)
            found.append(_signed(value))
        return found

    def value(self, start: int, end: int) -> None:
        for field in self.message.fields(start, end):
            if field.number == Value.TYPE:
                self.type(*self.within(field), 1)

    def type(self, start: int, end: int, depth: int) -> None:
        # Types of types: a parser that follows them would end its stack.
        if depth > _MOST_TYPES_DEEP:
            raise Refusal(INVALID_PARAMETER, f"the graph has types of types, more than {_MOST_TYPES_DEEP} deep")
        for field in self.message.fields(start, end):
            # Sequences, maps and optional values are of something.
            if field.number in Type.OF_TYPES:
                for inner in self.message.fields(*self.within(field)):
                    if (
                        inner.number == (Type.IN_MAP if field.number == Type.OF_MAP else Type.IN_OTHERS)
                        and inner.wire == BYTES
                    ):
                        self.type(inner.start, inner.end, depth + 1)
            elif field.number not in Type.OTHERS:
                raise self.unknown(field, "type")

    def unknown(self, field: Field, where: str) -> Refusal:
        return Refusal(
            FEATURE_NOT_SUPPORTED,
            f"a {where} of the graph has field {field.number}, which is not known here, at byte {field.start}",
            "Export it as an earlier version of ONNX.",
        )

    def sparse(self) -> Refusal:
        return Refusal(FEATURE_NOT_SUPPORTED, "the graph holds a sparse tensor", "Export it with dense ones.")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _called(name: str) -> str:
    return f" {name!r}" if name else ""


def _unsafe(what: str, hint: str) -> Refusal:
    return Refusal(INSUFFICIENT_PRIVILEGE, what, hint)


def _check_operator(operator: bytes, name: str) -> None:
    if operator in _ENDLESS:
        raise _unsafe(
            f"the graph has the operator {operator.decode()}{_called(name)}, which may run without end",
            "Export the graph without loops.",
        )
    if operator in _RANDOM:
        raise _unsafe(
            f"the graph has the operator {operator.decode()}{_called(name)}, which gives other numbers each time",
            "Export the graph for inference.",
        )


def _check_domain(domain: bytes, operator: bytes, name: str) -> None:
    if domain not in _DOMAINS:
        named = f"{domain.decode(errors='replace')}.{operator.decode(errors='replace')}"
        # A stranger's name: what ends a line, or moves a cursor, is shown as what it is.
        shown = named if named.isprintable() else repr(named)
        raise _unsafe(
            f"the graph has the operator {shown}{_called(name)}, and only those of ai.onnx and ai.onnx.ml are run",
            "Export it with standard operators.",
        )
''',
".onnx_session": r'''
"""A session of onnxruntime: one thread, no file, no log, and no more memory than is allowed."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from .errors import FEATURE_NOT_SUPPORTED, Refusal
from .onnx_watch import watch, without_signals

if TYPE_CHECKING:
    from collections.abc import Callable

_FATAL = 4
# What computes nodes of constants while a graph is loaded, all of them before it looks whether it is to stop.
_COMPUTE = ["ConstantFolding", "ConstantFoldingDQ"]
_MOST_OF_A_MESSAGE = 300
_MEGABYTE = 2**20
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
_sizes: dict[str, int] = {}
# What it puts before what it says: numbers of errors, and places in its source.
_CODES = re.compile(r"^.*\[ONNXRuntimeError\] : \d+ : \w+ : ")
_WHERE = re.compile(r"^/\S+:\d+ .*?\)(?: const)? ")


class Session:
    """A graph that onnxruntime has loaded.

    Attributes:
        inputs: the graph's, as onnxruntime describes them.
        outputs: likewise.
    """

    def __init__(self, content: bytes, megabytes: int | None) -> None:
        """Loads a graph that `onnx_outline.outline` has accepted.

        Args:
            content: the file.
            megabytes: how much memory to load or run it may take, in a backend; None: as much as there is.

        Raises:
            Refusal: onnxruntime is not installed, or does not take it.
            InterruptedError: the database wants the statement to end.
        """
        self._bytes = None if megabytes is None else megabytes * _MEGABYTE
        self._runtime = runtime = _onnxruntime()
        self._watch = watch()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.enable_profiling = False
        options.log_severity_level = _FATAL
        # Memory of a call goes back when it ends: a backend may be idle for days.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.add_session_config_entry("session.load_model_format", "ONNX")
        limits = self._begin(lambda: options.set_load_cancellation_flag(True))
        try:
            self._session = runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], disabled_optimizers=_COMPUTE
            )
        except Exception as error:
            self._check_interrupted()
            raise Refusal(
                FEATURE_NOT_SUPPORTED,
                f"onnxruntime {runtime.__version__} does not take the graph: {self._message(error)}",
                "Export it for this onnxruntime, or install a newer one.",
            ) from None
        finally:
            self._stop(limits)
        self.inputs: list[Any] = self._session.get_inputs()
        self.outputs: list[Any] = self._session.get_outputs()

    def run(self, outputs: list[str], fed: dict[str, Any]) -> list[Any]:
        """What the graph gives of whole arrays.

        Raises:
            ValueError: it refuses a row, or needs more memory than it may take.
            InterruptedError: the database wants the statement to end.
        """
        options = self._runtime.RunOptions()
        options.log_severity_level = _FATAL
        limits = self._begin(lambda: setattr(options, "terminate", True))
        try:
            found: list[Any] = self._session.run(outputs, fed, options)
        except Exception as error:
            self._check_interrupted()
            raise ValueError(self._message(error)) from None
        finally:
            self._stop(limits)
        return found

    def _check_interrupted(self) -> None:
        if self._watch is not None and self._watch.is_over:
            raise InterruptedError("the statement is to end") from None

    def _message(self, error: Exception) -> str:
        """What onnxruntime says, without where in its source."""
        text = str(error).strip()
        if isinstance(error, MemoryError) or "bad_alloc" in text or "Failed to allocate memory" in text:
            allowed = "" if self._bytes is None else f", and it may take {self._bytes // _MEGABYTE} MB"
            return f"the graph needs more memory{allowed}"
        text = text.rpartition("Status Message: ")[2].partition("\n")[0]
        text = _WHERE.sub("", _CODES.sub("", text))
        return text[:_MOST_OF_A_MESSAGE] or type(error).__name__

    def _begin(self, end: Callable[[], None]) -> tuple[int, int] | None:
        """From now on nothing gets more memory than is allowed beside what there is, or goes on when it is to end.

        Returns:
            The limits that the process has had; None where it has none of ours.
        """
        if self._watch is not None:
            self._watch.begin(end)
        if self._bytes is None or (size := _size_of_process()) is None:
            return None
        # Of Unix alone, as are servers.
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        allowed = size + self._bytes
        resource.setrlimit(resource.RLIMIT_AS, (allowed if soft < 0 else min(allowed, soft), hard))
        return soft, hard

    def _stop(self, limits: tuple[int, int] | None) -> None:
        if limits is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, limits)
        if self._watch is not None:
            self._watch.stop()


def _size_of_process() -> int | None:
    """The address space that this process has; None where the system does not say."""
    # Kept open, by the process that opened it: what it says is that one's.
    if _sizes.get("process") != os.getpid():
        try:
            _sizes["file"] = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        _sizes["process"] = os.getpid()
    return int(os.pread(_sizes["file"], 64, 0).split()[0]) * _PAGE


def _onnxruntime() -> Any:  # noqa: ANN401
    # It would take settings from the file; and from 1.29 on it tells its maker of each graph it loads, from a thread.
    os.environ.pop("ORT_LOAD_CONFIG_FROM_MODEL", None)
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        with without_signals():
            import onnxruntime
    except ImportError as error:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"this Python has no onnxruntime, which evaluates the graph ({error})",
            "Install docker/requirements-onnx.txt with --no-deps.",
        ) from None
    onnxruntime.disable_telemetry_events()
    onnxruntime.set_default_logger_severity(_FATAL)
    return onnxruntime
''',
".onnx_watch": r'''
"""What ends a run of onnxruntime when its statement is to end: a thread that looks, and takes no signal.

PostgreSQL's handlers of signals only set flags, which its own code looks at; native code of another library does not.
onnxruntime looks at a flag of its own between the nodes of a graph. So a timeout or a cancellation waits for the node
that is computed, and not for the graph.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Of src/backend/utils/init/globals.c.
_FLAGS = ("QueryCancelPending", "ProcDiePending")
_SECONDS = 0.05
# It sleeps when so many looks have found nothing that runs: a backend may be idle for days.
_IDLE_LOOKS = 40


@contextmanager
def without_signals() -> Iterator[None]:
    """No signal of the process is ever handled on a thread that begins in here: a backend's are for its own alone."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class Watch:
    """Looks whether the database wants the statement of this backend to end, while something runs."""

    def __init__(self, flags: list[Any]) -> None:
        self._flags = flags
        self._end: Callable[[], None] | None = None
        self._awake = threading.Event()
        with without_signals():
            threading.Thread(target=self._look, name="pgscore", daemon=True).start()

    def begin(self, end: Callable[[], None]) -> None:
        """From now on calls `end` where the statement is to end."""
        self._end = end
        if not self._awake.is_set():
            self._awake.set()

    def stop(self) -> None:
        """Does so no more."""
        self._end = None

    @property
    def is_over(self) -> bool:
        """Whether the statement is to end."""
        return any(flag.value for flag in self._flags)

    def _look(self) -> None:
        while True:
            self._awake.wait()
            idle = 0
            while idle < _IDLE_LOOKS:
                time.sleep(_SECONDS)
                end = self._end
                idle = idle + 1 if end is None else 0
                if end is not None and self.is_over:
                    end()
            self._awake.clear()
            # What began before it was cleared has not set it.
            if self._end is not None:
                self._awake.set()


_watches: list[Watch | None] = []


def watch() -> Watch | None:
    """The one of this process; None where it is no backend of PostgreSQL."""
    if not _watches:
        _watches.append(_made())
    return _watches[0]


def _made() -> Watch | None:
    import ctypes

    try:
        flags = [ctypes.c_int.in_dll(ctypes.CDLL(None), name) for name in _FLAGS]
    except (ValueError, OSError, TypeError):
        return None
    return Watch(flags)
''',
".program": r'''
"""Programs: a version of a model as data, read from JSON that nobody vouches for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import Budget, choice, fields, flag, items, members, number, refuse, shown, text
from .errors import INVALID_PARAMETER, Refusal
from .links import check_scores, link_outputs, read_link
from .scope import Scope
from .steps import read_step

if TYPE_CHECKING:
    from .links import Link
    from .steps import Step

_MOST_BYTES = 64 * 2**20
_MOST_INPUTS = 1600
_MOST_STEPS = 10_000
_MOST_SCORES = 1000
_MOST_READS = 100_000
_MOST_KEYS = 1_000_000
_MOST_NODES = 4_000_000
_MOST_CONSTANTS = 1_000_000
_TYPES = ("double precision", "text", "boolean")


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


class Requirement(NamedTuple):
    """What the estimator accepts of what steps compute.

    Attributes:
        of: the register.
        nullable: whether it may be missing.
        minimum: the least number that is accepted; minus infinity where all are.
        maximum: the largest.
    """

    of: int
    nullable: bool
    minimum: float
    maximum: float


class Program(NamedTuple):
    """A program; `docs/program.md` says what its parts mean."""

    inputs: tuple[ProgramInput, ...]
    steps: tuple[Step, ...]
    scores: tuple[int, ...]
    link: Link
    tie: str
    require: tuple[Requirement, ...] = ()
    decide: tuple[int, ...] = ()


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
    fields(found, "it", ("program", "inputs", "steps", "scores", "link", "tie"), ("require", "decide"))
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
        Budget(_MOST_CONSTANTS, "numbers in knots, coefficients, matrices and vectors"),
    )
    found_steps = items(found["steps"], "steps", _MOST_STEPS)
    steps = tuple(read_step(each, f"steps[{n}]", scope) for n, each in enumerate(found_steps))
    link = read_link(found["link"], "link")
    scores = tuple(
        scope.register(each, f"scores[{n}]") for n, each in enumerate(items(found["scores"], "scores", _MOST_SCORES))
    )
    check_scores(link, len(scores), "the number of scores", _MOST_SCORES)
    wanted = items(found.get("require", []), "require", _MOST_STEPS)
    require = tuple(_requirement(each, f"require[{n}]", scope) for n, each in enumerate(wanted))
    tie = choice(found["tie"], "tie", ("first", "last"))
    return Program(inputs, steps, scores, link, tie, require, _decide(found, link_outputs(link, len(scores)), scope))


def _decide(found: dict[str, Any], outputs: int, scope: Scope) -> tuple[int, ...]:
    if "decide" not in found:
        return ()
    listed = items(found["decide"], "decide", _MOST_SCORES)
    if len(listed) != outputs or outputs == 1:
        refuse("decide", f"has {len(listed):,} entries, and there are {outputs:,} outputs, of which it decides")
    return tuple(scope.register(each, f"decide[{n}]") for n, each in enumerate(listed))


def _requirement(found: Any, place: str, scope: Scope) -> Requirement:  # noqa: ANN401
    fields(found, place, ("of", "nullable"), ("minimum", "maximum"))
    of = scope.register(found["of"], f"{place}.of")
    return Requirement(of, flag(found["nullable"], f"{place}.nullable"), **_bounds(found, place))


def _bounds(found: dict[str, Any], place: str) -> dict[str, float]:
    bounds = {"minimum": -float("inf"), "maximum": float("inf")}
    bounds |= {bound: number(found[bound], f"{place}.{bound}") for bound in bounds if bound in found}
    if bounds["minimum"] > bounds["maximum"]:
        refuse(f"{place}.minimum", "is above the maximum")
    return bounds


def _input(found: Any, place: str, keys: Budget) -> ProgramInput:  # noqa: ANN401
    fields(found, place, ("name", "type", "nullable"), ("minimum", "maximum", "known"))
    kind = choice(found["type"], f"{place}.type", _TYPES)
    for bound in ("minimum", "maximum"):
        if bound in found and kind == "text":
            refuse(f"{place}.{bound}", "stands at a text")
    known: list[Any] | None = None
    if "known" in found:
        keys.spend(len(items(found["known"], f"{place}.known")), f"{place}.known")
        known = members(found["known"], f"{place}.known", texts=kind == "text")
    return ProgramInput(
        name=text(found["name"], f"{place}.name"),
        type=kind,
        nullable=flag(found["nullable"], f"{place}.nullable"),
        known=None if known is None else frozenset(known),
        **_bounds(found, place),
    )
''',
".protobuf_fields": r'''
"""Fields of a message in protobuf's wire format, one after the other, without the library and without trust.

Whatever protobuf's own reader might take for something else is refused: groups, numbers of fields and lengths that are
longer than they need be, what goes past the end (https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .errors import DATA_CORRUPTED, INVALID_PARAMETER, Refusal

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# Of fields that are looked at one by one, in all of a file: about a second's worth.
_MOST_FIELDS = 2_000_000
_LONGEST_TAG = 5
_LONGEST_VARINT = 10
_MORE = 0x80


class Field(NamedTuple):
    """A field of a message: its number, its wire type, and its value, or where its bytes are.

    Attributes:
        number: of the field, in the schema.
        wire: how it is written.
        value: of a varint; 0 otherwise.
        start: where its bytes begin.
        end: where they end.
    """

    number: int
    wire: int
    value: int
    start: int
    end: int


class Message:
    """The bytes of a file, and how many more of its fields are looked at."""

    def __init__(self, content: bytes, what: str) -> None:
        self.content = content
        self._what = what
        self._left = _MOST_FIELDS

    def fields(self, start: int, end: int, skipped: re.Pattern[bytes] | None = None) -> Iterator[Field]:
        """The fields of the message that stands there.

        Args:
            start: where it begins.
            end: where it ends.
            skipped: what matches whole fields that need not be looked at, as many as there are.

        Raises:
            Refusal: it is malformed, goes past its end, or the file has had too many.
        """
        position = start
        while position < end:
            if skipped is not None and (match := skipped.match(self.content, position, end)) is not None:
                position = match.end()
                continue
            self._left -= 1
            if self._left < 0:
                raise Refusal(INVALID_PARAMETER, f"{self._what} has more than {_MOST_FIELDS:,} fields")
            tag, position = self.varint(position, end, _LONGEST_TAG)
            number, wire = tag >> 3, tag & 7
            value = 0
            first = position
            if wire == VARINT:
                value, position = self.varint(position, end)
            elif wire == BYTES:
                length, first = self.varint(position, end, _LONGEST_TAG)
                position = first + length
            elif wire in (FIXED32, FIXED64):
                position += 4 if wire == FIXED32 else 8
            else:
                raise self.malformed(f"a field of wire type {wire} at byte {first}")
            if position > end:
                raise self.malformed(f"a field that ends past its message, at byte {first}")
            if not 0 < tag < 2**32 or number == 0:
                raise self.malformed(f"no number of a field at byte {first}")
            yield Field(number, wire, value, first, position)

    def varint(self, position: int, end: int, longest: int = _LONGEST_VARINT) -> tuple[int, int]:
        """The number that stands there, and where it ends."""
        value = 0
        for count in range(longest):
            if position + count >= end:
                raise self.malformed(f"a number that goes past its message, at byte {position}")
            byte = self.content[position + count]
            value |= (byte & ~_MORE) << 7 * count
            if byte < _MORE:
                return value, position + count + 1
        raise self.malformed(f"a number that does not end, at byte {position}")

    def malformed(self, found: str) -> Refusal:
        """A refusal that says what was found where."""
        return Refusal(
            DATA_CORRUPTED, f"{self._what} is no ONNX file, or is cut short: it has {found}", "Export it again."
        )
''',
".quick": r'''
"""One row and one ensemble of trees that are not large, in as few steps of Python as there can be.

What an interpreter does for each input costs more than the trees: a backend comes to it from other work, with its
caches cold. So the ends of what an input accepts stand among the thresholds, with None for a mask: a row that is not
ordinary, because a value is missing or refused, ends in a TypeError, and is left to the interpreter.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from functools import partial, reduce
from math import exp, inf, nextafter
from operator import and_, getitem
from typing import TYPE_CHECKING, Any

from .masks import blocks, fits, plain_start
from .tree_arrays import Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .masks import Masks
    from .program import Program, ProgramInput

    Prepared = tuple[
        list[array[float]],
        list[list[Any]],
        Callable[[Iterable[Any]], int],
        list[tuple[int, Callable[[Any], int]]],
        Callable[[int], bytes],
    ]
    Evaluate = Callable[..., float]
    Score = Callable[[Sequence[float | None], Sequence[str | None], int], float | None]


def quick_score(program: Program, slow: Score) -> Score | None:
    """A function that scores one row as `slow` does, and leaves to it what is not ordinary; None where there is none.

    There is one for a program whose scores are those of an ensemble that `fits`, tests the inputs themselves, and is
    the first step, where the link is ``identity`` and each tree adds to all outputs, or ``logistic``. What other steps
    decide is no part of the score.
    """
    trees = program.steps[0] if program.steps else None
    registers = len(program.inputs)
    if not isinstance(trees, Trees) or not fits(trees):
        return None
    # A link that depends on one score alone, or of several outputs those of the ensemble as they are.
    if program.link != "identity" and (program.link != "logistic" or len(trees.base) > 1):
        return None
    if (
        program.scores != tuple(range(registers, registers + len(trees.base)))
        or program.require
        or any(each.known is not None for each in program.inputs)
    ):
        return None
    parts = blocks(trees)
    if any(not program.inputs[register].is_text for each in parts for register, _ in each.sets()):
        return None
    tables = [[each.tables(output) for each in parts] for output in range(len(trees.base))]
    if any(None in each for of_output in tables for each in of_output):
        return None
    prepared = [_prepared(program.inputs, each) for each in parts]
    made = [_total(prepared, of_output, base, trees.divide) for of_output, base in zip(tables, trees.base, strict=True)]
    return _identity(made, slow) if program.link == "identity" else _logistic(made[0], slow)


def _identity(made: Sequence[Evaluate], slow: Score) -> Score:
    def score(numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        try:
            return made[positive](numbers, texts)
        except TypeError:
            return slow(numbers, texts, positive)

    return score


def _logistic(evaluate: Evaluate, slow: Score) -> Score:
    def score(numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        try:
            probability = 1 / (1 + exp(-evaluate(numbers, texts)))
        except TypeError:
            return slow(numbers, texts, positive)
        except OverflowError:
            probability = 0.0
        return probability if positive else 1 - probability

    return score


def _prepared(inputs: tuple[ProgramInput, ...], found: Masks) -> Prepared:
    thresholds, masks = _bounded(inputs, found)
    everything = found.everything
    # A mask more to begin with costs as much as any other.
    both: Any = partial(reduce, and_) if len(masks) > 1 else lambda given: reduce(and_, given, everything)
    return thresholds, masks, both, _text_masks(inputs, found), found.find()


def _total(
    prepared: Sequence[Prepared], tables: Sequence[Sequence[Any]], base: float, divide: float | None
) -> Evaluate:
    """A function that gives the sum of an output: of all parts, one after the other."""
    parts = [_part(*each, of_part, base) for each, of_part in zip(prepared, tables, strict=True)]
    if len(parts) == 1 and divide is None:
        return parts[0]

    def evaluate(numbers: Sequence[float | None], texts: Sequence[str | None], start: float = base) -> float:
        for each in parts:
            start = each(numbers, texts, plain_start(start))
        return start if divide is None else start / divide

    return evaluate


def _part(
    thresholds: list[array[float]],
    masks: list[list[Any]],
    both: Callable[[Iterable[Any]], int],
    sets: list[tuple[int, Callable[[Any], int]]],
    find: Callable[[int], bytes],
    tables: Sequence[Any],
    base: float,
) -> Evaluate:
    bisect: Any = bisect_left  # which refuses None with the TypeError that is wanted

    def evaluate(
        numbers: Sequence[float | None], texts: Sequence[str | None], start: float = plain_start(base)
    ) -> float:
        left = both(map(getitem, masks, map(bisect, thresholds, numbers)))
        if texts:
            if None in texts:
                raise TypeError
            for text, mask in sets:
                left &= mask(texts[text])
        return sum(map(getitem, tables, find(left)), start)

    return evaluate


def _text_masks(inputs: tuple[ProgramInput, ...], found: Masks) -> list[tuple[int, Callable[[Any], int]]]:
    """For each text that is tested its place among the texts, and what is left for a value of it."""
    position = {register: n for n, register in enumerate(n for n, each in enumerate(inputs) if each.is_text)}
    return [(position[register], mask) for register, mask in found.sets()]


def _bounded(inputs: tuple[ProgramInput, ...], found: Masks) -> tuple[list[array[float]], list[list[Any]]]:
    """For each number input the thresholds within what it accepts, its ends around them, and a mask for each gap."""
    tests = {register: (thresholds, masks) for register, thresholds, masks in found.numbers()}
    all_thresholds, all_masks = [], []
    for register, each in enumerate(inputs):
        if each.is_text:
            continue
        thresholds, masks = tests.get(register, ([], [found.everything]))
        below = nextafter(each.minimum, -inf)
        first, last = bisect_right(thresholds, below), bisect_left(thresholds, each.maximum)
        # An array: half of what a search looks at would be pointers, and caches are cold.
        all_thresholds.append(array("d", [below, *thresholds[first:last], each.maximum]))
        all_masks.append([None, *masks[first : last + 1], None])
    return all_thresholds, all_masks
''',
".reasons": r'''
"""Reasons: what each input adds to the score of a row, in the space of the link.

A score is taken apart from its end: `linear` and `affine` steps into their terms, `trees` steps by TreeSHAP, down to
registers that are made of one input alone. A step that makes a number of several inputs in another way ends it.
"""

from __future__ import annotations

from math import fsum, isfinite
from typing import TYPE_CHECKING, NamedTuple

from .errors import FEATURE_NOT_SUPPORTED, Refusal
from .interpreter import Interpreter
from .links import link_function
from .shapley import explainer
from .steps import Affine, Linear, step_outputs
from .tree_arrays import Trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .program import Program
    from .steps import Step

# Of several inputs.
_MIXED = -1
# To explain a row takes so long that walking the trees as they are stored hardly shows beside it.
_FIRST_ROWS = 100


class Term(NamedTuple):
    """A register that is made of one input: what it adds is weight * (number - center)."""

    register: int
    weight: float
    center: float


class Ensemble(NamedTuple):
    """An output of trees, and what it is multiplied by."""

    trees: Trees
    output: int
    weight: float


class Parts(NamedTuple):
    """A score as a sum: constants, terms, outputs of ensembles; and for each register the input it is made of."""

    constants: list[float]
    terms: list[Term]
    ensembles: list[Ensemble]
    players: list[int]


def score_register(program: Program, positive: int) -> tuple[int, float]:
    """The register whose number is explained, and the sign it has in the link's space.

    Raises:
        Refusal: the link makes a score of several registers, and not of one of them beside the others.
    """
    if program.link == "normalize":
        raise Refusal(FEATURE_NOT_SUPPORTED, "its link divides scores by their sum")
    if program.link in ("logistic", "sign"):
        return program.scores[0], 1.0 if positive else -1.0
    return program.scores[positive], 1.0


def take_apart(program: Program, positive: int) -> Parts:
    """The score of a class, or a value, as a sum.

    Raises:
        Refusal: it is no sum of what single inputs are made into, and of trees with covers.
    """
    first = len(program.inputs)
    players, defined = _registers(program)
    target, sign = score_register(program, positive)
    whole = {target: sign}
    found = Parts([], [], [], players)
    # A step reads lower registers only: from above, each has its whole weight when its turn comes.
    for register in range(target, -1, -1):
        weight = whole.pop(register, 0.0)
        if weight == 0:
            continue
        if players[register] != _MIXED:
            found.terms.append(Term(register, weight, 0.0))
            continue
        number, output, step = defined[register - first]
        for each, its_weight in _lower(step, number, output, weight, found):
            whole[each] = whole.get(each, 0.0) + its_weight
    if not all(map(isfinite, [*found.constants, *[each.weight for each in found.terms]])):
        raise Refusal(FEATURE_NOT_SUPPORTED, "its weights are past the largest double")
    return found


def _registers(program: Program) -> tuple[list[int], list[tuple[int, int, Step]]]:
    """For each register the input that it is made of; behind the inputs its step, and which of the outputs it is."""
    players = list(range(len(program.inputs)))
    defined: list[tuple[int, int, Step]] = []
    for number, step in enumerate(program.steps):
        made_of = {players[register] for register in (step.of if isinstance(step.of, tuple) else (step.of,))}
        is_alone = not isinstance(step, Linear | Trees) and len(made_of) == 1
        outputs = step_outputs(step)
        defined += [(number, output, step) for output in range(outputs)]
        players += [made_of.pop() if is_alone else _MIXED] * outputs
    return players, defined


def _lower(step: Step, number: int, output: int, weight: float, found: Parts) -> Iterator[tuple[int, float]]:
    """Takes a step apart into what is found, and registers of several inputs that have to be, with their weights."""
    if isinstance(step, Affine):
        factor, offset = _slope(step)
        found.constants.append(weight * offset)
        yield step.of, weight * factor
    elif isinstance(step, Linear):
        found.constants.append(weight * step.intercept)
        for of, each, center in zip(step.of, step.weights, step.center or (0.0,) * len(step.of), strict=True):
            if found.players[of] == _MIXED:
                yield of, weight * each
            else:
                found.terms.append(Term(of, weight * each, center))
                found.constants.append(weight * each * center)
    elif isinstance(step, Trees):
        _check_trees(step, found.players, number)
        found.ensembles.append(Ensemble(step, output, weight))
    else:
        kind = type(step).__name__.removesuffix("Step").lower()
        raise Refusal(FEATURE_NOT_SUPPORTED, f"steps[{number}], a {kind} step, makes one number of several inputs")


def _check_trees(trees: Trees, players: list[int], number: int) -> None:
    if trees.cover is None:
        raise Refusal(FEATURE_NOT_SUPPORTED, f"the trees of steps[{number}] have no covers")
    if any(players[register] == _MIXED for register in trees.of):
        raise Refusal(FEATURE_NOT_SUPPORTED, f"the trees of steps[{number}] test a number made of several inputs")


def _slope(step: Affine) -> tuple[float, float]:
    """An affine step as factor * x + offset."""
    factor, offset = 1.0, 0.0
    for name, operand in step.operations:
        if name == "subtract":
            offset -= operand
        elif name == "divide":
            factor, offset = factor / operand, offset / operand
        elif name == "multiply":
            factor, offset = factor * operand, offset * operand
        else:
            offset += operand
    return factor, offset


class Explainer:
    """Says what each input adds to the score of a row.

    Attributes:
        base: what the score is, in the link's space, before any input has added to it.
    """

    def __init__(self, program: Program, positive: int) -> None:
        """Takes a program apart.

        Raises:
            Refusal: it is none that can be explained.
        """
        parts = take_apart(program, positive)
        self._count = len(program.inputs)
        self._positive = positive
        self._players = parts.players
        self._terms = parts.terms
        self._scores, self._link = program.scores, link_function(program.link)
        self._ensembles = []
        base = [*parts.constants]
        for trees, output, weight in parts.ensembles:
            average, explain = explainer(trees, output, [parts.players[register] for register in trees.of], self._count)
            base.append(weight * average)
            self._ensembles.append((weight, explain))
        self.base = fsum(base)
        # All registers of a row, as scoring has them.
        self._registers = Interpreter(
            program._replace(scores=tuple(range(len(parts.players))), link="identity", tie="first", decide=()),
            first_rows=_FIRST_ROWS,
        )

    def reasons(self, numbers: Sequence[float | None], texts: Sequence[str | None]) -> list[float] | None:
        """What each input adds, in their order, then the base, and last the score itself.

        Args:
            numbers: as `Interpreter.outputs` takes them.
            texts: likewise.

        Returns:
            Numbers; the sum of all but the last is the score in the link's space. None where the row has no score.
        """
        registers, _ = self._registers.outputs(numbers, texts)
        if registers is None:
            return None
        score = self._link([registers[register] for register in self._scores])[self._positive]
        if score != score:  # noqa: PLR0124  NaN
            return None
        added: list[list[float]] = [[] for _ in range(self._count)]
        for register, weight, center in self._terms:
            added[self._players[register]].append(weight * (registers[register] - center))
        for weight, explain in self._ensembles:
            for sums, each in zip(added, explain(registers), strict=True):
                sums.append(weight * each)
        return [*[sum(each, 0.0) for each in added], self.base, score]
''',
".scope": r'''
"""What the steps of a program may refer to: the registers before them, and what is left of the limits they share."""

from __future__ import annotations

from typing import Any, NamedTuple

from .checks import Budget, items, refuse, shown


class Scope(NamedTuple):
    """What steps may refer to.

    Attributes:
        texts: for each register that is defined so far, whether it holds a text.
        reads: how many more registers steps may read.
        keys: how many more keys and members there may be.
        nodes: how many more nodes there may be.
        constants: how many more numbers there may be in knots, coefficients, matrices and vectors.
    """

    texts: list[bool]
    reads: Budget
    keys: Budget
    nodes: Budget
    constants: Budget

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

    def operand(self, found: dict[str, Any], place: str, *, texts: bool | None = False) -> int:
        """The one register that a step reads."""
        self.reads.spend(1, place)
        return self.register(found["of"], f"{place}.of", texts=texts)
''',
".shapley": r'''
"""TreeSHAP: what each input adds to the sum of an ensemble's trees, beside what they give on the average.

The game is the path-dependent one of Lundberg, Erion and Lee, "Consistent Individualized Feature Attribution for Tree
Ensembles" (2018): a player is an input, and where it is absent both children of a node that tests it are taken, by
their covers. A leaf is reached with the product of o (1 where the row passes all tests of a player on the path, else 0)
of those who are there, and of z (the product of the covers' ratios) of those who are not. The Shapley value of such a
product is

    leaf * (o - z) * integral from 0 to 1 of the product of the others' o * t + z * (1 - t) dt,

because the weight of a coalition of s out of n others is the integral of t^s (1 - t)^(n - s). The integrand is a
polynomial of a degree below the number of players on the path, and Gauss-Legendre quadrature integrates it exactly with
half as many points, so that one walk through a tree, with a product for each point, gives the values of all players.
"""

from __future__ import annotations

from math import cos, fsum, pi
from operator import add, mul
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import FEATURE_NOT_SUPPORTED, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .tree_arrays import Trees

# A walk calls itself once for each level, and Python ends at a thousand.
_MOST_DEPTH = 200
# Nodes that are kept as they are walked, which take a kilobyte each; trees beyond are made ready again for each row.
_MOST_KEPT = 100_000
_MOST_STEPS, _CLOSE = 50, 1e-15

Vector = list[float]


class _Branch(NamedTuple):
    """A way down from a node that tests a player.

    Attributes:
        child: another node, or the number of a leaf.
        ratio: the covers' ratio, which the product is multiplied by where the player has failed above.
        passed: what it is multiplied by where the row goes this way, and has passed what the player was asked above.
        passed_gain: how much the player gains of the sums below, then.
        failed: what it is multiplied by where the row goes the other way here, for the first time.
        failed_gain: as above.
    """

    child: Any
    ratio: float
    passed: Vector
    passed_gain: Vector
    failed: Vector
    failed_gain: Vector


class _Node(NamedTuple):
    """A test of a player: left where the number of a register is at most the threshold, or is among the members."""

    player: int
    register: int
    threshold: float
    members: frozenset[Any] | None
    missing_left: bool
    left: _Branch
    right: _Branch


class _Fork(NamedTuple):
    """A node above two leaves: what it makes of a product is known for each way that a row can take.

    Attributes:
        player: likewise up to `missing_left`, as in a node.
        ratio: what the product is multiplied by where the player has failed above.
        left: the sums of the leaves, as factors of the product, where the row goes left.
        left_gain: what the player gains of the product, then.
        right: the same where the row goes right.
        right_gain: as above.
    """

    player: int
    register: int
    threshold: float
    members: frozenset[Any] | None
    missing_left: bool
    ratio: float
    left: Vector
    left_gain: Vector
    right: Vector
    right_gain: Vector


def _fork(node: _Node) -> _Fork:
    left, right = node.left, node.right
    sides = []
    for taken, other in ((left, right), (right, left)):
        sums = [taken.child * one + other.child * two for one, two in zip(taken.passed, other.failed, strict=True)]
        gains = [
            taken.child * one * gain + other.child * two * loss
            for one, gain, two, loss in zip(
                taken.passed, taken.passed_gain, other.failed, other.failed_gain, strict=True
            )
        ]
        sides += [sums, gains]
    return _Fork(*node[:5], left.ratio * left.child + right.ratio * right.child, *sides)


def legendre(points: int) -> tuple[Vector, Vector]:
    """The points of Gauss-Legendre quadrature from 0 to 1, and their weights: exact up to degree 2 * points - 1."""
    nodes, weights = [], []
    for number in range(points):
        x = cos(pi * (number + 0.75) / (points + 0.5))
        for _ in range(_MOST_STEPS):  # Newton's iteration, from a start that is known to be near enough
            before, here = 1.0, x
            for degree in range(2, points + 1):
                before, here = here, ((2 * degree - 1) * x * here - (degree - 1) * before) / degree
            slope = points * (x * here - before) / (x * x - 1)
            step = here / slope
            x -= step
            if abs(step) <= _CLOSE:
                break
        nodes.append((1 - x) / 2)
        weights.append(1 / ((1 - x * x) * slope * slope))
    return nodes, weights


class _Growing:
    """Builds the trees of one output."""

    def __init__(self, trees: Trees, output: int, players: Sequence[int]) -> None:
        self._trees, self._output, self._players = trees, output, players
        self._cover: list[float] = trees.cover or []
        self._sets = [frozenset(each) for each in trees.sets]
        self.count = 0
        self._points: Vector = []
        self._weights: Vector = []

    def grown(self, root: int) -> Any:  # noqa: ANN401
        """The tree with this root: a node, or a number."""
        self._points, self._weights = legendre((self._most_players(root) + 1) // 2 or 1)
        return self._grown(root, {})

    def _most_players(self, root: int) -> int:
        trees, most = self._trees, 0
        waiting: list[tuple[int, frozenset[int]]] = [(root, frozenset())]
        while waiting:
            node, above = waiting.pop()
            if trees.depth[node] > _MOST_DEPTH:
                raise Refusal(FEATURE_NOT_SUPPORTED, f"it has a tree that is deeper than {_MOST_DEPTH}")
            if trees.feature[node] == -1:
                most = max(most, len(above))
                continue
            here = above | {self._players[trees.feature[node]]}
            waiting += [(trees.left[node], here), (trees.right[node], here)]
        return most

    def _grown(self, node: int, above: dict[int, float]) -> Any:  # noqa: ANN401
        trees, feature = self._trees, self._trees.feature[node]
        left, right = trees.left[node], trees.right[node]
        if feature == -1:
            return float(trees.values[left + (self._output if trees.wide[node] else 0)])
        self.count += 1
        player, chosen, threshold = self._players[feature], trees.set[node], trees.threshold[node]
        ratios = _ratios(self._cover[left], self._cover[right])
        grown = _Node(
            player,
            trees.of[feature],
            0.0 if threshold is None else threshold,
            None if chosen == -1 else self._sets[chosen],
            bool(trees.missing_left[node]),
            *[self._branch(child, ratio, player, above) for child, ratio in zip((left, right), ratios, strict=True)],
        )
        is_fork = grown.left.child.__class__ is float and grown.right.child.__class__ is float
        return _fork(grown) if is_fork else grown

    def _branch(self, child: int, ratio: float, player: int, above: dict[int, float]) -> _Branch:
        former = above.get(player, 1.0)
        absent = former * ratio
        passed, passed_gain, failed, failed_gain = [], [], [], []
        for t, weight in zip(self._points, self._weights, strict=True):
            # What the player's factor was above, and is from here on. The leaves below count for this edge, and no
            # more for the one above that tests the same player.
            was, now, lost = t + former * (1 - t), t + absent * (1 - t), absent * (1 - t)
            gained = (1 - former) / was
            passed.append(now / was)
            passed_gain.append(weight * ((1 - absent) / now - gained))
            failed.append(lost / was)
            failed_gain.append(weight * (-1 / (1 - t) - gained))
        grown = self._grown(child, {**above, player: absent})
        return _Branch(grown, ratio, passed, passed_gain, failed, failed_gain)


def _ratios(left: float, right: float) -> tuple[float, float]:
    total = left + right
    # Rows of no weight have come here: neither side is likelier than the other.
    return (left / total, right / total) if total > 0 else (0.5, 0.5)


def _expected(node: Any) -> float:  # noqa: ANN401
    if type(node) is not _Node:
        return float(node.ratio) if type(node) is _Fork else float(node)
    return fsum(branch.ratio * _expected(branch.child) for branch in (node.left, node.right) if branch.ratio)


def explainer(
    trees: Trees, output: int, players: Sequence[int], count: int
) -> tuple[float, Callable[[list[Any]], Vector]]:
    """What an ensemble's output is on the average, and a function that says what each player adds to that.

    Args:
        trees: the ensemble, whose nodes have covers.
        output: one of its outputs.
        players: for each of the registers that nodes test, the input that it is made of.
        count: how many inputs there are.

    Returns:
        The average, and a function that takes the registers of a row and gives a number for each input.

    Raises:
        Refusal: a tree is too deep.
    """
    growing = _Growing(trees, output, players)
    roots = [root for root, target in zip(trees.roots, trees.target, strict=True) if target in (output, -1)]
    kept: list[Any] = []
    expected = [trees.base[output]]
    for root in roots:
        grown = growing.grown(root)
        expected.append(_expected(grown))
        if growing.count <= _MOST_KEPT:
            kept.append(grown)
    divide = 1.0 if trees.divide is None else trees.divide

    def explain(registers: list[Any]) -> Vector:
        added = [0.0] * count
        passing = [True] * count
        for position, root in enumerate(roots):
            grown = kept[position] if position < len(kept) else growing.grown(root)
            if grown.__class__ is not float:
                points = len(grown.left if grown.__class__ is _Fork else grown.left.passed)
                _below(grown, [1.0] * points, registers, passing, added)
        return [each / divide for each in added]

    return fsum(expected) / divide, explain


def _below(child: Any, product: Vector, registers: list[Any], passing: list[bool], added: Vector) -> Vector:  # noqa: ANN401
    """For each point the sum of the leaves below times their products; what players gain is added up on the way."""
    if child.__class__ is float:
        return [child * each for each in product]
    if child.__class__ is _Node:
        return _walk(child, product, registers, passing, added)
    player, register, threshold, members, missing_left, ratio, left, left_gain, right, right_gain = child
    if not passing[player]:
        return [ratio * each for each in product]
    value = registers[register]
    if value is None or value != value:  # noqa: PLR0124  NaN
        goes_left = missing_left
    elif members is None:
        goes_left = value <= threshold
    else:
        goes_left = value in members
    added[player] += sum(map(mul, product, left_gain if goes_left else right_gain))
    return list(map(mul, product, left if goes_left else right))


def _walk(node: _Node, product: Vector, registers: list[Any], passing: list[bool], added: Vector) -> Vector:
    player, register, threshold, members, missing_left, left, right = node
    if not passing[player]:
        # Neither way changes what the player gains.
        sums = [0.0] * len(product)
        for child, ratio, *_ in (left, right):
            if ratio:
                below = _below(child, [ratio * each for each in product], registers, passing, added)
                sums = list(map(add, sums, below))
        return sums
    value = registers[register]
    if value is None or value != value:  # noqa: PLR0124  NaN
        goes_left = missing_left
    elif members is None:
        goes_left = value <= threshold
    else:
        goes_left = value in members
    child, _, factors, gain, _, _ = left if goes_left else right
    sums = _below(child, list(map(mul, product, factors)), registers, passing, added)
    total = sum(map(mul, sums, gain))
    child, ratio, _, _, factors, gain = right if goes_left else left
    if ratio:
        passing[player] = False
        below = _below(child, list(map(mul, product, factors)), registers, passing, added)
        passing[player] = True
        total += sum(map(mul, below, gain))
        sums = list(map(add, sums, below))
    added[player] += total
    return sums
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

from .checks import choice, fields, items, members, number, numbers, refuse, shown, text
from .functions import FUNCTIONS
from .tree_arrays import Trees, read_trees

if TYPE_CHECKING:
    from collections.abc import Callable

    from .formulas import Formula
    from .scope import Scope

# Read by a module of their own, which a backend is not to pay for where a program has none of them.
_FORMULAS = ("link", "product", "ratio", "median", "piecewise", "quadratic", "kernel")
_STEPS = ("affine", "clip", "function", "fill", "missing", "lookup", "linear", *_FORMULAS, "trees")
# Named tuples, not data classes: importing those costs a backend 5 ms on its first insert.
_AFFINE = ("subtract", "divide", "multiply", "add")


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
    """One of `functions.FUNCTIONS` of a number."""

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
    """A weighted sum of registers; the center is what reasons count their numbers from, and scoring ignores it."""

    of: tuple[int, ...]
    weights: tuple[float, ...]
    intercept: float
    center: tuple[float, ...] | None = None


if TYPE_CHECKING:
    Step = Affine | Clip | Function | Fill | Missing | Lookup | Linear | Formula | Trees


def read_step(found: Any, place: str, scope: Scope) -> Step:  # noqa: ANN401
    """Reads one step, and defines its registers in the scope.

    Raises:
        Refusal: something in it is not as `docs/program.md` says; the message names the place.
    """
    if type(found) is not dict:
        refuse(place, f"is {shown(found)}, not an object")
    name = found.get("step")
    if type(name) is not str or name not in _STEPS:
        refuse(f"{place}.step", f"is {shown(name)}, not one of {', '.join(_STEPS)}")
    step = _reader(name)(found, place, scope)
    scope.texts.extend([isinstance(step, Fill) and isinstance(step.value, str)] * step_outputs(step))
    return step


def _reader(name: str) -> Callable[[dict[str, Any], str, Scope], Step]:
    if name not in _FORMULAS:
        return _READERS[name]
    from .formulas import FORMULA_READERS

    return FORMULA_READERS[name]


def step_outputs(step: Step) -> int:
    """How many registers a step defines."""
    if isinstance(step, Trees):
        return len(step.base)
    outputs: int = getattr(step, "outputs", 1)
    return outputs


def _affine(found: dict[str, Any], place: str, scope: Scope) -> Affine:
    fields(found, place, ("step", "of"), _AFFINE)
    operations = tuple((name, number(found[name], f"{place}.{name}")) for name in _AFFINE if name in found)
    if ("divide", 0.0) in operations:
        refuse(f"{place}.divide", "is 0")
    return Affine(scope.operand(found, place), operations)


def _clip(found: dict[str, Any], place: str, scope: Scope) -> Clip:
    fields(found, place, ("step", "of"), ("minimum", "maximum"))
    infinity = float("inf")
    minimum = number(found["minimum"], f"{place}.minimum") if "minimum" in found else -infinity
    maximum = number(found["maximum"], f"{place}.maximum") if "maximum" in found else infinity
    if minimum > maximum:
        refuse(f"{place}.minimum", "is above the maximum")
    return Clip(scope.operand(found, place), minimum, maximum)


def _function(found: dict[str, Any], place: str, scope: Scope) -> Function:
    fields(found, place, ("step", "of", "name"))
    return Function(scope.operand(found, place), choice(found["name"], f"{place}.name", tuple(FUNCTIONS)))


def _fill(found: dict[str, Any], place: str, scope: Scope) -> Fill:
    fields(found, place, ("step", "of", "with"))
    of = scope.operand(found, place, texts=None)
    read = text if scope.texts[of] else number
    return Fill(of, read(found["with"], f"{place}.with"))


def _missing(found: dict[str, Any], place: str, scope: Scope) -> Missing:
    fields(found, place, ("step", "of"))
    return Missing(scope.operand(found, place, texts=None))


def _lookup(found: dict[str, Any], place: str, scope: Scope) -> Lookup:
    fields(found, place, ("step", "of", "keys", "values", "unknown", "missing"))
    of = scope.operand(found, place, texts=None)
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
    fields(found, place, ("step", "of", "weights", "intercept"), ("center",))
    of = scope.registers(found["of"], f"{place}.of")
    lists = {name: numbers(found[name], f"{place}.{name}") for name in ("weights", "center") if name in found}
    for name, each in lists.items():
        if len(each) != len(of):
            refuse(f"{place}.{name}", f"has {len(each):,} entries for {len(of):,} registers")
    center = tuple(lists["center"]) if "center" in lists else None
    return Linear(of, tuple(lists["weights"]), number(found["intercept"], f"{place}.intercept"), center)


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
".threads": r'''
"""One thread for a fitted estimator: a backend is one, and scores a row far faster without others."""

from __future__ import annotations

from collections import deque
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# How many parts of an estimator are looked at: trees of forests are parts too, and have no threads of their own.
_MOST_PARTS = 10_000


def single_threaded(estimator: Any) -> Any:  # noqa: ANN401
    """Turns off the threads of an estimator and of all that it is made of: joblib's, OpenMP's and CatBoost's own.

    What was fitted inside of another one, as by a search, is no parameter of it, and keeps the threads that it had.
    """
    if hasattr(estimator, "get_params"):
        held = estimator.get_params(deep=True)
        for name in held:
            owner_name, _, last = name.rpartition("__")
            if last == "n_jobs":
                held.get(owner_name, estimator).n_jobs = 1
    waiting, seen = deque([estimator]), set[int]()
    while waiting and len(seen) < _MOST_PARTS:
        part = waiting.popleft()
        several = isinstance(part, list | tuple | dict)
        if id(part) in seen or not (several or _is_looked_into(part)):
            continue
        seen.add(id(part))
        if not several:
            _calm(part)
            waiting += vars(part).values()
        elif len(part) <= _MOST_PARTS:  # a longer one holds words, or rows
            waiting += part.values() if isinstance(part, dict) else part
    return estimator


def _is_looked_into(part: Any) -> bool:  # noqa: ANN401
    # What holds the folds of a calibrated classifier has no parameters.
    return hasattr(part, "__dict__") and (hasattr(part, "get_params") or type(part).__module__.startswith("sklearn."))


def _calm(part: Any) -> None:  # noqa: ANN401
    held = vars(part)
    if "n_jobs" in held:
        # None is all processors for LightGBM.
        part.n_jobs = 1
    if hasattr(part, "get_booster") and getattr(part, "_Booster", None) is not None:
        # XGBoost's own `set_params` sets all that it was fitted with once more, and a base_score for one class then
        # stands against the base scores of all.
        part.get_booster().set_param({"nthread": 1})
    if any(each.__module__.partition(".")[0] == "catboost" for each in type(part).__mro__):
        # It has no setting for them, and takes as many as there are processors.
        for name in ("predict", "predict_proba"):
            if hasattr(part, name) and name not in held:
                setattr(part, name, _in_one_thread(getattr(part, name)))


def _in_one_thread(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)  # scikit-learn looks at its name
    def predict(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        return method(*given, **{"thread_count": 1, **named})

    return predict
''',
".tree_arrays": r'''
"""Tree ensembles as flat arrays: reading them, and proving that they are trees."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from .checks import Budget, choice, fields, integers, items, members, number, numbers, refuse, shown

MOST_DEPTH = 1000
_MOST_OUTPUTS = 1000
_LARGEST = sys.float_info.max
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
        cover: for each node, the weight of the rows that came there when the trees were fitted, or None.
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
    cover: list[float] | None


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
    fields(found, place, _FIELDS, ("divide", "cover"))
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
        cover=_covers(found["cover"], f"{place}.cover", size) if "cover" in found else None,
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


def _covers(found: Any, place: str, size: int) -> list[float]:  # noqa: ANN401
    if len(items(found, place)) != size:
        refuse(place, f"has {len(found):,} entries, and feature has {size:,}")
    # Scoring does not need them, and is not to wait for more than a glance.
    if set(map(type, found)) <= {int, float} and min(found, default=0) >= 0 and max(found, default=0) <= _LARGEST:
        covers: list[float] = found
        return covers
    for position, value in enumerate(numbers(found, place)):
        if value < 0:
            refuse(f"{place}[{position}]", f"is {shown(value)}, and a cover is not negative")
    return numbers(found, place)


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
".ubjson": r'''
"""Walking through UBJSON, in which XGBoost writes models: whether all of it is there, and what its short values are.

XGBoost itself takes a length out of a file that is cut short for what it says, and asks for as much memory.
The format: https://ubjson.org/type-reference. XGBoost writes arrays of numbers with their type and length in front.
"""

from __future__ import annotations

import struct
from typing import Any

_NUMBERS = {"i": "b", "U": "B", "I": "h", "l": "i", "L": "q", "d": "f", "D": "d"}
_WORDS = {"T": True, "F": False, "Z": None}
# Longer arrays are passed over.
_MOST_READ = 16
_MOST_DEPTH = 64


def read_ubjson(content: bytes) -> Any:  # noqa: ANN401
    """The document; None for a long array of numbers.

    Raises:
        ValueError: it is no UBJSON, or is cut short, or something follows it.
    """
    walk = _Walk(content)
    found = walk.value(0)
    if walk.position != len(content):
        raise ValueError(f"{len(content) - walk.position} bytes follow its end")
    return found


class _Walk:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def value(self, depth: int) -> Any:  # noqa: ANN401
        mark = self._mark()
        if depth > _MOST_DEPTH:
            raise ValueError("it is nested too deeply")
        if mark == "{":
            return self._object(depth)
        if mark == "[":
            return self._array(depth)
        if mark == "S":
            return self._text()
        if mark == "C":
            return self._take(1).decode("latin-1")
        if mark in _WORDS:
            return _WORDS[mark]
        return self._number(mark)

    def _object(self, depth: int) -> dict[str, Any]:
        found = {}
        while self._peek() != "}":
            name = self._text()
            found[name] = self.value(depth + 1)
        self.position += 1
        return found

    def _array(self, depth: int) -> list[Any] | None:
        kind = None
        if self._peek() == "$":
            self.position += 1
            kind = self._mark()
        if self._peek() == "#":
            self.position += 1
            size = self._size()
            if kind is None:
                # Each takes a byte at least, so none of what is not there is made.
                return [self.value(depth + 1) for _ in range(size)]
            each = struct.calcsize(f"={self._format(kind)}")
            taken = self._take(size * each)
            return list(struct.unpack(f">{size}{self._format(kind)}", taken)) if size <= _MOST_READ else None
        found = []
        while self._peek() != "]":
            found.append(self.value(depth + 1))
        self.position += 1
        return found

    def _text(self) -> str:
        return self._take(self._size()).decode(errors="replace")

    def _size(self) -> int:
        size = int(self._number(self._mark()))
        if size < 0:
            raise ValueError("a length is negative")
        return size

    def _number(self, mark: str) -> Any:  # noqa: ANN401
        kind = f">{self._format(mark)}"
        return struct.unpack(kind, self._take(struct.calcsize(kind)))[0]

    def _format(self, mark: str) -> str:
        if mark not in _NUMBERS:
            raise ValueError(f"{mark!r} is no type")
        return _NUMBERS[mark]

    def _mark(self) -> str:
        return self._take(1).decode("latin-1")

    def _peek(self) -> str:
        if self.position >= len(self._content):
            raise ValueError("it ends in the middle")
        return chr(self._content[self.position])

    def _take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self._content):
            raise ValueError("it ends in the middle")
        taken = self._content[self.position : end]
        self.position = end
        return taken
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


def prepared(trees: Trees, registers: int) -> Callable[[list[Any]], None]:
    """A function that walks an ensemble.

    Args:
        trees: the ensemble.
        registers: how many registers are defined before it.

    Returns:
        A function that takes the registers and appends the ensemble's outputs to them.
    """
    return masks.scorer(trees) if masks.fits(trees) else _walker(trees, registers)


def _walker(trees: Trees, registers: int) -> Callable[[list[Any]], None]:
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
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    GD[runtime].receive(GD, ordinal, content)
$$;

-- plpython/_load.sql
create function pgscore_trusted._load_received(
    contract text, signature bytea, key_id text, confirmed text[], key_ids text[], public_keys bytea[], engines text[],
    megabytes bigint[]
)
returns pgscore_trusted.refusal
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    keys = dict(zip(key_ids, public_keys))
    return GD[runtime].load(GD, keys, contract, signature, key_id, confirmed, dict(zip(engines, megabytes)))
$$;

comment on function pgscore_trusted._load_received(text, bytea, text, text[], text[], bytea[], text[], bigint[]) is
    'Checks the signature of the artifact that was received, by these keys, and only then unpickles it; an ONNX graph needs its engine among these';

revoke all on function pgscore_trusted._load_received(text, bytea, text, text[], text[], bytea[], text[], bigint[]) from public;

create or replace function pgscore_trusted._load(contract text, signature bytea, key_id text, confirmed text[])
returns pgscore_trusted.refusal
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return pgscore_trusted._load_received(
        contract, signature, key_id, confirmed,
        array(select k.key_id from pgscore_trusted.trusted_key k where k.revoked_at is null order by k.key_id),
        array(select k.public_key from pgscore_trusted.trusted_key k where k.revoked_at is null order by k.key_id),
        array(select e.engine from pgscore_trusted.allowed_engine e order by e.engine),
        array(select e.megabytes from pgscore_trusted.allowed_engine e order by e.engine)
    );
end
$$;

comment on function pgscore_trusted._load(text, bytea, text, text[]) is
    'Checks the signature of the artifact that was received and only then unpickles it, for the life of this backend; an ONNX graph is data, and needs the engine onnx to be on instead';

-- plpython/_estimate.sql
-- The databases' own code asks the database, and registers the runtime where it loads an artifact: PL/Python would do so in
-- a subtransaction, which nothing in a parallel plan can have.

create function pgscore_trusted._estimate_called(
    digest text, rows integer, numbers double precision[], texts text[], every boolean, graphs boolean,
    out scores double precision[], out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        return None
    return GD[runtime].estimate(GD, digest, rows, numbers, texts, every, graphs)
$$;

comment on function pgscore_trusted._estimate_called(text, integer, double precision[], text[], boolean, boolean) is
    'Scores rows with a version that this backend has loaded; NULL where it has not, or where that is an ONNX graph, and graphs are not to run';

revoke all on function pgscore_trusted._estimate_called(text, integer, double precision[], text[], boolean, boolean) from public;

create or replace function pgscore_trusted._estimate(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language plpgsql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- What was loaded while its engine was on is not called when it is off: to load it again says so.
    select e.scores, e.reasons into scores, reasons
    from pgscore_trusted._estimate_called(
        digest, rows, numbers, texts, every, exists (select from pgscore_trusted.allowed_engine a where a.engine = 'onnx')
    ) e;
end
$$;

-- plpython/_estimate_rows.sql
-- An array of doubles is the same bytes in memory as a bytea, which PL/Python hands to numpy as they are: to convert numbers
-- one by one takes longer than many a model. What makes an array of bytes believes them, so it is for nobody but the
-- last function, which gives it what the runtime has made.

create function pgscore_trusted._array_memory(numbers double precision[]) returns bytea
language internal immutable strict parallel safe
as 'byteasend';

comment on function pgscore_trusted._array_memory(double precision[]) is 'An array as it stands in memory, without its length';

revoke all on function pgscore_trusted._array_memory(double precision[]) from public;

create function pgscore_trusted._array_of_memory(memory bytea) returns double precision[]
language internal immutable strict parallel safe
as 'byteasend';

comment on function pgscore_trusted._array_of_memory(bytea) is
    'The array that stands so in memory; it does not look whether that is one, so nobody else may call it';

revoke all on function pgscore_trusted._array_of_memory(bytea) from public;

create function pgscore_trusted._estimate_memory(
    digest text, rows integer, numbers bytea, texts text[], every boolean, graphs boolean,
    out scores bytea, out reasons text[]
)
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        return None
    return GD[runtime].estimate_rows(GD, digest, rows, numbers, texts, every, graphs)
$$;

comment on function pgscore_trusted._estimate_memory(text, integer, bytea, text[], boolean, boolean) is
    'Scores rows with a version that this backend has loaded, from and to arrays as they stand in memory; scores NULL where it has not, reasons NULL where no row is refused';

revoke all on function pgscore_trusted._estimate_memory(text, integer, bytea, text[], boolean, boolean) from public;

create function pgscore_trusted._estimate_rows(
    digest text, rows integer, numbers double precision[], texts text[], every boolean,
    out scores double precision[], out reasons text[]
)
language sql stable parallel restricted security definer
set search_path = pg_catalog, pg_temp
as $$
    select pgscore_trusted._array_of_memory(e.scores), e.reasons
    from pgscore_trusted._estimate_memory(
        digest, rows, pgscore_trusted._array_memory(numbers), texts, every,
        exists (select from pgscore_trusted.allowed_engine a where a.engine = 'onnx')
    ) e
$$;

comment on function pgscore_trusted._estimate_rows(text, integer, double precision[], text[], boolean) is
    'Scores rows with a version that this backend has loaded; scores NULL where it has not, reasons NULL where no row is refused';

revoke all on function pgscore_trusted._estimate_rows(text, integer, double precision[], text[], boolean) from public;

grant execute on function pgscore_trusted._estimate_rows(text, integer, double precision[], text[], boolean) to pgscore_owner;

create function pgscore_trusted._count_row(statement double precision) returns boolean
language plpython3u volatile parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].count_row(GD, statement)
$$;

comment on function pgscore_trusted._count_row(double precision) is
    'Counts a row that a query has scored by itself, in the statement that began then; true once in a session, where they are so many that they had better be scored together';

revoke all on function pgscore_trusted._count_row(double precision) from public;

grant execute on function pgscore_trusted._count_row(double precision) to pgscore_owner;

-- plpython/_load_program.sql
create or replace function pgscore_trusted._load_program(program text) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
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
    walker = GD.get("pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189" + digest)
    return walker.score(numbers or (), texts or (), positive) if walker else float("nan")
$$;

-- plpython/_walk_outputs.sql
create or replace function pgscore_trusted._walk_outputs(digest text, numbers double precision[], texts text[])
returns double precision[]
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    walker = GD.get("pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189" + digest)
    return walker.outputs(numbers or (), texts or ())[0] if walker else []
$$;

-- plpython/_load_reasons.sql
create function pgscore_trusted._load_reasons(program text, positive integer) returns pgscore_trusted.refusal
language plpython3u stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].load_reasons(GD, runtime, program, positive)
$$;

comment on function pgscore_trusted._load_reasons(text, integer) is
    'Reads a program and keeps what explains it, for the life of this backend: it computes and does nothing else';

revoke all on function pgscore_trusted._load_reasons(text, integer) from public;

grant execute on function pgscore_trusted._load_reasons(text, integer) to pgscore_owner;

-- plpython/_walk_reasons.sql
create function pgscore_trusted._walk_reasons(digest text, numbers double precision[], texts text[])
returns double precision[]
language plpython3u stable parallel safe cost 10000
set search_path = pg_catalog, pg_temp
as $$
    explainer = GD.get("pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189" + digest)
    return explainer.reasons(numbers or (), texts or ()) if explainer else []
$$;

comment on function pgscore_trusted._walk_reasons(text, double precision[], text[]) is
    'What each input adds to the score of a row, by a program that this backend has read; NULL where there is no score; no elements where it has not';

revoke all on function pgscore_trusted._walk_reasons(text, double precision[], text[]) from public;

-- It computes, and reads nothing but its arguments.
grant execute on function pgscore_trusted._walk_reasons(text, double precision[], text[]) to pgscore_owner, pgscore_reader;

-- plpython/_environment.sql
create or replace function pgscore_trusted._environment() returns jsonb
language plpython3u stable parallel restricted
set search_path = pg_catalog, pg_temp
as $$
    runtime = "pgscore_runtime:212b020490f3c00dfae3751222d6c3df9aec827d007d92bf4d00b90f08272189"
    if runtime not in GD:
        plpy.execute("select pgscore_trusted._runtime()")
    return GD[runtime].environment()
$$;

-- plpython/reset_path.sql
reset search_path;
