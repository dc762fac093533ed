"""`make demo-stream`: complaints of a support system move churn scores, by way of Apache Kafka.

Everything happens in a private PostgreSQL and a private Kafka, which are gone at the end.
"""

from __future__ import annotations

import argparse
import sys

from examples.server.signals import Signals


def main() -> int:
    """Runs the demo; the exit code says whether everything was as promised."""
    parser = argparse.ArgumentParser(prog="make demo-stream", description=__doc__)
    parser.add_argument("--complaints", type=int, default=1000, help="how many there are")
    count: int = parser.parse_args().complaints
    signals = Signals()
    from .story import tell

    return tell(signals, count)


if __name__ == "__main__":
    sys.exit(main())
