"""From the bytes of a bundle to what is known to be whole: its format, its parts, its seal."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore_runtime.checks import fields, flag, integer, items, number, refuse, shown, text
from pgscore_runtime.errors import Refusal
from pgscore_runtime.links import link_outputs
from pgscore_runtime.program import parse_program

from pgscore.errors import PgscoreError

from .canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgscore_runtime.program import Program

# A program may have 64 MB; as much again for each thing beside it.
_MOST_BYTES = 256 * 2**20
_MOST_CLASSES = 1000
_MOST_GOLDEN = 100_000
_MOST_BINDINGS = 1000
_LARGEST_VERSION = 2**31 - 1
_TOLERANCE, _LARGEST_TOLERANCE = 1e-12, 1e-2
_FIELDS = ("bundle", "model", "version", "program", "contract", "labels", "golden", "bindings", "sha256")
_LINKS = {
    "probability": ("identity", "logistic", "softmax", "one_vs_rest", "one_vs_all", "normalize"),
    "indicator": ("sign", "argmax"),
    "value": ("identity", "exp", "expit", "square_signed"),
}
HINT = "Make it anew: pgscore bundle MODEL --to FILE"


class Golden(NamedTuple):
    """A golden row: what the fitted estimator gave for these inputs."""

    inputs: dict[str, Any]
    expected: float | None
    outputs: list[float] | None
    scale: float


class Opened(NamedTuple):
    """A bundle whose parts have been checked, and its seal.

    Attributes:
        model: the model's name.
        version: the version's number.
        program: its program.
        kind: ``probability``, ``indicator`` or ``value``.
        labels: the classes as the estimator has them, by their texts; empty for a value.
        positive: the position of the score among the outputs.
        tolerance: how far a golden row may be missed, as a part of its size.
        golden: the golden rows.
        bindings: as the document has them.
        sha256: of the canonical text.
        key_id: the key that is said to have signed it, or None.
        document: all of it.
    """

    model: str
    version: int
    program: Program
    kind: str
    labels: dict[str, Any]
    positive: int
    tolerance: float
    golden: list[Golden]
    bindings: list[dict[str, Any]]
    sha256: str
    key_id: str | None
    document: Mapping[str, Any]


def opened(content: bytes | Mapping[str, Any], key: bytes | None = None) -> Opened:
    """Checks a bundle.

    Args:
        content: its bytes, or the document that they are.
        key: the 32 bytes of a public key, whose signature it must have; None: it need have none.

    Raises:
        PgscoreError: it is none, it was changed, or the key has not signed it.
    """
    try:
        document, written = _document(content) if isinstance(content, bytes) else (content, None)
        fields(document, "it", _FIELDS, ("signature",))
        if document["bundle"] != 1 or type(document["bundle"]) is not int:
            raise PgscoreError(
                f"the bundle is of format {shown(document['bundle'])}, and this release reads format 1",
                "Make it with the release that reads it.",
            )
        found = _checked(document)
    except Refusal as refusal:
        raise as_malformed(refusal) from None
    except RecursionError:
        raise PgscoreError("the bundle is refused: it is nested too deeply", HINT) from None
    except (TypeError, ValueError) as error:
        raise PgscoreError(f"the bundle is refused: it is no JSON document: {error}", HINT) from None
    _check_seal(found, written)
    if key is not None:
        _check_signature(found, key)
    return found


def opened_of_registry(document: Mapping[str, Any]) -> Opened:
    """What a database has of a version, checked as a bundle is, but for golden rows and seal, which it has not.

    Raises:
        PgscoreError: a part is malformed.
    """
    try:
        return _checked({**document, "golden": []}, proved=False)
    except Refusal as refusal:
        raise as_malformed(refusal) from None
    except (RecursionError, TypeError, ValueError) as error:
        raise PgscoreError(f"the version is refused: it is no JSON document: {error}") from None


def as_malformed(refusal: Refusal) -> PgscoreError:
    """What a check of the runtime says of a part, said of a bundle."""
    return PgscoreError(refusal.message.replace("the program is refused: ", "the bundle is refused: ", 1), HINT)


def _document(content: bytes) -> tuple[dict[str, Any], str]:
    if len(content) > _MOST_BYTES:
        raise PgscoreError(f"the bundle is refused: it has more than {_MOST_BYTES // 2**20} MB", HINT)
    try:
        written = content.decode().strip()
        return json.loads(written, parse_constant=_no_constant), written
    except ValueError as error:
        raise PgscoreError(f"the bundle is refused: it is not JSON in UTF-8: {error}", HINT) from None


def _no_constant(name: str) -> Any:  # noqa: ANN401
    raise ValueError(f"{name} is no JSON")


def _checked(document: Mapping[str, Any], *, proved: bool = True) -> Opened:
    model, version = text(document["model"], "model"), integer(document["version"], "version", 1, _LARGEST_VERSION)
    key_id = None
    if "signature" in document:
        signature = fields(document["signature"], "signature", ("key_id", "value"))
        key_id, _ = text(signature["key_id"], "signature.key_id"), text(signature["value"], "signature.value")
    if type(document["program"]) is not dict:
        refuse("program", f"is {shown(document['program'])}, not an object")
    program = parse_program(json.dumps(document["program"], allow_nan=False))
    contract = document["contract"]
    if type(contract) is not dict:
        refuse("contract", f"is {shown(contract)}, not an object")
    kind, labels, positive = _output(contract.get("output"), document["labels"], program)
    _check_inputs(contract.get("inputs"), program)
    tolerance = contract.get("tolerance")
    if tolerance is not None and not _TOLERANCE <= number(tolerance, "contract.tolerance") <= _LARGEST_TOLERANCE:
        refuse("contract.tolerance", f"is {shown(tolerance)}, not within 1e-12 to 1e-2")
    listed = items(document["golden"], "golden", _MOST_GOLDEN)
    if proved and not listed:
        refuse("golden", "has no rows, and nothing is evaluated unproved")
    return Opened(
        model=model,
        version=version,
        program=program,
        kind=kind,
        labels=labels,
        positive=positive,
        tolerance=tolerance or _TOLERANCE,
        golden=[_golden(each, f"golden[{n}]") for n, each in enumerate(listed)],
        bindings=items(document["bindings"], "bindings", _MOST_BINDINGS),
        sha256=text(document["sha256"], "sha256"),
        key_id=key_id,
        document=document,
    )


def _output(found: Any, texts: Any, program: Program) -> tuple[str, dict[str, Any], int]:  # noqa: ANN401
    """What the outputs are, the classes by their texts, and the position of the score."""
    output = fields(found, "contract.output", ("kind", "classes", "positive"))
    kind, classes = output["kind"], items(output["classes"], "contract.output.classes", _MOST_CLASSES)
    if type(kind) is not str or kind not in _LINKS:
        refuse("contract.output.kind", f"is {shown(kind)}, not one of {', '.join(_LINKS)}")
    if program.link not in _LINKS[kind]:
        refuse("program.link", f"is {shown(program.link)}, which gives no {kind}")
    outputs, wanted = link_outputs(program.link, len(program.scores)), 1 if kind == "value" else len(classes)
    if outputs != wanted:
        refuse("the program", f"has {outputs:,} outputs, and the contract {wanted:,}")
    if len(items(texts, "labels")) != len(classes):
        refuse("labels", f"has {len(texts):,} entries, and contract.output.classes {len(classes):,}")
    labels = {
        text(each, f"labels[{n}]"): _label(each, classes[n], f"contract.output.classes[{n}]")
        for n, each in enumerate(texts)
    }
    if len(labels) != len(classes):
        refuse("labels", "has two of one text")
    if kind == "value":
        return kind, labels, 0
    return kind, labels, integer(output["positive"], "contract.output.positive", 0, len(classes) - 1)


def _label(written: str, found: Any, place: str) -> Any:  # noqa: ANN401
    """A class: of a number the text says more, where a double would be rounded."""
    if type(found) is str and found == written:
        return found
    if type(found) is bool and written == ("true" if found else "false"):
        return found
    if type(found) in (int, float):
        for read in (int, float):
            try:
                value = read(written)
                if float(value) == found:
                    return value
            except (OverflowError, ValueError):
                continue
    return refuse(place, f"is {shown(found)}, and its text {shown(written)}")


def _check_inputs(found: Any, program: Program) -> None:  # noqa: ANN401
    listed = items(found, "contract.inputs")
    if len(listed) != len(program.inputs):
        refuse("the contract", f"has {len(listed):,} inputs, and the program {len(program.inputs):,}")
    for position, (each, described) in enumerate(zip(listed, program.inputs, strict=True)):
        place = f"contract.inputs[{position}]"
        fields(each, place, ("name", "type", "nullable"))
        flag(each["nullable"], f"{place}.nullable")
        if (each["name"], each["type"], each["nullable"]) != (described.name, described.type, described.nullable):
            refuse(place, "is another than that of the program")


def _golden(found: Any, place: str) -> Golden:  # noqa: ANN401
    fields(found, place, ("inputs", "expected", "outputs", "scale"))
    if type(found["inputs"]) is not dict:
        refuse(f"{place}.inputs", f"is {shown(found['inputs'])}, not an object")
    outputs = found["outputs"]
    if outputs is not None:
        outputs = [_any_number(each, f"{place}.outputs[{n}]") for n, each in enumerate(items(outputs, place))]
    expected = None if found["expected"] is None else _any_number(found["expected"], f"{place}.expected")
    scale = number(found["scale"], f"{place}.scale")
    if scale < 0:
        refuse(f"{place}.scale", f"is {shown(scale)}, and a size is not negative")
    return Golden(found["inputs"], expected, outputs, scale)


def _any_number(found: Any, place: str) -> float:  # noqa: ANN401
    return float(found) if found in ("Infinity", "-Infinity") else number(found, place)


def _check_seal(found: Opened, written: str | None) -> None:
    # A file as it was written: what is hashed stands before the seal, which closes it with the version.
    if written is not None:
        head, _, tail = written.rpartition('"sha256":')
        if tail == _tail(found) and _sha256(f'{head}"version":{found.version}}}') == found.sha256:
            return
    try:
        stated = canonical({name: value for name, value in found.document.items() if name not in SEALS})
        if _sha256(stated) == found.sha256:
            return
    except ValueError:
        pass
    raise PgscoreError(
        f"the bundle of model {found.model!r} version {found.version} was changed: its sha256 is of other contents",
        HINT,
    )


def _tail(found: Opened) -> str:
    rest = {name: found.document[name] for name in ("sha256", "signature", "version") if name in found.document}
    return canonical(rest).removeprefix('{"sha256":')


def _sha256(stated: str) -> str:
    return hashlib.sha256(stated.encode()).hexdigest()


def _check_signature(found: Opened, key: bytes) -> None:
    wanted = hashlib.sha256(key).hexdigest()[:16]
    name = f"the bundle of model {found.model!r} version {found.version}"
    hint = "Make it with the private key: pgscore bundle MODEL --key PEM"
    if found.key_id is None:
        raise PgscoreError(f"{name} carries no signature, and one of key {wanted} is wanted", hint)
    if found.key_id != wanted:
        raise PgscoreError(f"{name} is signed with key {found.key_id}, and key {wanted} is wanted", hint)
    # 40 ms, and a package: for those who want a key.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        value = bytes.fromhex(found.document["signature"]["value"])
        Ed25519PublicKey.from_public_bytes(key).verify(value, message(found.sha256))
    except (InvalidSignature, ValueError):
        raise PgscoreError(f"the signature of key {wanted} does not cover {name}: it was changed", hint) from None


# Outside of what they cover.
SEALS = ("sha256", "signature")


def message(sha256: str) -> bytes:
    """The bytes that a signature covers."""
    return f"pgscore bundle 1\n{sha256}".encode()
