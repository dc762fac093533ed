"""The shop of tests/bindings, attached by each test as it needs it."""

from __future__ import annotations

from tests.bindings.conftest import _shop, shop_template, shopping

__all__ = ["_shop", "shop_template", "shopping"]
