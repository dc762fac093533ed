"""What Spark's workers make of messages: events, or the reason why one is none; and of events, profiles with scores.

These run in workers: nothing here connects to anything.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pgscore_runtime.errors import Refusal

from pgscore.bundle.opened import as_malformed
from pgscore.bundle.payload import arrays
from pgscore.bundle.reducing.binding import Binding
from pgscore.bundle.reducing.values import column_type
from pgscore.errors import PgscoreError
from pgscore.stream.messages import Dead, Raw, understood

from .scoring import worker_scorer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgscore.stream.messages import Decode
    from pgscore.vector.fetching import FetchedVersion
    from pgscore.vector.scorer import Scorer

# Of profiles that are scored together.
_SCORED = 2000
# A message's place, what it was, and what was read of it: its event as JSON, the profile's key, or why it is no event.
READ = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))),
        ("event", pa.string()),
        ("profile", pa.string()),
        ("reason", pa.string()),
    ]
)
# What a message is, and why it is none.
MESSAGE = tuple(READ.names[:6])
DEAD = (*MESSAGE, "reason")
# A profile as it is to be, or a message that cannot move it.
MOVED = pa.schema(
    [
        ("profile", pa.string()),
        ("place", pa.string()),
        ("moved", pa.string()),
        ("events", pa.int64()),
        ("score", pa.float64()),
        ("version", pa.int32()),
        *(READ.field(name) for name in DEAD),
    ]
)


def read_messages(
    batches: Iterator[pa.RecordBatch], decode: Decode | None, binding: str | None
) -> Iterator[pa.RecordBatch]:
    """Reads messages.

    Args:
        batches: topic, partition, offset, key and value of each.
        decode: what makes an event of a value; None: it is JSON.
        binding: the definition as a bundle has a binding, by whose key profiles are told; None: nobody asks for them.

    Yields:
        As many rows, as `READ` says.
    """
    keys = None if binding is None else _Keys(json.loads(binding))
    for batch in batches:
        found = [_read(raw(each), decode, keys) for each in batch.to_pylist()]
        columns = [batch[name].cast(READ.field(name).type) for name in MESSAGE]
        texts = [pa.array([each[n] for each in found], pa.string()) for n in range(3)]
        yield pa.RecordBatch.from_arrays([*columns, *texts], schema=READ)


def raw(message: Mapping[str, Any]) -> Raw:
    """A message as the broker gave it."""
    headers = tuple((each["key"], each["value"]) for each in message["headers"] or ())
    topic, partition, offset, key, value = (message[name] for name in MESSAGE[:5])
    return Raw(topic, partition, offset, key, value, None, headers)


def _read(given: Raw, decode: Decode | None, keys: _Keys | None) -> tuple[str | None, str | None, str | None]:
    """The event as JSON and its profile's key, or why it is none."""
    found = understood(given, decode)
    if isinstance(found, Dead):
        return None, None, found.reason
    try:
        return found.text, None if keys is None else keys.of(found.event), None
    except PgscoreError as error:
        return None, None, str(error)


class _Keys:
    """The key of the profile that an event moves."""

    def __init__(self, binding: Mapping[str, Any]) -> None:
        self._columns = [
            (name, column_type(binding["event_columns"][name]), column_type(binding["profile_columns"][profile]))
            for name, profile in zip(binding["event_key"], binding["profile_key"], strict=True)
        ]

    def of(self, event: Mapping[str, Any]) -> str | None:
        """Its texts, as a JSON array; None where one of them is NULL, or not there."""
        found = []
        for name, of_event, of_profile in self._columns:
            value = of_event.read(event.get(name), f'column "{name}"')
            if value is None:
                return None
            found.append(str(of_profile.read(value, f'column "{name}"')))
        return json.dumps(found, ensure_ascii=False)


class Work(NamedTuple):
    """What workers reduce and score with.

    Attributes:
        name: a name of the version, unlike any other.
        version: the version; None: none answers, and profiles move unscored.
        binding: the definition as a bundle has a binding, in JSON.
    """

    name: str
    version: FetchedVersion | None
    binding: str


class _Moved(NamedTuple):
    profile: str
    place: str
    moved: str
    events: int
    inputs: dict[str, Any]


