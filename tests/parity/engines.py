"""Publishing a fitted pipeline, and what each engine says of the rows of a table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pgscore
import psycopg2
from pgscore.readers import absolute_terms
from pgscore_runtime.contract import parse_contract
from pgscore_runtime.estimator import ServedEstimator
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

from .columns import logical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from sqlalchemy.engine import Engine

    from tests.support.database import Session

    Rows = Sequence[Sequence[Any]]

ENGINES = ("sql", "interpreter", "estimator")
# Each row that an estimator refuses in an array costs it a search.
_MOST_REFUSED = 6
# One row in a statement of its own costs scikit-learn milliseconds.
_ONE_BY_ONE = 8
_TYPES = """
create type parity_plan as enum
    ('gold', 'silver', 'tin', 'wood', 'zinc', 'GOLD', 'gold ', ' gold', '', 'oro ä', '𝄞');
create domain parity_money as numeric;
create domain parity_word as text collate "C";
"""


# How long engines take is not what is tested here, and measuring takes longer than all that is.
NO_MEASURE = """
create or replace function pgscore._measure(
    model text, version integer, engines text[], max_seconds double precision
) returns table (engine text, one_us double precision[], many_us double precision[])
language sql volatile
as 'select null, null::double precision[], null::double precision[] where false'
"""


class Kept(psycopg2.extensions.connection):
    """A connection that its user cannot close: the next one finds scikit-learn loaded in its backend."""

    def close(self) -> None:
        """Ends the transaction only."""
        self.rollback()


@dataclass
class Answer:
    """What an engine says of a row.

    Attributes:
        score: the score.
        outputs: the probabilities, or the value, or nothing; None where there is no score.
        label: the label.
    """

    score: float | None
    outputs: list[float] | None
    label: Any


class Lab:
    """A database where models are published and asked."""

    def __init__(self, session: Session, engine: Engine, key: Path, dsn: str) -> None:
        self.session = session
        self.dsn = dsn
        self.engine = engine
        self.key = key
        session.run(_TYPES)

    def publish(
        self,
        name: str,
        estimator: Any,  # noqa: ANN401
        sample: pd.DataFrame,
        types: Mapping[str, str],
        positive: str | None,
    ) -> Published:
        """Publishes a model for the table of its rows, which is made."""
        columns = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
        self.session.run(f"create table p_{name} (n integer primary key, {columns})")
        published = pgscore.publish(
            self.engine,
            name,
            estimator,
            golden=sample,
            profile=f"p_{name}",
            key=self.key,
            positive=positive,
        )
        assert published.problem is None
        assert published.obstacle is None
        return Published(self.session, name, estimator, types, {v.engine: v.ok for v in published.verifications})


@dataclass
class Published:
    """A published model, and the table of its rows."""

    session: Session
    name: str
    estimator: Any
    types: Mapping[str, str]
    verified: dict[str, bool]

    def __post_init__(self) -> None:
        contract, self.document = self.session.row(
            "select v.contract::text, p.program from pgscore.model_version v"
            " join pgscore.program p using (model, version) where model = %s",
            self.name,
        )
        self.contract = parse_contract(contract)
        self.rows: list[list[Any]] = []

    @property
    def is_linear(self) -> bool:
        """Whether no tree decides anything."""
        return all(step["step"] != "trees" for step in self.document["steps"])

    def insert(self, rows: Rows) -> None:
        """Puts rows into the table, as its columns hold them."""
        names = [each.name for each in self.contract.inputs]
        marks = ", ".join(["%s"] * (len(names) + 1))
        quoted = ", ".join(f'"{name}"' for name in names)
        texts = []
        for row in rows:
            pairs = [logical(self.types[name], value) for name, value in zip(names, row, strict=True)]
            texts.append([len(self.rows), *(text for text, _ in pairs)])
            self.rows.append([value for _, value in pairs])
        for start in range(0, len(texts), 100):
            part = texts[start : start + 100]
            self.session.run(
                f"insert into p_{self.name} (n, {quoted}) values {', '.join([f'({marks})'] * len(part))}",
                *(value for each in part for value in each),
            )
        self.session.run(f"analyze p_{self.name}")

    def serve(self, engine: str, *, prove: bool = False) -> None:
        """Has one engine answer, as a promotion does; proved first, which takes longest, only where that is wanted."""
        if prove:
            self.session.run("select pgscore.promote(%s, 1, engine => %s)", self.name, engine)
        else:
            self.session.run("select pgscore._serve(%s, 1, %s)", self.name, engine)
        assert self.session.value("select many_engine from pgscore.model where name = %s", self.name) == engine

    def expected(self) -> list[Answer | None]:
        """What scikit-learn says of each row; None for rows that it was not asked about, as it refuses others alike."""
        interpreter = Interpreter(parse_program(json.dumps(self.document)))
        _, reasons = interpreter.scores(len(self.rows), *self._arrays(self.rows), self.contract.output.positive)
        refused = [n for n, reason in enumerate(reasons) if reason is not None]
        asked = [n for n, reason in enumerate(reasons) if reason is None]
        served = ServedEstimator(self.estimator, self.contract)
        answers: list[Answer | None] = [None] * len(self.rows)
        for n in refused[:: 1 + len(refused) // _MOST_REFUSED]:
            single, (reason,) = served.outputs(1, *self._arrays([self.rows[n]]))
            assert reason is not None, (self.rows[n], reasons[n], single)
            answers[n] = Answer(None, None, None)
        outputs, wanted = served.outputs(len(asked), *self._arrays([self.rows[n] for n in asked]))
        for n, given, reason in zip(asked, outputs, wanted, strict=True):
            assert reason is None, (self.rows[n], reason)
            answers[n] = self._answer(given)
        return answers

    @cached_property
    def refused(self) -> list[bool]:
        """Whether the program refuses each row."""
        interpreter = Interpreter(parse_program(json.dumps(self.document)))
        _, reasons = interpreter.scores(len(self.rows), *self._arrays(self.rows), self.contract.output.positive)
        return [reason is not None for reason in reasons]

    def scales(self) -> list[float]:
        """For each row the sum of the absolute terms of its scores."""
        names = [each.name for each in self.contract.inputs]
        found = absolute_terms(self.document, [dict(zip(names, row, strict=True)) for row in self.rows])
        return [max(1.0, scale) for scale in found]

    def margins(self) -> list[float]:
        """For each row how far the largest score before the link is ahead."""
        raw = Interpreter(parse_program(json.dumps({**self.document, "link": "identity", "scores": self._scores()})))
        found = []
        numbers, texts = self._arrays(self.rows)
        for row_numbers, row_texts in zip(numbers, texts, strict=True):
            outputs, _ = raw.outputs(row_numbers, row_texts)
            ordered = sorted([0.0] * (len(outputs or []) == 1) + (outputs or []))
            found.append(ordered[-1] - ordered[-2] if len(ordered) > 1 else np.inf)
        return found

    def _scores(self) -> list[int]:
        scores: list[int] = self.document["scores"]
        return scores

    def _answer(self, outputs: Sequence[float | None]) -> Answer:
        if outputs[0] is None:
            return Answer(None, None, None)
        given = [float(each or 0) for each in outputs]
        output = self.contract.output
        if output.kind == "value":
            return Answer(given[0], given, None)
        label = output.classes[int(given[-1])]
        positive = output.positive or 0
        if output.kind == "indicator":
            return Answer(float(int(given[-1]) == positive), [], label)
        return Answer(given[positive], given[:-1], label)

    def _arrays(self, rows: Rows) -> tuple[list[list[Any]], list[list[Any]]]:
        texts = [each.is_text for each in self.contract.inputs]
        return (
            [[value for value, text in zip(row, texts, strict=True) if not text] for row in rows],
            [[value for value, text in zip(row, texts, strict=True) if text] for row in rows],
        )

    def asked_of(self, engine: str) -> list[int]:
        """The rows that an engine is asked about one by one."""
        everything = range(len(self.rows))
        return list(everything if engine != "estimator" else everything[:: max(1, len(self.rows) // _ONE_BY_ONE)])

    def scores(self, form: str, engine: str) -> dict[int, float | None]:
        """The scores of rows in one form of `pgscore.score`."""
        argument, source = {
            "typed": ("p", f"p_{self.name} p"),
            "json": ("to_jsonb(p)", f"p_{self.name} p"),
            "record": ("p", f"(select q.*, 1 as more from p_{self.name} q offset 0) p"),
        }[form]
        return dict(
            self.session.run(
                f"select p.n, pgscore.score('{self.name}', {argument}) from {source} where p.n = any (%s)",
                self.asked_of(engine),
            )
        )

    def bound_scores(self, engine: str, *, single: bool) -> dict[int, tuple[float | None, str | None]]:
        """Scores and reasons of rows in the form that bindings use: one row in a call, or many."""
        asked = self.asked_of(engine)
        if single:
            return {
                n: (scores[0], reasons[0])
                for n, scores, reasons in self.session.run(
                    f"select p.n, s.scores, s.reasons from p_{self.name} p,"
                    f" lateral pgscore._score_rows('{self.name}', array[p]) s where p.n = any (%s)",
                    asked,
                )
            }
        if engine == "estimator":
            refused = [n for n, each in enumerate(self.refused) if each][:_MOST_REFUSED]
            asked = [n for n, each in enumerate(self.refused) if not each] + refused
        version, ns, scores, reasons = self.session.row(
            "select (s.given).version, s.ns, (s.given).scores, (s.given).reasons from ("
            f"select array_agg(p.n) as ns, pgscore._score_rows('{self.name}', array_agg(p)) as given"
            f" from p_{self.name} p where p.n = any (%s) offset 0) s",
            asked,
        )
        assert version == 1
        return {n: (score, reason) for n, score, reason in zip(ns, scores, reasons, strict=True)}

    def predictions(self, engine: str) -> dict[int, Answer]:
        """What `pgscore.predict` says of rows."""
        output = self.contract.output
        found = {}
        for n, given in self.session.run(
            f"select p.n, pgscore.predict('{self.name}', to_jsonb(p)) from p_{self.name} p where p.n = any (%s)",
            self.asked_of(engine),
        ):
            if given is None:
                found[n] = Answer(None, None, None)
            elif output.kind == "value":
                assert set(given) == {"version", "value"}
                found[n] = Answer(given["value"], [given["value"]], None)
            elif output.kind == "indicator":
                assert set(given) == {"version", "label"}
                label = given["label"]
                found[n] = Answer(float(output.classes.index(label) == output.positive), [], label)
            else:
                assert set(given["probabilities"]) == set(map(str, output.classes))
                outputs = [given["probabilities"][str(label)] for label in output.classes]
                found[n] = Answer(outputs[output.positive or 0], outputs, given["label"])
        return found
