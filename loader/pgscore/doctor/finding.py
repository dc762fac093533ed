"""What the doctor finds: codes, levels, and findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "notice", "warning", "error"]
Area = Literal["installation", "models", "tables", "bindings"]

AREAS: tuple[Area, ...] = ("installation", "models", "tables", "bindings")
LEVELS: tuple[Level, ...] = ("ok", "notice", "warning", "error")

# Each kind of finding: its level, and what it is about. docs/doctor.md has a line for each.
CODES: dict[str, tuple[Level, Area]] = {
    "server": ("ok", "installation"),
    "server-unsupported": ("error", "installation"),
    "standby": ("notice", "installation"),
    "unreachable": ("error", "installation"),
    "core": ("ok", "installation"),
    "not-installed": ("error", "installation"),
    "schema-dropped": ("error", "installation"),
    "half-installed": ("error", "installation"),
    "roles": ("ok", "installation"),
    "no-role": ("error", "installation"),
    "cannot-look": ("notice", "installation"),
    "too-slow": ("notice", "installation"),
    "check-failed": ("error", "installation"),
    "right-missing": ("error", "installation"),
    "replica-role": ("warning", "installation"),
    "log-growth": ("notice", "installation"),
    "log-default": ("warning", "installation"),
    "log-partitions": ("warning", "installation"),
    "changes-restored": ("warning", "installation"),
    "consumer-refused": ("warning", "installation"),
    "plpython": ("ok", "installation"),
    "no-plpython": ("notice", "installation"),
    "plpython-offered": ("notice", "installation"),
    "plpython-broken": ("warning", "installation"),
    "python": ("ok", "installation"),
    "python-lacks": ("notice", "installation"),
    "keys": ("ok", "installation"),
    "no-key": ("notice", "installation"),
    "engine-on": ("ok", "installation"),
    "engine-off": ("ok", "installation"),
    "engine-lacks": ("warning", "installation"),
    "release-prepared": ("warning", "models"),
    "no-models": ("ok", "models"),
    "model": ("ok", "models"),
    "not-promoted": ("notice", "models"),
    "engine-missing": ("error", "models"),
    "engine-forbidden": ("error", "models"),
    "artifact-untrusted": ("error", "models"),
    "artifact-unused": ("notice", "models"),
    "library-missing": ("error", "models"),
    "library-refused": ("error", "models"),
    "library-differs": ("warning", "models"),
    "library-untested": ("notice", "models"),
    "golden-differ": ("error", "models"),
    "golden-failed": ("error", "models"),
    "golden-unlooked": ("notice", "models"),
    "table": ("ok", "tables"),
    "scored-dropped": ("warning", "tables"),
    "scored-recreated": ("warning", "tables"),
    "scored-misfit": ("error", "tables"),
    "scored-slowly": ("warning", "tables"),
    "score-held": ("warning", "tables"),
    "binding": ("ok", "bindings"),
    "no-version": ("notice", "bindings"),
    "table-dropped": ("error", "bindings"),
    "table-recreated": ("error", "bindings"),
    "table-renamed": ("error", "bindings"),
    "table-moved": ("error", "bindings"),
    "owners-differ": ("error", "bindings"),
    "owner-changed": ("error", "bindings"),
    "row-security": ("error", "bindings"),
    "child-table": ("error", "bindings"),
    "column-missing": ("error", "bindings"),
    "key-not-unique": ("error", "bindings"),
    "misfit": ("error", "bindings"),
    "trigger-missing": ("error", "bindings"),
    "trigger-disabled": ("error", "bindings"),
    "trigger-replaced": ("error", "bindings"),
    "trigger-left-over": ("error", "bindings"),
    "partition-attached": ("warning", "bindings"),
    "partition-detached": ("warning", "bindings"),
    "function-missing": ("error", "bindings"),
    "function-owner": ("error", "bindings"),
    "function-edited": ("error", "bindings"),
    "function-loose": ("error", "bindings"),
    "function-outdated": ("warning", "bindings"),
    "function-unlooked": ("notice", "bindings"),
    "queue-outdated": ("error", "bindings"),
    "queue-left": ("error", "bindings"),
    "counters-differ": ("error", "bindings"),
    "counters": ("ok", "bindings"),
    "counters-unlooked": ("notice", "bindings"),
    "uncounted": ("warning", "bindings"),
    "due": ("warning", "bindings"),
    "reconcile-unfinished": ("warning", "bindings"),
    "stale": ("warning", "bindings"),
    "rows-outdated": ("notice", "bindings"),
    "rows-unscored": ("notice", "bindings"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor looked at.

    Attributes:
        code: which of `CODES` it is.
        subject: what was looked at, by its name: a part of the installation, a model, a table, a binding.
        sentence: how it is.
        remedy: what to run, a command or an SQL statement to a line, each by itself; empty where nothing is to be done.
        run_as: the role to run it as; empty where whoever may can.
    """

    code: str
    subject: str
    sentence: str
    remedy: str = ""
    run_as: str = ""

    @property
    def level(self) -> Level:
        """How bad it is.

        ``ok``; ``notice``: worth knowing, and nothing is wrong, or it could not be looked at; ``warning``: it works,
        and wants something done; ``error``: it does not work, or what is stored is not right.
        """
        return CODES[self.code][0]

    @property
    def area(self) -> Area:
        """What it is about."""
        return CODES[self.code][1]

    @property
    def is_to_mend(self) -> bool:
        """Whether something is to be done about it."""
        return self.level in ("warning", "error")


def joined(*statements: str) -> str:
    """A remedy of several steps, each on a line of its own."""
    return "\n".join(each for each in statements if each)
