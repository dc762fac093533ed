"""`make demo-serve`: the model of the demo behind `pgscore serve`, and each answer compared with pgscore.score.

Everything happens in a private, throw-away cluster; no other cluster of the machine is touched.
"""

from __future__ import annotations

import sys

from examples.server.signals import Signals


def main() -> int:
    """Runs the demo; the exit code says whether everything was as promised."""
    signals = Signals()
    # Imported only now: pandas and scikit-learn take a second, in which Ctrl-C should end in silence too.
    from .story import tell

    return tell(signals)


if __name__ == "__main__":
    sys.exit(main())
