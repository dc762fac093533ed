"""Whether the models that serve have their engines, and still give what their fitted estimators gave."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore_runtime.artifact import PINNED, distribution

from pgscore.libraries import doubts
from pgscore.shards.prepared import prepared_within, settle_hint

from .finding import Finding, joined
from .python import NEEDED, install

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .look import Look
    from .python import Python

_GOLDEN_SECONDS = 0.75
_FULL_SECONDS = 600.0
# What is data needs no signature.
_OF_DATA = """
    select m.name from pgscore.model m join pgscore.model_version v on v.model = m.name and v.version = m.serving
    where v.format in ('onnx', 'pmml', 'mojo')
"""


@dataclass(frozen=True)
class Model:
    """A model, and the version that serves."""

    model: str
    version: int | None
    one_engine: str | None
    many_engine: str | None
    has_program: bool
    key_id: str | None
    needs_frame: bool
    latest: int | None

    @property
    def engines(self) -> list[str]:
        """The engines that serve."""
        return sorted({each for each in (self.one_engine, self.many_engine) if each})


@dataclass(frozen=True)
class _Library:
    model: str
    library: str
    fitted: str


@dataclass(frozen=True)
class _Data:
    model: str


@dataclass(frozen=True)
class _Golden:
    model: str
    version: int
    engine: str
    rows: int | None
    max_abs_diff: float | None
    ok: bool | None
    problem: str | None
    hint: str | None


def check_models(look: Look, python: Python) -> Iterator[Finding]:
    """Each model: whether a version serves, has its engines, is trusted, and agrees with its golden rows."""
    yield from _prepared(look)
    models = look.ask(Model, "_doctor_models")
    if not models:
        yield Finding("no-models", "models", "none is published yet")
        return
    libraries: dict[str, list[_Library]] = defaultdict(list)
    for each in look.ask(_Library, "_doctor_libraries"):
        libraries[each.model].append(each)
    data = {each.model for each in look.rows(_Data, _OF_DATA)}
    replayed, notes = _replayed(look)
    yield from notes
    unlooked = []
    for model in models:
        if model.version is None:
            remedy = f"pgscore promote {model.model} {model.latest}" if model.latest else ""
            sentence = "no version is promoted: its scores are refused"
            yield Finding("not-promoted", model.model, sentence, remedy, "an operator")
            continue
        found = [*_engines(model, python), *_libraries(model, libraries[model.model], python)]
        found += [] if model.model in data else _trust(model, python)
        found += _untested(model, libraries[model.model])
        broken = any(each.is_to_mend and each.code != "library-differs" for each in found)
        golden = [] if broken else replayed[model.model]
        unlooked += [model.model] if not broken and any(each.ok is None for each in golden) else []
        found += [each for one in golden for each in _golden(one)]
        yield from found
        if not any(each.is_to_mend for each in found):
            yield Finding("model", model.model, _serves(model, golden))
    if unlooked:
        many = f"{len(unlooked)} models, such as {unlooked[0]}," if len(unlooked) > 1 else f"model {unlooked[0]}"
        sentence = f"there was no time to replay the golden rows of {many} in {_GOLDEN_SECONDS:g} seconds"
        yield Finding("golden-unlooked", "models", sentence, "pgscore doctor --full")


def _prepared(look: Look) -> Iterator[Finding]:
    """Releases in several databases that whoever began them has not ended."""
    for each in prepared_within(look.connection):
        sentence = (
            f"prepared since {each.prepared:%Y-%m-%d %H:%M} as number {each.number} of {each.many} databases, and not"
            " over: no other promotion gets through"
        )
        if each.number == 1:
            sentence += "; none of them has committed it"
        yield Finding("release-prepared", each.what, sentence, settle_hint(each.many), each.owner)


def _replayed(look: Look) -> tuple[dict[str, list[_Golden]], list[Finding]]:
    """The golden rows of each model in the engines that serve; and why not, where the caller may not ask."""
    found: dict[str, list[_Golden]] = defaultdict(list)

    def replay(look: Look) -> Iterator[Finding]:
        seconds = _FULL_SECONDS if look.full else _GOLDEN_SECONDS
        if look.full:
            look.limit(2 * _FULL_SECONDS)
        for each in look.ask(_Golden, "_doctor_golden", seconds, look.full):
            found[each.model].append(each)
        look.unlimit()
        yield from ()

    may = look.value(
        "select has_function_privilege(p.oid, 'execute') from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname = 'pgscore' and p.proname = '_doctor_golden'"
    )
    if not may:
        sentence = "golden rows are not yours to see: a publisher or an operator has them replayed"
        return found, [Finding("golden-unlooked", "models", sentence)]
    return found, look.guarded("golden rows", replay)


def _engines(model: Model, python: Python) -> Iterator[Finding]:
    if "onnx" in model.engines and python.engines is not None and "onnx" not in python.engines:
        sentence = f"version {model.version} serves by the onnx engine, which is off: its scores are refused"
        yield Finding("engine-forbidden", model.model, sentence, "pgscore engines allow onnx", "a superuser")
        return
    missing = [each for each in model.engines if each != "sql"]
    if not missing or python.works is not False:
        return
    sentence = f"version {model.version} serves by the {' and '.join(missing)} engine, and PL/Python does not work"
    remedy = f"pgscore promote {model.model} {model.version} --engine sql" if model.has_program else ""
    yield Finding("engine-missing", model.model, sentence, remedy, "an operator" if remedy else "")


def _trust(model: Model, python: Python) -> Iterator[Finding]:
    if python.keys is None:
        return
    again = f"pgscore publish {model.model} MODEL.joblib --key KEY.pem --promote"
    holder, is_revoked = python.keys.get(model.key_id or "", ("", False))
    if model.key_id is None:
        wrong, remedy = "carries no signature", again
    elif not holder:
        wrong, remedy = f"was signed with the key {model.key_id}, which is not trusted", "pgscore keys trust KEY.pub"
    elif is_revoked:
        wrong, remedy = f"was signed with the key {model.key_id} of {holder}, which is revoked", again
    else:
        return
    subject = f"the artifact of version {model.version}"
    if "estimator" in model.engines:
        yield Finding("artifact-untrusted", model.model, f"{subject} {wrong}: new connections cannot load it", remedy)
    else:
        yield Finding("artifact-unused", model.model, f"{subject} {wrong}, and its program serves without it")


def _libraries(model: Model, fitted: Sequence[_Library], python: Python) -> Iterator[Finding]:
    """Libraries matter to what is called as it is, and to nothing else."""
    if not {"estimator", "onnx"} & set(model.engines) or not python.packages:
        return
    for each in fitted:
        here = python.packages.get(each.library)
        if each.library not in python.packages or here == each.fitted:
            continue
        same = install(python, f"{distribution(each.library)}=={each.fitted}")
        by = f"version {model.version} was fitted with {each.library} {each.fitted}, and the server's Python has"
        if here is None:
            # Pandas is only for estimators that need the names of columns.
            if each.library in (*NEEDED, *PINNED, "onnxruntime") or (each.library == "pandas" and model.needs_frame):
                yield Finding("library-missing", model.model, f"{by} none: it cannot be loaded", same)
        elif each.library in PINNED and here.split(".")[:2] != each.fitted.split(".")[:2]:
            yield Finding("library-refused", model.model, f"{by} {here}: it cannot be loaded", same)
        else:
            yield Finding("library-differs", model.model, f"{by} {here}; `doctor --full` says if it matters", same)


def _untested(model: Model, fitted: Sequence[_Library]) -> Iterator[Finding]:
    """Programs of versions that nobody has tried."""
    if model.has_program:
        for doubt in doubts({each.library: each.fitted for each in fitted}):
            yield Finding("library-untested", model.model, f"version {model.version} is a program, and {doubt}")


def _golden(found: _Golden) -> Iterator[Finding]:
    by = f"version {found.version} in the {found.engine} engine"
    if found.problem:
        yield Finding("golden-failed", found.model, f"{by} fails: {found.problem}", found.hint or "")
    elif found.ok is False:
        sentence = f"{by} differs by up to {found.max_abs_diff:g} from what the fitted estimator gave"
        again = f"pgscore verify {found.model} {found.version}"
        rollback = f"pgscore rollback {found.model}"
        yield Finding("golden-differ", found.model, sentence, joined(again, rollback), "an operator")


def _serves(model: Model, golden: Sequence[_Golden]) -> str:
    one, many = model.one_engine, model.many_engine
    engines = f"by {one}" if one == many else f"by {one} for one row and {many} for many"
    looked = [each for each in golden if each.ok]
    differences = [each.max_abs_diff for each in looked if each.max_abs_diff is not None]
    rows = max((each.rows or 0 for each in looked), default=0)
    replayed = f"; {rows} golden rows agree, largest difference {max(differences):g}" if differences else ""
    return f"version {model.version} serves, {engines}{replayed}"
