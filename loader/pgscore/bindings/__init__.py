"""Bindings: attaching event tables to profile tables, detaching them, mending them, comparing counters with events."""

from .attaching import Advice, Attached, Removed, attach, detach, detach_bindings
from .reattaching import Outdated, Reattached, outdated, reattach, reattach_outdated
from .reconciling import Reconciled, count_events, reconcile
from .ticking import Ticked, tick

__all__ = [
    "Advice",
    "Attached",
    "Outdated",
    "Reattached",
    "Reconciled",
    "Removed",
    "Ticked",
    "attach",
    "count_events",
    "detach",
    "detach_bindings",
    "outdated",
    "reattach",
    "reattach_outdated",
    "reconcile",
    "tick",
]
