"""A PMML document: what it is a model of, what that reads and what it gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pgscore_runtime.contract import Contract, Input, Output

from pgscore.errors import PgscoreError

from .dictionary import DataField, data_fields
from .elements import check_elements
from .models import OTHERS
from .types import NUMBERS, TYPES, Scalar
from .xml import Element, parse, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMESPACE = re.compile(r"http://www\.dmg\.org/PMML-4_([0-9])")
_VERSION = re.compile(r"4\.([0-9])(?:\.[0-9]+)?")
_NEWEST = 4
_MOST_INPUTS = 1_600
_FORMAT = "pmml"


@dataclass(frozen=True, eq=False)
class PmmlDocument:
    """A document that was read, and of which a program can be made.

    Attributes:
        root: its element.
        model: of the first model that is scorable.
        fields: of its data dictionary.
        version: such as ``4.4``.
        inputs: what the model reads, as `Document` says.
        output: what the score is.
        categories: by input, the valid values that the data dictionary lists.
        libraries: ``{"pmml": "4.4"}``.
        chosen: the output field that the score is instead of the prediction, or None.
    """

    root: Element
    model: Element
    fields: Mapping[str, DataField]
    version: str
    inputs: tuple[Input, ...]
    output: Output
    categories: Mapping[str, tuple[str | float | bool, ...]]
    libraries: Mapping[str, str] = field(default_factory=dict)
    chosen: str | None = None


def open_pmml(content: bytes, output: str | None = None) -> PmmlDocument:
    """Reads a document, and what its model reads and gives; nothing of it runs.

    Args:
        content: the file's bytes.
        output: an OutputField that is the score, instead of the prediction.

    Raises:
        PgscoreError: it is no PMML of a version that is read, or beyond a limit; or an element is not supported, which
            the message names with its path (`NotAProgramError`).
    """
    try:
        return _opened(content, output)
    except RecursionError:
        raise refused("its elements refer to each other too many times") from None


def _opened(content: bytes, output: str | None) -> PmmlDocument:
    from .reading import predicted

    root = parse(content)
    version = _version(root)
    model = _model(root)
    check_elements(root.first("DataDictionary"), root.first("TransformationDictionary"), model)
    fields = data_fields(root.one("DataDictionary"))
    inputs = tuple(_input(fields[name]) for name in _active(model, fields))
    if not inputs:
        raise model.refused("reads no field of a row")
    if len(inputs) > _MOST_INPUTS:
        raise model.refused(f"reads more than {_MOST_INPUTS:,} fields")
    draft = PmmlDocument(root, model, fields, version, inputs, Output("value"), {}, chosen=output)
    contract = Contract(_FORMAT, inputs, False, "none", Output("value"), {})
    found = predicted(draft, contract)
    categories = {each.name: _known(fields[each.name]) for each in inputs if fields[each.name].valid}
    return PmmlDocument(
        root, model, fields, version, found.inputs, found.output, categories, {_FORMAT: version}, chosen=output
    )


def _version(root: Element) -> str:
    if root.tag != "PMML":
        raise refused(f"its root element is {root.tag[:60]!r}")
    namespace = _NAMESPACE.fullmatch(root.namespace)
    version = root.get("version") or ""
    stated = _VERSION.fullmatch(version)
    if namespace is None or stated is None or max(int(namespace[1]), int(stated[1])) > _NEWEST:
        what = version or root.namespace or "none"
        raise PgscoreError(
            f"the file is PMML of version {what[:60]!r}, and versions 4.0 to 4.4 are read",
            "Export the model anew, as PMML 4.4, or convert the file to it.",
        )
    return version


def _model(root: Element) -> Element:
    """The first model that is scorable, as `PMMLUtil.findModel` takes it."""
    models = root.all(*OTHERS)
    found = next((each for each in models if each.flag("isScorable", default=True)), None)
    if found is None:
        raise refused("it has no model, or none that is scorable")
    return found


def _active(model: Element, fields: Mapping[str, DataField]) -> list[str]:
    """The names of fields that a row brings, in the order of the mining schema."""
    found: list[str] = []
    for each in model.one("MiningSchema").all("MiningField"):
        name = each.need("name")
        if each.get("usageType") not in (None, "active"):
            continue
        if name not in fields:
            raise each.refused(f"names the field {name!r}, which is not in the DataDictionary")
        if name in found:
            raise each.refused(f"names the field {name!r}, as another one does")
        found.append(name)
    return found


def _input(field_: DataField) -> Input:
    if field_.type not in TYPES:
        raise field_.element.refused(
            f"has the dataType {field_.type!r}, and fields of a row are numbers, texts or booleans"
        )
    if field_.type == "string":
        return Input(field_.name, "text", nullable=True)
    return Input(field_.name, "boolean" if field_.type == "boolean" else "double precision", nullable=True)


def _known(field_: DataField) -> tuple[str | float | bool, ...]:
    def plain(value: Scalar) -> str | float | bool:
        return float(value) if field_.type in NUMBERS else value

    return tuple(plain(each) for each in field_.valid)
