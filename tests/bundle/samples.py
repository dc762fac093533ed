"""Bundles of the models that tests have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pgscore.bundle.seal import sealed

FOLDER = Path(__file__).parent
# How the kept bundles were made: of model churn of the tests' databases, and of the shop's.
SAMPLES = {"churn": FOLDER / "churn.json", "shop": FOLDER / "shop.json"}
CHURN_BINDING = ("churn.complaints", "churn.customer_profile")


def seal(document: dict[str, Any], key: Path | None = None) -> dict[str, Any]:
    """A bundle that was changed, sealed anew."""
    return {**document, **json.loads(sealed(document, key))}
