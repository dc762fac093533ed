"""Exporting the scores of a model: one snapshot, a target, and the account of it."""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg2

from pgscore.database import Database, as_refusal, as_unreadable, connected, transaction
from pgscore.errors import BusyError, PgscoreError, UnreachableError
from pgscore.progress import no_step

from . import account, dispatch
from .records import Exported, Options, Plan, Stamp
from .source import find_plan, refuse_null_keys, settle, stream
from .target import KeyedTarget, needs
from .workers import reading, workers_connect_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pgscore.progress import Step

    from .target import Row, Target

RETRIES = 3
"""How often an export is tried again, unless told otherwise."""

_LONGEST_WAIT = 30.0


def export_scores(
    database: Database,
    model: str,
    to: str,
    *,
    profile: str | None = None,
    binding: str | None = None,
    columns: Sequence[str] = (),
    changed: bool = False,
    pattern: str | None = None,
    value: str | None = None,
    expire: int | None = None,
    table: str | None = None,
    delete_missing: bool = False,
    workers: int = 1,
    retries: int = RETRIES,
    progress: Step = no_step,
) -> Exported:
    """Exports the scores of a model to where they are read.

    All of them are of one snapshot. Until it is complete the target holds what the last export has left; one that was
    interrupted is not noted, and the next one does its work.

    Args:
        database: a connection string, an SQLAlchemy engine on psycopg2, or a connection of psycopg2.
        model: the model's name.
        to: ``redis://…``, ``sftp://…``, a URL of SQLAlchemy's, or a path that ends in ``.csv`` or ``.parquet``.
        profile: the profile table, where the model scores several.
        binding: the binding's name, where several with other columns score one table.
        columns: further columns of the profile table.
        changed: whether to export only what may have changed since the last export to this target.
        pattern: Redis: what keys are called: ``churn:{key}``, or with the key's columns ``churn:{shop}:{number}``.
        value: Redis: ``number``, or ``hash`` with version and time.
        expire: Redis: after how many seconds keys go.
        table: databases: the table, with its schema if need be; ``churn_scores`` without it.
        delete_missing: Redis and databases: whether keys and rows of profiles that are gone are removed there. Whatever
            else stands under such keys, or in the table, goes too.
        workers: how many connections read the table.
        retries: how often to try again what may pass, each time after a longer wait.
        progress: is told how many rows are exported.

    Raises:
        UnreachableError: the database or the target cannot be reached, or the connection was lost, at each try.
        BusyError: another export to this target is under way, or a lock could not be had, at each try.
        NotFoundError: no binding stores such scores.
        DeniedError: the caller may not read the profile table.
        PgscoreError: the target does not take these columns, is full, or refuses.
    """
    try:
        import tenacity
    except ModuleNotFoundError:
        raise needs("tenacity") from None
    target = dispatch.target(to, Options(pattern, value, expire, table, delete_missing or None))
    target.check(changed=changed)
    if workers > 1:
        workers_connect_to(database)
    order = _Order(database, model, target, profile, binding, columns, changed, workers, progress)
    tries = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(retries + 1),
        wait=tenacity.wait_exponential_jitter(initial=1, max=_LONGEST_WAIT),
        retry=tenacity.retry_if_exception_type((UnreachableError, BusyError)),
        before_sleep=lambda state: progress(f"waiting to try again ({_sentence(state)})"),
        reraise=True,
    )
    found: Exported = tries(order.carry_out)
    return found


def _sentence(state: object) -> str:
    outcome = getattr(state, "outcome", None)
    return str(outcome.exception()) if outcome is not None else ""


