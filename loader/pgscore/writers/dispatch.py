"""From a version to a file: which writer, what checks it, and where it goes."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pgscore.errors import PgscoreError
from pgscore.progress import no_step

from .checking import Checked, check, rows_of
from .place import beside, check_place
from .records import ExportedModel
from .source import read_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from pgscore.database import Database
    from pgscore.progress import Step

    from .source import SourceVersion


class Written(NamedTuple):
    """What a writer made and had checked.

    Attributes:
        checked_by: what evaluated it.
        checked: what came of that.
        notes: what whoever evaluates it has to know.
    """

    checked_by: str
    checked: Checked
    notes: list[str]


def export_model(
    database: Database,
    model: str,
    to: str | PathLike[str],
    *,
    version: int | None = None,
    format: str | None = None,  # noqa: A002
    golden: bool = False,
    force: bool = False,
    progress: Step = no_step,
) -> ExportedModel:
    """Writes a version that is a program to a file of another tool's, and has that tool check it.

    The file is evaluated on the version's golden rows, and on rows made of them, before it is put in its place: by
    ONNX Runtime, or by JPMML-Evaluator.

    Args:
        database: a connection string, an SQLAlchemy engine on psycopg2, or a connection of psycopg2.
        model: the model's name.
        to: the file.
        version: the version's number; None: the one that answers.
        format: ``onnx``, ``pmml`` or ``json``; None: as the file ends.
        golden: whether golden rows are written too, which JSON alone can hold.
        force: whether a file that is there is replaced.
        progress: is told what begins.

    Raises:
        NotFoundError: there is no such model or version.
        DeniedError: the caller may not read golden rows.
        PgscoreError: the version is no program, the format cannot say it, what checks it is not installed or says
            something else, or the file cannot be written. None was, then.
    """
    path = Path(to)
    chosen = _format(path, format)
    if golden and chosen != "json":
        raise PgscoreError(f"golden rows do not go into a file of {chosen}", "Write model.json with them.")
    check_place(path, force=force)
    _need(chosen)
    progress("reading the program")
    source = read_source(database, model, version, golden=golden or chosen != "json")
    with beside(path, force=force) as temporary:
        written = FORMATS[chosen](source, temporary, golden, progress)
        content = temporary.read_bytes()
    return ExportedModel(
        model,
        source.version,
        path,
        chosen,
        len(content),
        hashlib.sha256(content).hexdigest(),
        written.checked_by,
        written.checked.rows,
        written.checked.largest,
        written.notes,
    )


def _format(path: Path, given: str | None) -> str:
    if given is not None and given not in FORMATS:
        raise PgscoreError(f"{given} is no format of models", f"It is one of {', '.join(FORMATS)}.")
    chosen = given or path.suffix.lower().removeprefix(".")
    if chosen not in FORMATS:
        raise PgscoreError(
            f"{path} does not say which format it is to have", "End it in .onnx, .pmml or .json, or name --format."
        )
    return chosen


# What each format is written and checked with, and how that is installed.
_NEEDED = {
    "onnx": (("onnx", "onnxruntime"), "pip install 'pgscore[formats]'"),
    "pmml": (("jpmml_evaluator", "py4j"), "pip install jpmml_evaluator, and install Java 11 or newer"),
    "json": ((), ""),
}


def _need(chosen: str) -> None:
    packages, command = _NEEDED[chosen]
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise PgscoreError(
            f"a file of {chosen} is written and checked with {' and '.join(packages)}, and there is no"
            f" {' and no '.join(missing)} here",
            f"{command}.",
        )


def _json(source: SourceVersion, temporary: Path, golden: bool, progress: Step) -> Written:
    from pgscore_runtime.program import parse_program

    from .json_writer import write_json

    progress("writing")
    temporary.write_bytes(write_json(source, golden=golden))
    progress("reading it again")
    again = parse_program(json.dumps(json.loads(temporary.read_bytes())["program"]))
    if again != source.program and repr(again) != repr(source.program):
        raise PgscoreError("the program is another one when it is read again: no file was written")
    return Written("reading it again", Checked(len(source.golden or []), 0.0), [])


def _onnx(source: SourceVersion, temporary: Path, _: bool, progress: Step) -> Written:
    import onnxruntime

    from .onnx.judge import Judge, has
    from .onnx.writer import notes, write_onnx

    progress("writing")
    graph = write_onnx(source.program, source.contract, name=source.model, metadata=metadata(source))
    content = graph.SerializeToString()
    temporary.write_bytes(content)
    progress("evaluating it with ONNX Runtime")
    asked = rows_of(source, has)
    judge = f"ONNX Runtime {onnxruntime.__version__}"
    answers = Judge(content, source.program).outputs([each.values for each in asked])
    return Written(judge, check(source, asked, answers, judge), notes(source.program))


def _pmml(source: SourceVersion, temporary: Path, _: bool, progress: Step) -> Written:
    from .pmml.judge import has, judge_pmml
    from .pmml.writer import notes, write_pmml

    progress("writing")
    temporary.write_bytes(write_pmml(source.program, source.contract, name=source.model, metadata=metadata(source)))
    progress("evaluating it with JPMML-Evaluator")
    asked = rows_of(source, has)
    judge, answers = judge_pmml(temporary, source.program, source.contract, [each.values for each in asked])
    return Written(judge, check(source, asked, answers, judge), notes(source.program))


def metadata(source: SourceVersion) -> dict[str, str]:
    """What a file says of where it comes from."""
    return {"pgscore.model": source.model, "pgscore.version": str(source.version), "pgscore.digest": source.digest}


FORMATS: dict[str, Callable[[SourceVersion, Path, bool, Step], Written]] = {
    "onnx": _onnx,
    "pmml": _pmml,
    "json": _json,
}
