"""Reader of pandas.DataFrame.eval: columns that are computed of others, as ``ratio = calls / months``.

Python's own parser makes a tree of the text, and only what stands here is read of it; nothing is evaluated.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, Column, NumberColumn, Operation, Table, TextColumn, constant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sklearn.preprocessing import FunctionTransformer

    from pgscore.readers.writing.writer import Writer

    Number = NumberColumn | CodeColumn
    Value = float | Number

# What pandas knows by these names, and programs too.
_CALLED = ("abs", "sqrt", "log", "log10", "log1p", "exp", "expm1", "tanh", "floor", "ceil")
_STEPS = ("sin", "cos")
_OPTIONS = {"engine": ("python", "numexpr", None), "parser": ("pandas", None), "inplace": (False, None)}
_MOST_FACTORS = 100


def read_expressions(
    transformer: FunctionTransformer, arguments: dict[str, Any], table: Table, writer: Writer, part: str
) -> Table:
    """The columns of the frame, and those that its lines assign: the same name replaces a column.

    Raises:
        NotAProgramError: a line is no assignment, or says more than programs know.
    """
    text = arguments.pop("expr", None)
    if not isinstance(text, str):
        raise NotAProgramError(part, "calls pandas.DataFrame.eval without the argument expr")
    for name, value in arguments.items():
        if value not in _OPTIONS.get(name, ()):
            raise NotAProgramError(part, f"calls pandas.DataFrame.eval with {name} = {value!r}")
    names = getattr(transformer, "feature_names_in_", None)
    if names is None:
        raise NotAProgramError(part, "calls pandas.DataFrame.eval of columns without names")
    columns: dict[str, Column] = dict(zip((str(name) for name in names), table.columns, strict=True))
    for line in filter(None, (each.strip() for each in text.splitlines())):
        name, tree = _assignment(line, part)
        try:
            value = _Expression(columns, writer, part, line).read(tree)
        except RecursionError:
            raise NotAProgramError(part, f"has the line {line[:60]!r}…, which is too long") from None
        if isinstance(value, float):
            value = constant(table.columns[0], value)
        columns[name] = value
    return Table(tuple(columns.values()))


def _assignment(line: str, part: str) -> tuple[str, ast.expr]:
    try:
        body = ast.parse(line).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = []
    match body:
        case [ast.Assign(targets=[ast.Name(id=name)], value=tree)]:
            return name, tree
    raise NotAProgramError(part, f"has the line {line!r}, which is no assignment such as ratio = a / b")


class _Expression:
    """The right side of an assignment, as steps."""

    def __init__(self, columns: Mapping[str, Column], writer: Writer, part: str, line: str) -> None:
        self._columns, self._writer, self._part, self._line = columns, writer, part, line

    def read(self, tree: ast.expr) -> Value:
        """The number, or the column, that an expression is."""
        match tree:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return self._column(name)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                value = self.read(inner)
                return -value if isinstance(value, float) else self._then(value, Operation("multiply", -1.0))
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as power)) if power > 1:
                return self._power(self.read(left), power)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                return self._combined(self.read(left), type(operator), self.read(right))
            case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]):
                return self._called(name, self.read(inner))
        raise self._refused()

    def _refused(self, why: str = "says more than numbers, names, + - * /, powers and functions") -> NotAProgramError:
        return NotAProgramError(self._part, f"has the line {self._line!r}, which {why}")

    def _column(self, name: str) -> Number:
        column = self._columns.get(name)
        if column is None:
            raise self._refused(f"names {name!r}, which is no column")
        if isinstance(column, TextColumn):
            raise self._refused(f"computes with the text {name!r}")
        if not getattr(column, "operations", True) and self._writer.domains.is_boolean(column.source):
            raise self._refused(f"computes with the boolean {name!r}")
        return column

    def _then(self, column: Number, *operations: Operation) -> Number:
        found = self._writer.then(Table((column,)), self._part, [operations]).columns[0]
        assert not isinstance(found, TextColumn)  # noqa: S101  told the type checker
        return found

    def _combined(self, left: Value, operator: type[ast.operator], right: Value) -> Value:
        names = _OPERATORS[operator]
        if isinstance(left, float) and isinstance(right, float):
            raise self._refused("computes with two constants")
        if isinstance(right, float) and not isinstance(left, float):
            if right == 0 and operator is ast.Div:
                raise self._refused("divides by 0")
            return self._then(left, Operation(names, right))
        if isinstance(left, float) and not isinstance(right, float):
            if operator in (ast.Add, ast.Mult):
                return self._then(right, Operation(names, left))
            if operator is ast.Sub:
                return self._then(right, Operation("multiply", -1.0), Operation("add", left))
            left = constant(right, left)
        assert not isinstance(left, float) and not isinstance(right, float)  # noqa: S101, PT018  told the type checker
        of = [self._writer.register(left), self._writer.register(right)]
        if operator is ast.Mult:
            return NumberColumn(self._writer.add({"step": "product", "of": of}))
        if operator is ast.Div:
            self._writer.domains.refuse_rough(of[1])
            return NumberColumn(self._writer.add({"step": "ratio", "of": of}))
        return NumberColumn(self._writer.linear(of, [1.0, 1.0 if operator is ast.Add else -1.0]))

    def _power(self, value: Value, power: int) -> Value:
        if isinstance(value, float) or power > _MOST_FACTORS:
            raise self._refused()
        if power == 2:  # noqa: PLR2004
            return self._then(value, Operation("square"))
        return NumberColumn(self._writer.add({"step": "product", "of": [self._writer.register(value)] * power}))

    def _called(self, name: str, value: Value) -> Value:
        if isinstance(value, float) or not (name in _STEPS or name in _CALLED):
            raise self._refused(f"calls {name} of a constant, or as no function that programs know")
        if name in _STEPS:
            return NumberColumn(self._writer.function(name, self._writer.register(value)))
        return self._then(value, Operation(name))


_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
}
