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
