"""The command `pgscore`, which says the steps of its consumer, and ends hard or waits at one.

PGSCORE_TEST_KILL=applied:2 has it killed after the second time that what messages do is applied. PGSCORE_TEST_STOP=…
has it stopped there, as a debugger does, until somebody sends SIGCONT.
"""

from __future__ import annotations

import functools
import os
import signal
import sys

from pgscore.command import run
from pgscore.stream import consuming

_COUNTS: dict[str, int] = {}


def _step(name: str) -> None:
    _COUNTS[name] = _COUNTS.get(name, 0) + 1
    print(f"step {name} {_COUNTS[name]}", file=sys.stderr, flush=True)
    for variable, number in (("PGSCORE_TEST_KILL", signal.SIGKILL), ("PGSCORE_TEST_STOP", signal.SIGSTOP)):
        if os.environ.get(variable) == f"{name}:{_COUNTS[name]}":
            os.kill(os.getpid(), number)


if __name__ == "__main__":
    consuming.Consumer = functools.partial(consuming.Consumer, step=_step)  # type: ignore[assignment, misc]
    sys.exit(run(sys.argv[1:]))