@dataclass(frozen=True)
class _Order:
    """What was asked for; carried out once for each try."""

    database: Database
    model: str
    target: Target
    profile: str | None
    binding: str | None
    columns: Sequence[str]
    changed: bool
    workers: int
    progress: Step

    def carry_out(self) -> Exported:
        with connected(self.database) as connection, closing(self.target):
            with transaction(connection):
                settle(connection)
                plan = self._plan(connection)
                number = account.open_account(connection, plan, self.target.where)
                # Within the transaction, in which no session is idle for too long.
                self.progress("connecting")
                self.target.prepare(plan)
            try:
                with connection:
                    settle(connection)
                    taken = account.take_snapshot(connection, plan, number)
                    if self._plan(connection) != plan:
                        raise BusyError(f"table {plan.profile} was changed meanwhile", "Run it again.")
                    return self._export(connection, plan, taken)
            except psycopg2.Error as error:
                raise as_refusal(error) from None
            except UnicodeError as error:
                raise as_unreadable(error) from None

    def _plan(self, connection: Connection) -> Plan:
        return find_plan(connection, self.model, self.profile, self.binding, self.columns)

    def _export(self, connection: Connection, plan: Plan, taken: account.Account) -> Exported:
        why_all = self._why_all(taken)
        only = self.changed and why_all is None
        profiles = refuse_null_keys(connection, plan)
        total = None if only else _estimated(connection, plan)
        tally = _Tally(plan.position("version"))
        stamp = str(uuid.uuid4())
        # Others have refused the option.
        keyed = self.target if isinstance(self.target, KeyedTarget) and self.target.options.delete_missing else None
        try:
            self.target.begin(stamp, changed=only)
            with self._reading(connection, plan, taken, [taken.changed()] if only else []) as batches:
                for batch in batches:
                    self.target.write(batch)
                    if keyed is not None and not only:
                        keyed.keep(batch)
                    tally.add(batch)
                    self.progress("exporting", tally.rows, max(total, tally.rows) if total else None)
            if keyed is not None and only:
                self._keep_all(keyed, connection, plan, profiles)
            at = datetime.fromisoformat(taken.at).replace(tzinfo=UTC)
            before = taken.last["stamp"] if only and taken.last else None
            complete = Stamp(stamp, plan.model, plan.profile, tally.rows, tally.versions(), at, only, before)
            account.record(connection, taken, complete)
            self.progress("completing", tally.rows, tally.rows or None)
            details = self.target.finish(complete)
        except BaseException:
            self.target.abandon()
            raise
        place = self.target.address.shown
        return Exported(
            plan.model, plan.profile, place, tally.rows, complete.versions, at, only, why_all, stamp, details
        )

    def _keep_all(self, keyed: KeyedTarget, connection: Connection, plan: Plan, profiles: int) -> None:
        """Tells the target which profiles there are, changed or not."""
        if not keyed.may_hold_more(profiles):
            return
        kept = 0
        for batch in stream(connection, replace(plan, columns=plan.columns[: plan.key + 1]), []):
            keyed.keep(batch)
            kept += len(batch)
            self.progress("looking for what is gone", kept, profiles)

    def _why_all(self, taken: account.Account) -> str | None:
        if not self.changed:
            return None
        if taken.number is None:
            raise PgscoreError(
                "transactions are read-only here, so nothing can be noted: --changed is not to be had",
                "Export all rows, or from the primary; or set default_transaction_read_only off for this role.",
            )
        return taken.why_all(self.target)

    @contextmanager
    def _reading(
        self, connection: Connection, plan: Plan, taken: account.Account, conditions: Sequence[str]
    ) -> Iterator[Iterator[list[Row]]]:
        # Places of rows that are kept elsewhere are none that could be shared out.
        if self.workers == 1 or taken.mute is not None:
            yield stream(connection, plan, conditions)
            return
        database = workers_connect_to(self.database)
        with reading(connection, database, plan, conditions, taken.leaves, self.workers) as batches:
            yield batches


class _Tally:
    """How many rows were exported, and how many of them each version had scored."""

    def __init__(self, position: int | None) -> None:
        self._position = position
        self._versions: Counter[int | None] = Counter()
        self.rows = 0

    def add(self, rows: Sequence[Row]) -> None:
        self.rows += len(rows)
        if self._position is not None:
            self._versions.update(row[self._position] for row in rows)

    def versions(self) -> dict[str, int]:
        known = sorted(each for each in self._versions if each is not None)
        found = {str(each): self._versions[each] for each in known}
        return found | ({"none": self._versions[None]} if None in self._versions else {})


def _estimated(connection: Connection, plan: Plan) -> int | None:
    """About how many rows there are, for a progress bar; None where nothing has counted them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select sum(c.reltuples)::bigint from pg_class c where c.oid = any ("
            " array(select relid from pg_partition_tree(to_regclass(%s))) || to_regclass(%s)::oid)"
            " and c.relkind = 'r' and c.reltuples > 0",
            (plan.relation, plan.relation),
        )
        ((found,),) = cursor.fetchall()
    return None if found is None else int(found)
