"""`make demo`: a complaint changes a churn score, in the transaction that stores the complaint.

Everything happens in a private, throw-away cluster; no other cluster of the machine is touched.
"""

from __future__ import annotations

import argparse
import sys

from examples.server.signals import Signals


def main() -> int:
    """Runs the demo; the exit code says whether everything was as promised."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the cluster up (make demo KEEP=1)")
    keep: bool = parser.parse_args().keep
    signals = Signals()
    # Imported only now: pandas and scikit-learn take a second, in which Ctrl-C should end in silence too.
    from .story import tell

    return tell(signals, keep=keep)


if __name__ == "__main__":
    sys.exit(main())
