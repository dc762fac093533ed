"""The fields that a model's parts see: those of its mining schema, treated as it says, and derived ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn

from . import expressions
from .choices import any_absent
from .decisions import MOST_NODES
from .tables import as_number, code_column, failing, joined
from .treatments import inherited, is_default, prepared
from .values import MISSING, SAME, Number, Tabulated, of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore.readers.writing.writer import Writer

    from .dictionary import DataField
    from .values import Value
    from .xml import Element

# The usage types of fields that a row brings; others are what it is about.
ACTIVE = ("active", "supplementary", "group", "order")
_USAGES = (*ACTIVE, "target", "predicted", "frequencyWeight", "analysisWeight")
_MOST_NESTED = 100
_MOST_CALLED = 30


class Document:
    """What all models of a document share.

    Attributes:
        fields: of the data dictionary.
        derived: global derived fields.
        functions: that are defined in it.
        inputs: the raw value of each field that a row brings.
        writer: takes the steps.
        nodes_left: how many nodes trees may still take, all together.
        evaluated: how many expressions have been.
        called: how many of them in functions.
    """

    def __init__(
        self,
        fields: Mapping[str, DataField],
        transformations: Element | None,
        inputs: Mapping[str, int],
        writer: Writer,
    ) -> None:
        self.fields = fields
        self.inputs = inputs
        self.writer = writer
        self.nodes_left = MOST_NODES
        self.evaluated = 0
        self.called = 0
        shared = [] if transformations is None else transformations.children
        self.derived = {each.need("name"): each for each in shared if each.tag == "DerivedField"}
        self.functions = {each.need("name"): each for each in shared if each.tag == "DefineFunction"}

    def raw(self, field: DataField) -> Value:
        """What a row brings of a field, as it is."""
        register = self.inputs[field.name]
        if field.type == "string":
            return Tabulated("string", field.optype, register, is_text=True, table={}, other=SAME, missing=MISSING)
        if field.type == "boolean":
            return Tabulated(
                "boolean", field.optype, register, is_text=False, table={0.0: of(value=False), 1.0: of(value=True)},
                other=of(value=True), missing=MISSING,
            )  # fmt: skip
        return Number(field.type, field.optype, NumberColumn(register))


class Scope:
    """The fields that a model sees, as `ModelEvaluationContext` of jpmml-evaluator resolves them.

    Attributes:
        document: what all models share.
        model: the model's element.
        parent: of the mining model that it is a segment of, or None.
        writer: takes the steps.
        is_final: whether a row for which the model gives nothing has no score.
        is_call: whether it is that of a function that is called.
    """

    is_call = False

    def __init__(
        self, document: Document, model: Element, parent: Scope | None = None, *, is_final: bool | None = None
    ) -> None:
        self.document = document
        self.model = model
        self.parent = parent
        self.writer = document.writer
        self.is_final = parent is None if is_final is None else is_final
        self.schema = {each.need("name"): each for each in model.one("MiningSchema").all("MiningField")}
        for each in self.schema.values():
            each.choice("usageType", "active", _USAGES)
        local = model.first("LocalTransformations")
        self.derived = {} if local is None else {each.need("name"): each for each in local.all("DerivedField")}
        self._values: dict[str, Value] = {}
        self._asked: list[str] = []

    def declare(self, name: str, value: Value) -> None:
        """Makes a value known by a name, such as what an earlier segment gave."""
        self._values[name] = value

    def value(self, name: str, asker: Element) -> Value:
        """The value of a field.

        Args:
            name: the field's.
            asker: the element that names it, for messages.

        Raises:
            NotAProgramError: there is no such field, it is made of itself, or something in it is not supported.
        """
        if name not in self._values:
            if name in self._asked:
                raise asker.refused(f"reads the field {name!r}, which is made of itself")
            if len(self._asked) > _MOST_NESTED:
                raise asker.refused(f"reads fields that are made of each other more than {_MOST_NESTED} times")
            self._asked.append(name)
            try:
                self._values[name] = self._resolved(name, asker)
            finally:
                self._asked.pop()
        return self._values[name]

    def within(self, parameters: Mapping[str, Value], function: Element, asker: Element) -> Scope:
        """The scope of a function that is called in this one: it sees its parameters, and nothing else."""
        return _Call(self, parameters, function, asker)

    def _resolved(self, name: str, asker: Element) -> Value:
        mining = self.schema.get(name)
        if mining is None:
            derived = self.derived.get(name)
            if derived is None and self.parent is not None and self._is_default():
                shared = self.document.derived.get(name)
                if shared is not None:
                    return self.parent.value(name, asker)
            derived = derived if derived is not None else self.document.derived.get(name)
            if derived is not None:
                return expressions.derived(derived, self)
            raise asker.refused(f"reads the field {name!r}, which is not in the MiningSchema and not derived")
        field = self.document.fields.get(name)
        if self.parent is None:
            if field is None or name not in self.document.inputs:
                raise asker.refused(f"reads the field {name!r}, which no row brings")
            return prepared(field, mining, self.document.raw(field), self.writer)
        return inherited(field, mining, self.parent.value(name, asker), self.writer)

    def _is_default(self) -> bool:
        """Whether it takes all fields as its parent has them (`ModelEvaluator.assessParentCompatibility`)."""
        fields = self.document.fields
        return all(
            name not in fields or is_default(fields[name], mining)
            for name, mining in self.schema.items()
            if mining.get("usageType") in (None, *ACTIVE)
        )

    def number(self, name: str, asker: Element) -> Number:
        """The value of a field, as a number.

        Raises:
            NotAProgramError: it cannot be read as one.
        """
        return as_number(self.value(name, asker), asker.path, self.writer)

    def register(self, number: Number) -> int:
        """The register of a number."""
        column = number.column
        if isinstance(column, CodeColumn):
            return self.writer.lookup(column, list(column.keys))
        return self.writer.register(column)

    def require_present(self, number: Number) -> None:
        """Gives rows no score in which a number is missing."""
        if number.may_miss:
            self.writer.domains.of[self.register(number)].nullable = False

    def refuse_failing(self, value: Value, *, shown: bool = False, unless: Sequence[Value] = ()) -> None:
        """Gives rows no score in which asking for a value fails.

        Args:
            value: that something asks for in each row.
            shown: whether NaN in its place leads to no score either.
            unless: values of which one that is missing is reason enough to ask for no other.
        """
        if isinstance(value, Tabulated):
            tables = [failing(value)] if value.may_fail else []
        else:
            tables = [doubt.table for doubt in value.fails if not (doubt.shown and shown)]
        for table in tables:
            self._refuse(self._asked_for(table, unless) if unless else table)

    def _asked_for(self, table: Tabulated, unless: Sequence[Value]) -> Tabulated:
        place = self.model.path
        return joined(
            [table, any_absent(unless, self.writer, place)],
            lambda row: of(row[0].value is True and row[1].value is not True), "boolean", self.writer, place,
        )  # fmt: skip

    def _refuse(self, condition: Tabulated) -> None:
        inputs = len(self.writer.domains.contract.inputs)
        source = condition.source
        known = [key for key, outcome in condition.table.items() if not outcome.value]
        if source is not None and source < inputs and condition.other.kind == "value" and condition.other.value:
            self.writer.domains.of[source].restrict(known)
            if not (condition.missing.kind == "value" and condition.missing.value):
                return
        column = code_column(condition, lambda outcome: float(bool(outcome.value)), self.writer)
        register = self.writer.lookup(column, list(column.keys))
        domain = self.writer.domains.of[register]
        domain.maximum = min(domain.maximum, 0.0)


class _Call(Scope):
    """What a function sees that is called."""

    is_call = True

    def __init__(self, outer: Scope, parameters: Mapping[str, Value], function: Element, asker: Element) -> None:
        self.depth: int = getattr(outer, "depth", 0) + 1
        if self.depth > _MOST_CALLED:
            raise asker.refused(f"calls functions inside of each other more than {_MOST_CALLED} times")
        self.document, self.writer, self.parent = outer.document, outer.writer, None
        self.model = function
        self.schema, self.derived = {}, {}
        self._values = dict(parameters)
        self._asked = []

    def _resolved(self, name: str, asker: Element) -> Value:
        raise asker.refused(f"reads the field {name!r}, which is no parameter of the function")
