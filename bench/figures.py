"""All figures and what is wanted of them: the design's promises."""

from __future__ import annotations

from . import (
    bulk,
    connections,
    copying,
    first_score,
    floor,
    handwritten,
    hot,
    inserts,
    large,
    many_statements,
    memory,
    neighbours,
    onnx_runtime,
    pickled,
    single_row,
    soak,
    spark,
)
from .figure import Figure, at_least, at_most
from .models import FOREST, LINEAR, ONE_HOT, TREES

FIGURES = (
    Figure("linear-one-row/pickled", at_most(1 / 50), single_row.compare(LINEAR, pickled.NAME)),
    Figure("linear-bulk/handwritten", at_least(0.8), bulk.compare(LINEAR, handwritten.NAME)),
    Figure("linear-first-score/pickled", at_least(50), first_score.compare(LINEAR, pickled.NAME)),
    Figure("linear-memory", at_most(8), memory.gained(LINEAR)),
    Figure("trees-one-row/handwritten", at_most(1 / 3), single_row.compare(TREES, handwritten.NAME)),
    Figure("trees-one-row/onnx", at_most(1 / 2), single_row.compare(TREES, onnx_runtime.NAME)),
    Figure("trees-bulk/handwritten", at_least(0.8), bulk.compare(TREES, handwritten.NAME)),
    Figure("trees-first-score/pickled", at_least(50), first_score.compare(TREES, pickled.NAME)),
    Figure("trees-memory", at_most(8), memory.gained(TREES)),
    Figure("insert-linear-statement/counting", at_most(1.35), inserts.compare(LINEAR, "statement")),
    Figure("insert-linear-commit/counting", at_most(2), inserts.compare(LINEAR, "commit")),
    Figure("insert-trees-statement/counting", at_most(1.9), inserts.compare(TREES, "statement")),
    Figure("insert-trees-commit/counting", at_most(2.5), inserts.compare(TREES, "commit")),
    Figure("ten-statements-commit/counting", at_most(1), inserts.compare(LINEAR, "commit", inserts.TEN_STATEMENTS)),
    Figure("ten-rows-commit/counting", at_most(1), inserts.compare(LINEAR, "commit", inserts.TEN_ROWS)),
    Figure("first-insert/counting", at_most(6), connections.first),
    Figure("later-inserts/counting", at_most(4), connections.later),
    Figure("many-statements/counting", at_most(2), many_statements.compare),
    Figure("neighbours", at_most(1.05), neighbours.compare),
    Figure("copy/set-based-counting", at_least(0.5), copying.against_set_based),
    Figure("copy/pickled", at_least(50), copying.against_pickled),
    Figure("hot-customer/counting", at_least(3), hot.throughput),
    Figure("soak", None, soak.soak, quick=False),
    Figure("spark", None, spark.rates, quick=False),
    Figure("forest", None, large.state(FOREST)),
    Figure("one-hot-1000", None, large.state(ONE_HOT)),
    Figure("trees-one-row/empty-plpython", None, floor.share),
    Figure("plpython", None, floor.state, quick=False),
)
