"""From a PMML document to the scores of a program."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pgscore_runtime.contract import Contract, Input, Output

from pgscore.readers.algebra.columns import NumberColumn, Table, TextColumn
from pgscore.readers.algebra.domains import Domains
from pgscore.readers.writing.writer import Result, Writer

from . import (
    apply,
    bayes,
    clustering,
    general,
    mining,
    network,
    normalizing,
    regression,
    scorecard,
    tree_model,
    vectors,
)
from .expressions import EXPRESSIONS
from .fields import Document, Scope
from .models import MODELS, read_model
from .outputs import chosen
from .tables import budget

if TYPE_CHECKING:
    from pgscore.readers.dispatch import PredictorReader

    from .document import PmmlDocument
    from .values import Prediction

for module in (regression, general, bayes, network, clustering, vectors, tree_model, mining, scorecard):
    MODELS.update(module.MODELS)
EXPRESSIONS.update(normalizing.EXPRESSIONS)
EXPRESSIONS["Apply"] = apply.read_apply

_TWO = 2


class Found:
    """What was found of a document by reading it: its inputs and its output, as a contract has them."""

    def __init__(self, inputs: tuple[Input, ...], output: Output) -> None:
        self.inputs = inputs
        self.output = output


def read_pmml(document: PmmlDocument, table: Table, writer: Writer, part: str) -> Result:
    """The prediction of a document's model, or the output field that was chosen.

    Raises:
        NotAProgramError: an element of it cannot be part of a program; the message has its path.
    """
    del part
    registers = {each.name: column.source for each, column in zip(document.inputs, table.columns, strict=True)}
    prediction = _predicted(document, registers, writer)
    return Result(
        prediction.scores,
        prediction.link,
        prediction.tie,
        prediction.tolerance,
        prediction.decide,
        reason_codes=prediction.reason_codes,
    )


def predicted(document: PmmlDocument, contract: Contract) -> Found:
    """What reading a document tells of its inputs and its output."""
    writer = Writer(Domains(contract))
    columns = tuple(TextColumn(n) if each.is_text else NumberColumn(n) for n, each in enumerate(contract.inputs))
    registers = {each.name: column.source for each, column in zip(contract.inputs, columns, strict=True)}
    prediction = _predicted(document, registers, writer)
    writer.document(Result(prediction.scores, prediction.link))
    inputs = tuple(replace(each, nullable=writer.domains.of[n].nullable) for n, each in enumerate(contract.inputs))
    if prediction.kind == "value":
        return Found(inputs, Output("value"))
    classes = prediction.classes
    positive = 1 if len(classes) == _TWO else 0
    kind = "probability" if prediction.kind == "probability" else "indicator"
    return Found(inputs, Output(kind, classes, positive))  # type: ignore[arg-type]


def _predicted(document: PmmlDocument, registers: dict[str, int], writer: Writer) -> Prediction:
    with budget():
        return _read(document, registers, writer)


def _read(document: PmmlDocument, registers: dict[str, int], writer: Writer) -> Prediction:
    shared = Document(document.fields, document.root.first("TransformationDictionary"), registers, writer)
    scope = Scope(shared, document.model)
    prediction = read_model(document.model, scope)
    if document.chosen is not None:
        return replace(chosen(document.chosen, prediction, scope), reason_codes=prediction.reason_codes)
    return _in_order(prediction, scope, writer)


def _in_order(prediction: Prediction, scope: Scope, writer: Writer) -> Prediction:
    """Of two classes the second is the one that the data dictionary has second: that is the positive one."""
    from .targets import target_of

    if len(prediction.classes) != _TWO or target_of(scope).categories != prediction.classes[::-1]:
        return prediction
    scores, decide = prediction.scores, prediction.decide
    scores = [writer.linear(scores, [-1.0])] if prediction.link in ("logistic", "sign") else scores[::-1]
    return replace(
        prediction,
        scores=scores,
        classes=prediction.classes[::-1],
        decide=None if decide is None else decide[::-1],
        tie="last" if prediction.tie == "first" else "first",
    )


PREDICTORS: dict[str, PredictorReader] = {"pgscore.readers.pmml.document.PmmlDocument": read_pmml}
