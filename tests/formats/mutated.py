"""Damaged files, read in a process of its own that may use little memory: `python -m tests.formats.mutated pmml 7 200`.

Each is a file of the tree with some bytes changed, left out, repeated or put in. It is refused in one sentence, or
read; what is read becomes a program or is refused. Anything else, a traceback, a crash, gigabytes or minutes, is a
failure, and what is printed names the case.
"""

from __future__ import annotations

import io
import random
import resource
import sys
import traceback
from typing import TYPE_CHECKING

from pgscore.errors import PgscoreError
from pgscore.publishing.documents import FORMATS, read_document
from pgscore.readers import read_program
from pgscore_runtime.contract import Contract

from .fixtures import paths

if TYPE_CHECKING:
    from pathlib import Path

    from pgscore.publishing.documents import DocumentFormat

_MEMORY = 4 * 2**30
_SECONDS = 600
_SPLICES = {
    "onnx": [b"\xff\xff\xff\xff\x0f", b"\x00", b"\x0a\x80\x80\x80\x80\x08", b"ai.onnx.ml", b"com.microsoft"],
    "pmml": [b"<", b"&lt;", b"\x00", b"1e999", b"<True/>", b'"', b"\xff", b"Infinity", b"-1", b"9" * 40],
    "mojo": [b"PK\x01\x02", b"PK\x05\x06", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"=", b"\n"],
}


def damaged(content: bytes, kind: str, dice: random.Random) -> bytes:
    """The file with some damage done to it."""
    found = bytearray(content)
    for _ in range(dice.choice((1, 1, 1, 2, 4, 16))):
        place = dice.randrange(len(found) + 1)
        way = dice.randrange(5)
        if way == 0 and place < len(found):
            found[place] ^= 1 << dice.randrange(8)
        elif way == 1:
            del found[place : place + dice.choice((1, 2, 8, 100))]
        elif way == 2:
            found[place:place] = dice.choice(_SPLICES[kind])
        elif way == 3:
            piece = found[place : place + dice.choice((4, 40, 400))]
            other = dice.randrange(len(found) + 1)
            found[other:other] = piece
        elif place < len(found):
            found[place] = dice.randrange(256)
    return bytes(found[: dice.randrange(len(found) + 1)]) if dice.randrange(10) == 0 else bytes(found)


def is_handled(content: bytes, kind: DocumentFormat, path: Path) -> bool:
    """Reads a file as publishing does; False, and a traceback, where that is neither read nor refused."""
    try:
        document = read_document(io.BytesIO(content), kind, path.name, None)
        if not hasattr(document, "predict"):
            contract = Contract(kind, document.inputs, False, "none", document.output, dict(document.libraries))
            read_program(document, contract)
    except PgscoreError as refusal:
        one = str(refusal).isprintable()
        if not one:
            print(f"more than one line: {str(refusal)!r}")
        return one
    except Exception:
        traceback.print_exc()
        return False
    return True


def main(kind: str, seed: int, count: int) -> int:
    """Tries so many, and says which failed."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    (format_,) = [each for each in FORMATS if each == kind]
    files = paths(kind)
    for number in range(seed, seed + count):
        dice = random.Random(number)  # noqa: S311  what is drawn is to be drawn again
        path = dice.choice(files)
        # Named before it is tried: a crash says nothing.
        print(f"{kind} {number} {path.name}", file=sys.stderr, flush=True)
        if not is_handled(damaged(path.read_bytes(), kind, dice), format_, path):
            print(f"failed: python -m tests.formats.mutated {kind} {number} 1")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
