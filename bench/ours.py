"""pgscore: whatever engine the database chooses is what is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pgscore

from .contender import Contender, scoring_update
from .customers import CODED_CUSTOMERS, CUSTOMERS, MANY_CUSTOMERS
from .models import LINEAR, ONE_HOT, TREES, fitted

if TYPE_CHECKING:
    from pathlib import Path

    from .setting import Server

NAME = "pgscore"
COMPARED = (LINEAR, TREES)
"""Models that are compared with baselines."""


def publish(server: Server, key: Path, model: str) -> Contender:
    """Publishes and promotes a model.

    Raises:
        PgscoreError: pgscore refuses it.
    """
    profiles = [CODED_CUSTOMERS if model == ONE_HOT else CUSTOMERS]
    if model in COMPARED:
        profiles.append(MANY_CUSTOMERS)
    for profile in profiles:
        last = profile == profiles[-1]
        published = pgscore.publish(server.dsn, model, fitted(model), profile=profile, key=key, promoted=last)
        if published.problem:
            raise pgscore.PgscoreError(published.problem)
    return Contender(NAME, f"pgscore.score('{model}', c)", scoring_update(one_row(model)))


def one_row(model: str) -> str:
    """What a binding calls for one row: queries take the engine for many rows, and bindings know how many they have."""
    return f"pgscore._score_row('{model}', c)"


def engine(server: Server, model: str) -> str:
    """The engine that pgscore says it uses, as far as `pgscore show --json` says it."""
    shown = pgscore.show_model(server.dsn, model)
    serving: dict[str, Any] = next((each for each in shown["versions"] if each["version"] == shown["serving"]), {})
    said: dict[str, Any] = {**shown, **serving}
    return "; ".join(f"{name} {value}" for name, value in said.items() if "engine" in name) or "engine not said"


def make_key(server: Server, folder: Path) -> Path:
    """A key that this cluster trusts."""
    path = folder / "bench.pem"
    pgscore.trust_key(server.dsn, pgscore.generate_key(path), "make bench")
    return path
