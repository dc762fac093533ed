"""What the command says: tables for people, JSON for programs, progress where somebody watches."""

from __future__ import annotations

import json
import math
import sys
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.bar import Bar
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from pgscore.progress import Step, no_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

# Wide enough that nothing is wrapped or cut where a program, or a file, takes the text.
_UNLIMITED = 100_000
_BAR = 40
_STYLES = {"ok": "green", "notice": "cyan", "warning": "yellow", "error": "bold red", "problem": "bold red"}


def say(*sentences: str) -> None:
    """Prints sentences for people, each on a line of its own."""
    for sentence in sentences:
        console().print(Text(sentence))


def tell(sentence: str) -> None:
    """Says on stderr how work goes on."""
    print(f"pgscore: {sentence}", file=sys.stderr, flush=True)


def warn(sentence: str, pause: float) -> None:
    """Says on stderr what is tried again, in so many seconds."""
    tell(f"{' '.join(sentence.split())}; once more in {pause:.0f} s")


def console() -> Console:
    """Standard output: folded to the width of a terminal, and plain text without end where it is none."""
    terminal = sys.stdout.isatty()
    return Console(
        markup=False,
        highlight=False,
        emoji=False,
        width=None if terminal else _UNLIMITED,
        force_terminal=terminal,
        # In a notebook too it is text that is printed.
        force_jupyter=False,
    )


def table(columns: Iterable[str], lines: Iterable[Iterable[object]]) -> None:
    """Prints a table; numbers stand to the right, None is left blank, levels of findings are coloured."""
    cells = [list(line) for line in lines]
    made = Table(box=None, pad_edge=False, header_style="bold")
    for position, column in enumerate(columns):
        numbers = all(isinstance(line[position], int | float | None) for line in cells)
        made.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for line in cells:
        made.add_row(*(_cell(value) for value in line))
    _print(console(), made)


def bars(columns: Iterable[str], lines: Sequence[tuple[Iterable[object], int]]) -> None:
    """Prints a table whose lines end in bars, as long as their number; where it is no terminal, forty signs at most."""
    longest = max((number for _, number in lines), default=0) or 1
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in (*columns, ""):
        made.add_column(column, justify="right" if column else "left")
    output = console()
    for cells, number in lines:
        signs = "#" * -(-_BAR * number // longest)
        bar = Bar(longest, 0, number, width=_BAR) if output.is_terminal else Text(signs)
        made.add_row(*(_cell(value) for value in cells), bar)
    _print(output, made)


def print_json(document: object) -> None:
    """Prints one JSON document; times are in ISO 8601, and numbers that JSON lacks are the texts Infinity and NaN."""
    sys.stdout.write(json.dumps(jsonable(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def steps(title: str, *, of_bytes: bool = True) -> Iterator[Step]:
    """A progress display on stderr, where that is a terminal; call what it gives with what begins now.

    Its numbers are of bytes, or of pieces that are counted.
    """
    display = Console(stderr=True, markup=False, force_jupyter=False, force_terminal=sys.stderr.isatty())
    if not display.is_interactive:
        yield no_step
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        _Part(BarColumn(bar_width=30)),
        _Part(DownloadColumn() if of_bytes else MofNCompleteColumn()),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=display, transient=True) as progress:
        task = progress.add_task(title, total=None)

        def step(text: str, done: int | None = None, total: int | None = None) -> None:
            progress.update(task, description=f"{title}: {text}", completed=done or 0)
            # None would leave the last step's total standing.
            progress.tasks[0].total = total

        yield step


class _Part(ProgressColumn):
    """A column that is there only while it is known how much there is to do."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> RenderableType:
        return Text("") if task.total is None else self._column(task)


def _print(output: Console, made: Table) -> None:
    with output.capture() as capture:
        output.print(made)
    # The padding at the end of each line is for nobody.
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def _cell(value: object) -> Text:
    if value is None:
        return Text("")
    if isinstance(value, datetime):
        return Text(value.astimezone().strftime("%Y-%m-%d %H:%M"))
    if isinstance(value, float):
        return Text(f"{value:g}")
    return Text(str(value), style=_STYLES.get(str(value), ""))


def jsonable(value: Any) -> Any:  # noqa: ANN401
    """A value as JSON can have it: times in ISO 8601, and numbers that JSON lacks as texts."""
    if isinstance(value, dict):
        return {str(name): jsonable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    return value
