"""Bundles of the models that tests have."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
# How the kept bundles were made: of model churn of the tests' databases, and of the shop's.
SAMPLES = {"churn": FOLDER / "churn.json", "shop": FOLDER / "shop.json"}
CHURN_BINDING = ("churn.complaints", "churn.customer_profile")
