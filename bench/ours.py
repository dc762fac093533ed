"""pgscore: whatever engine the database chooses is what is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore

from . import onnx_runtime
from .contender import Contender, scoring_update
from .customers import CODED_CUSTOMERS, CUSTOMERS, MANY_CUSTOMERS, declared
from .models import BOOSTERS, CODED, LINEAR, TREES, TREES_AS_ONNX, fitted

if TYPE_CHECKING:
    from pathlib import Path

    from .setting import Server

NAME = "pgscore"
COMPARED = (LINEAR, TREES, TREES_AS_ONNX, *BOOSTERS)
"""Models that are compared with baselines."""


def publish(server: Server, key: Path, model: str) -> Contender:
    """Publishes and promotes a model.

    Raises:
        PgscoreError: pgscore refuses it.
    """
    profiles = [CODED_CUSTOMERS if model in CODED else CUSTOMERS]
    if model in COMPARED:
        profiles.append(MANY_CUSTOMERS)
    source, inputs = fitted(model), None
    if model == TREES_AS_ONNX:
        from onnx import load_from_string

        source, inputs = load_from_string(onnx_runtime.convert(model)), list(declared())
    for profile in profiles:
        last = profile == profiles[-1]
        published = pgscore.publish(server.dsn, model, source, profile=profile, key=key, inputs=inputs, promoted=last)
        if published.problem:
            raise pgscore.PgscoreError(published.problem)
    return Contender(NAME, f"pgscore.score('{model}', c)", scoring_update(one_row(model)))


def one_row(model: str) -> str:
    """What a binding calls for one row: queries take the engine for many rows, and bindings know how many they have."""
    return f"(pgscore._rescore('{model}', null, c, true))[1]"


def engine(server: Server, model: str) -> str:
    """The engines that were measured to be the fastest."""
    shown = pgscore.show_model(server.dsn, model)
    return f"one row by the {shown.one_engine} engine, many by the {shown.many_engine} engine"


def make_key(server: Server, folder: Path) -> Path:
    """A key that this cluster trusts."""
    path = folder / "bench.pem"
    pgscore.trust_key(server.dsn, pgscore.generate_key(path), "make bench")
    return path
