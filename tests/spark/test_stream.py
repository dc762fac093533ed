"""Messages through Spark Structured Streaming: each does what it does once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import pgscore.spark
import pytest

from tests.spark.streams import events

if TYPE_CHECKING:
    from tests.spark.streams import Stream


@pytest.mark.parametrize("into", ["events", "profile"])
def test_each_message_counts_once(stream: Stream, into: str) -> None:
    sent = events(300)
    stream.send(sent[:200])
    batches = stream.run(into=into, batch=120)
    assert sum(each.stored for each in batches) == 200
    assert len(batches) > 1
    assert {each.version for each in batches} == {1 if into == "profile" else None}
    stream.assert_right(into, sent[:200])
    # A query that is started again.
    stream.send(sent[200:])
    assert [each.stored for each in stream.run(into=into)] == [100]
    stream.assert_right(into, sent)
    # One with an empty checkpoint.
    assert stream.run(into=into, checkpoint=str(stream.place / "other")) in ([], [pgscore.spark.Batch(0)])
    stream.assert_right(into, sent)
