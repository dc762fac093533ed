"""What releases leave to be done, and would change: outdated rows, two versions compared, maintenance."""

from .compare import Bin, Comparison, Moved, compare
from .explain import Contribution, Explanation, ReasonCode, explain, reason_codes
from .maintain import Maintained, maintain
from .outdated import OutdatedRows, outdated_rows

__all__ = [
    "Bin",
    "Comparison",
    "Contribution",
    "Explanation",
    "Maintained",
    "Moved",
    "OutdatedRows",
    "ReasonCode",
    "compare",
    "explain",
    "maintain",
    "outdated_rows",
    "reason_codes",
]
