"""`make demo-browser`: a page scores by itself what the database scores, online and after the server has gone.

Everything happens in a private, throw-away cluster, a folder of its own, and a browser without a window.
"""

from __future__ import annotations

import argparse
import sys

from examples.server.signals import Signals


def main() -> int:
    """Runs the demo; the exit code says whether everything was as promised."""
    parser = argparse.ArgumentParser(prog="make demo-browser", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="serve the page until Ctrl-C (make demo-browser KEEP=1)")
    keep: bool = parser.parse_args().keep
    signals = Signals()
    # Imported only now: pandas and scikit-learn take a second, in which Ctrl-C should end in silence too.
    from .story import tell

    return tell(signals, keep=keep)


if __name__ == "__main__":
    sys.exit(main())
