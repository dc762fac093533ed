"""What the registry tells: models, versions, promotions, as typed results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from .overview.outdated import OutdatedRows


@dataclass(frozen=True)
class Verification:
    """How an engine's scores compare with the fitted estimator's, over the golden rows.

    Attributes:
        engine: ``sql``, ``interpreter``, ``estimator`` or ``onnx``.
        rows: how many golden rows were replayed.
        max_abs_diff: the largest absolute difference; infinite where one is NULL and the other is not.
        ok: whether every row is within the tolerance.
    """

    engine: str
    rows: int
    max_abs_diff: float
    ok: bool


@dataclass(frozen=True)
class LateTable:
    """A table whose rows are scored slowly, though right, because a promotion could not replace the functions for them.

    Attributes:
        table: its name.
        cause: ``held``: somebody held the functions, or the table was changed; ``no usage``: pgscore_owner may not use
            its schema; ``made anew``: it was dropped, and another table has its name.
        remedy: the SQL that changes it.
    """

    table: str
    cause: str
    remedy: str


@dataclass(frozen=True)
class Promoted:
    """What a promotion or a rollback did.

    Attributes:
        model: the model's name.
        version: the version that answers now.
        before: the one that answered before, or None; the same where nothing changed.
        engine: the engine that an operator named, or None where they are those that were measured.
        one_engine: the engine that scores one row.
        many_engine: the engine that scores many.
        late: tables whose rows are scored slowly, because the functions for them could not be replaced.
        outdated: how many rows of bound tables each version has scored; these are not scored anew by a promotion.
    """

    model: str
    version: int
    before: int | None
    engine: str | None
    one_engine: str
    many_engine: str
    late: list[LateTable]
    outdated: list[OutdatedRows]


@dataclass(frozen=True)
class Dependent:
    """An object that holds scores of a model, and that a promotion makes wrong.

    Attributes:
        model: the model, or None where it is not to be told which.
        kind: ``index``, ``generated column``, ``check constraint``, ``exclusion constraint``,
            ``constraint of a domain``, ``partition key``, ``materialized view``.
        object: its name.
        on_table: the table that it belongs to, or None.
        remedy: the SQL that mends it after a promotion, or drops it so that it can be made anew; or None.
    """

    model: str | None
    kind: str
    object: str
    on_table: str | None
    remedy: str | None


@dataclass(frozen=True)
class Pruned:
    """A version whose artifact is removed: its number, and how many bytes that makes."""

    version: int
    bytes: int


@dataclass(frozen=True)
class ModelSummary:
    """A model in a list.

    Attributes:
        model: its name.
        serving: the version that answers, or None.
        latest: the latest version, or None where there is none.
        versions: how many there are.
        published_at: when the latest was published.
        published_by: by which role.
    """

    model: str
    serving: int | None
    latest: int | None
    versions: int
    published_at: datetime | None
    published_by: str | None


@dataclass(frozen=True)
class EngineTimes:
    """What an engine of a version took when it was measured, in microseconds: for one row, and for each of many."""

    one_us: float | None
    many_us: float | None


@dataclass(frozen=True)
class ModelVersion:
    """A version of a model.

    Attributes:
        version: its number.
        digest: of artifact and contract together.
        sha256: of the artifact.
        size: of the artifact, in bytes.
        format: what the artifact is: ``joblib``, ``pickle``, ``skops``.
        contract: inputs, output, tolerance and libraries, as they were published.
        key_id: the key that signed it, or None.
        metrics: what is known of its quality, by name.
        published_at: when.
        published_by: by which role.
        retired_at: since when it is not to be promoted, or None.
        pruned_at: since when its artifact is gone, or None.
        program_size: the size of its program, or None where it has none.
        engines: the engines that were measured.
        confirmed_types: types of a skops artifact that an operator has confirmed.
    """

    version: int
    digest: str
    sha256: str
    size: int
    format: str
    contract: dict[str, Any]
    key_id: str | None
    metrics: dict[str, float]
    published_at: datetime
    published_by: str
    retired_at: datetime | None
    pruned_at: datetime | None
    program_size: int | None
    engines: dict[str, EngineTimes]
    confirmed_types: list[str]


@dataclass(frozen=True)
class Promotion:
    """A promotion, and whether it was rolled back."""

    version: int
    promoted_at: datetime
    promoted_by: str | None
    rolled_back_at: datetime | None
    rolled_back_by: str | None


@dataclass(frozen=True)
class ModelDetails:
    """A model with all that is known of it.

    Attributes:
        model: its name.
        serving: the version that answers, or None.
        engine: the engine that an operator named, or None where they are those that were measured.
        one_engine: the engine that scores one row, or None where no version answers.
        many_engine: the engine that scores many, or None.
        profiles: the tables that it scores.
        dropped: tables that it scored, and that were dropped since.
        versions: the latest first.
        promotions: the latest first.
        outdated: how many rows of bound tables each version has scored.
    """

    model: str
    serving: int | None
    engine: str | None
    one_engine: str | None
    many_engine: str | None
    profiles: list[str]
    dropped: list[str]
    versions: list[ModelVersion]
    promotions: list[Promotion]
    outdated: list[OutdatedRows]
