"""Damaged files are refused in one sentence, or read; nothing crashes, hangs, or takes gigabytes."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from pgscore.publishing.documents import FORMATS

from tests.support.examples import ALIKE, examples
from tests.support.migrate import ROOT


@pytest.mark.hypothesis
@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_is_refused_or_read(kind: str) -> None:
    """In a process of its own, where a crash is seen and memory is little."""
    seed = 1 if ALIKE else random.SystemRandom().randrange(10**9)
    found = subprocess.run(
        [sys.executable, "-m", "tests.formats.mutated", kind, str(seed), str(examples(60))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    last = found.stderr.strip().splitlines()[-30:]
    assert found.returncode == 0, "\n".join([found.stdout, *last])