@cache
def _binding(text: str) -> tuple[Binding, tuple[str, ...]]:
    """What reduces, and the columns of its events."""
    document = json.loads(text)
    try:
        return Binding(document, "the definition"), tuple(document["event_columns"])
    except Refusal as refusal:
        raise as_malformed(refusal) from None


def move_profiles(batches: Iterator[pa.RecordBatch], work: Work) -> Iterator[pa.RecordBatch]:
    """Reduces events, and scores the profiles.

    Args:
        batches: rows of `READ` and, as `state`, the profile as JSON; those of one profile together, in their order.
        work: the version, and the reducers.

    Yields:
        Rows of `MOVED`: one for each profile, and one for each message that moves none.
    """
    scorer = None if work.version is None else worker_scorer(work.name, work.version)
    binding, columns = _binding(work.binding)
    moved: list[_Moved] = []
    dead: list[dict[str, Any]] = []
    rows = chain.from_iterable(batch.to_pylist() for batch in batches)
    for _, own in groupby(rows, key=lambda row: row["profile"]):
        found = _reduced(list(own), binding, columns, dead)
        if found is not None:
            moved.append(found)
        if len(moved) + len(dead) >= _SCORED:
            yield from _given(moved, dead, scorer)
            moved, dead = [], []
    yield from _given(moved, dead, scorer)


def _reduced(
    rows: list[dict[str, Any]], binding: Binding, names: tuple[str, ...], dead: list[dict[str, Any]]
) -> _Moved | None:
    """A profile after its events; those that cannot move it are left out of it."""
    state = json.loads(rows[0]["state"], parse_float=Decimal)
    profile: dict[str, Any] = state["profile"]
    given = [json.loads(each["event"], parse_float=Decimal) for each in rows]
    # What is not there is NULL.
    events = [{name: each.get(name) for name in names} for each in given]
    try:
        after, count = binding.reduce(profile, events), len(events)
    except PgscoreError:
        # One after the other, to find out which.
        after, count = profile, 0
        for row, event in zip(rows, events, strict=True):
            try:
                after = binding.reduce(after, [event])
                count += 1
            except PgscoreError as error:
                dead.append({name: row[name] for name in MESSAGE} | {"reason": str(error)})
    if not count:
        return None
    columns = {name: _shown(after[name]) for name in binding.columns}
    inputs = state["inputs"] | {name: after[name] for name in binding.columns}
    return _Moved(rows[0]["profile"], state["place"], json.dumps(columns, ensure_ascii=False), count, inputs)


def _shown(value: Any) -> str | None:  # noqa: ANN401
    """A value as PostgreSQL reads it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)  # nan and inf too
    return value.isoformat() if isinstance(value, date) else str(value)


def _given(moved: list[_Moved], dead: list[dict[str, Any]], scorer: Scorer | None) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, Any]] = [
        {
            "profile": each.profile,
            "place": each.place,
            "moved": each.moved,
            "events": each.events,
            "score": score,
            "version": None if scorer is None else scorer.version,
        }
        for each, score in zip(moved, _scores([each.inputs for each in moved], scorer), strict=True)
    ]
    yield from pa.Table.from_pylist(rows + dead, schema=MOVED).to_batches()


def score_states(states: list[dict[str, Any]], scorer: Scorer) -> list[float | None]:
    """The scores of profiles as `moving.Mover.read` gives them."""
    read = [json.loads(each["state"], parse_float=Decimal) for each in states]
    return _scores([each["profile"] | each["inputs"] for each in read], scorer)


def _scores(rows: list[dict[str, Any]], scorer: Scorer | None) -> list[float | None]:
    if scorer is None:
        return [None] * len(rows)
    found = scorer.evaluate(_columns(rows, scorer), len(rows)).scores.tolist()
    return [None if np.isnan(score) else score for score in found]


def _columns(rows: list[dict[str, Any]], scorer: Scorer) -> list[Any]:
    read = [arrays(scorer.inputs, row) for row in rows]
    columns: list[Any] = []
    positions = {True: 0, False: 0}
    for each in scorer.inputs:
        position = positions[each.is_text]
        positions[each.is_text] += 1
        values = [row[each.is_text][position] for row in read]
        if each.is_text:
            texts = np.empty(len(rows), dtype=object)
            texts[:] = values
            columns.append(texts)
        else:
            columns.append(np.array([np.nan if v is None else v for v in values], dtype=np.float64))
    return columns
