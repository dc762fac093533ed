"""What is found as figures: of a comparison and of an explanation, also where there is no notebook."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib.figure import Figure

    from pgscore.overview import Comparison, Explanation

# Told apart without colours too: they stand on two sides of a line.
_MORE, _LESS, _PLAIN = "#b2182b", "#2166ac", "#4d4d4d"
_SHOWN = 12
_DPI = 100


def comparison_figure(found: Comparison) -> Figure:
    """How far scores move, and the rows that move most: what `pgscore compare` lists."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    changes, rows = figure.subplots(1, 2)
    changes.bar(
        [each.begins for each in found.histogram],
        [each.rows for each in found.histogram],
        [each.ends - each.begins for each in found.histogram],
        align="edge",
        color=_PLAIN,
    )
    changes.axvline(0, color="black", linewidth=0.8)
    if any(each.rows for each in found.histogram):
        changes.set_yscale("symlog", linthresh=1)
        changes.set_ylim(bottom=0)
    changes.set(title="how far scores move", xlabel="change of the score", ylabel="rows")
    most = found.most[:_SHOWN][::-1]
    for place, each in enumerate(most):
        colour = _MORE if each.change > 0 else _LESS
        rows.plot([each.score, each.other], [place, place], color=colour, zorder=1)
        rows.scatter([each.score], [place], color="white", edgecolor=colour, zorder=2)
        rows.scatter([each.other], [place], color=colour, zorder=2)
    rows.set_yticks(range(len(most)), [each.key for each in most])
    rows.set(title="rows that move most", xlabel=f"score: ○ version {found.version}, ● version {found.other}")
    if found.threshold is not None:
        rows.axvline(found.threshold, color="black", linestyle="dotted")
    figure.suptitle(f"{found.model}: version {found.other} instead of {found.version}, {found.compared:,} rows")
    return figure


def explanation_figure(found: Explanation) -> Figure:
    """What each input adds to a score, from the base to the whole: what `pgscore explain` lists."""
    from matplotlib.figure import Figure

    shown = found.contributions[:_SHOWN]
    rest = found.contributions[_SHOWN:]
    bars = [(f"{each.input} = {each.value if each.value is not None else 'NULL'}", each.contribution) for each in shown]
    if rest:
        bars.append((f"{len(rest)} others", sum(each.contribution for each in rest)))
    figure = Figure(figsize=(8, 1.4 + 0.3 * len(bars)), layout="constrained")
    axes = figure.subplots()
    begins = found.base
    for place, (_, added) in enumerate(bars):
        axes.barh(place, added, left=begins, color=_MORE if added > 0 else _LESS)
        begins += added
    axes.axvline(found.base, color="black", linewidth=0.8, linestyle="dotted")
    axes.axvline(found.total, color="black", linewidth=0.8)
    axes.set_yticks(range(len(bars)), [name for name, _ in bars])
    axes.invert_yaxis()
    axes.set(
        title=f"{found.model} version {found.version}",
        xlabel=f"from the base {found.base:.3g} (dotted) to {found.total:.3g}, in the space of the link",
    )
    return figure


def register(shell: InteractiveShell) -> None:
    """Has a notebook show comparisons and explanations as figures."""
    display: Any = shell.display_formatter
    formatter = display.mimebundle_formatter
    formatter.for_type_by_name("pgscore.overview.compare", "Comparison", _shown(comparison_figure, _compared))
    formatter.for_type_by_name("pgscore.overview.explain", "Explanation", _shown(explanation_figure, _explained))


def _shown(draw: Callable[[Any], Figure], say: Callable[[Any], str]) -> Callable[..., Any]:
    def bundle(found: Any, include: object = None, exclude: object = None) -> Any:  # noqa: ANN401
        sentence = say(found)
        try:
            drawn = draw(found)
        except ModuleNotFoundError:
            return {"text/plain": f"{sentence} (pip install matplotlib has it drawn.)"}
        png = io.BytesIO()
        drawn.savefig(png, format="png", dpi=_DPI)
        return {"text/plain": sentence, "image/png": png.getvalue()}, {"image/png": {"alt": sentence}}

    return bundle


def _compared(found: Comparison) -> str:
    return (
        f"{found.model}, version {found.other} instead of {found.version}: {found.moved:,} of {found.compared:,} scores"
        f" move, by {found.mean or 0:.3g} in the mean."
    )


def _explained(found: Explanation) -> str:
    strongest = found.contributions[0].input if found.contributions else "nothing"
    return (
        f"{found.model} version {found.version}: from the base {found.base:.3g} to {found.total:.3g}; {strongest} adds"
        " most."
    )
