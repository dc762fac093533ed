"""MOJOs for tests: fixtures with entries that are others, and small ones that are made here."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from typing import TYPE_CHECKING

from pgscore.readers import read_program
from pgscore.readers.mojo.document import open_mojo
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program

from .fixtures import FOLDER, contract_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LEVELS = {2: 5, 3: 40}


def drawing(seed: int) -> random.Random:
    """What draws the same for the same seed."""
    return random.Random(seed)  # noqa: S311


def fixture(name: str) -> bytes:
    """The bytes of a MOJO in `mojo/`."""
    return (FOLDER / "mojo" / f"{name}.zip").read_bytes()


def entries(content: bytes) -> dict[str, bytes]:
    """What is in a MOJO."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {each.filename: archive.read(each) for each in archive.infolist()}


def zipped(found: Mapping[str, bytes]) -> bytes:
    """A MOJO of these entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in found.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def changed(name: str, entry: str, change: Callable[[bytes], bytes | None]) -> bytes:
    """A fixture with an entry that is another, or gone."""
    found = entries(fixture(name))
    content = change(found.get(entry, b""))
    if content is None:
        del found[entry]
    else:
        found[entry] = content
    return zipped(found)


def set_to(name: str, **settings: str) -> bytes:
    """A fixture with other settings."""

    def change(content: bytes) -> bytes:
        lines = content.decode().splitlines()
        kept = [line for line in lines if line.partition(" = ")[0] not in settings]
        at = kept.index("[info]") + 1
        return "\n".join([*kept[:at], *(f"{key} = {value}" for key, value in settings.items()), *kept[at:]]).encode()

    return changed(name, "model.ini", change)


class Scorer:
    """The program of a MOJO, walked by the runtime."""

    def __init__(self, content: bytes, target: str | None = None) -> None:
        self.document = open_mojo(content, target)
        self.contract = contract_of(self.document, "mojo")
        self.reading = read_program(self.document, self.contract)
        self._interpreter = Interpreter(parse_program(json.dumps(self.reading.program)))

    def outputs(self, **row: float | str | None) -> list[float] | None:
        """What the program gives for a row; inputs that are not named are missing."""
        numbers = [row.get(each.name) for each in self.contract.inputs if not each.is_text]
        texts = [row.get(each.name) for each in self.contract.inputs if each.is_text]
        found, _ = self._interpreter.outputs(numbers, texts)  # type: ignore[arg-type]
        return found

    def value(self, **row: float | str | None) -> float:
        """The first of these, which there has to be."""
        found = self.outputs(**row)
        assert found is not None
        return found[0]


def made(trees: Sequence[bytes], version: float) -> bytes:
    """A MOJO of boosted trees over two numbers, a and b, and two categories, c and d; it adds leaves up."""
    info = {
        "mojo_version": f"{version:.2f}", "algorithm": "Gradient Boosting Machine", "category": "Regression",
        "supervised": "true", "n_features": "4", "n_classes": "1", "n_columns": "5", "n_trees": str(len(trees)),
        "distribution": "gaussian", "init_f": "0.0", "link_function": "identity",
    }  # fmt: skip
    lines = ["[info]", *(f"{key} = {value}" for key, value in info.items()), "[columns]", *"abcdy", "[domains]"]
    lines += [f"{column}: {size} d{column:03d}.txt" for column, size in LEVELS.items()]
    found = {"model.ini": "\n".join(lines).encode()}
    for column, size in LEVELS.items():
        found[f"domains/d{column:03d}.txt"] = "".join(f"{'abcd'[column]}{code}\n" for code in range(size)).encode()
    return zipped(found | {f"trees/t00_{number:03d}.bin": tree for number, tree in enumerate(trees)})


def drawn_tree(draw: random.Random, version: float, depth: int = 4) -> bytes:
    """The bytes of a tree as H2O writes them, and as it might: with every kind of test and of child."""
    content, is_leaf = _node(draw, version, depth)
    return b"\0\xff\xff" + content if is_leaf else content


def _node(draw: random.Random, version: float, depth: int) -> tuple[bytes, bool]:
    if depth == 0 or draw.random() < 0.15:
        return struct.pack("<f", draw.gauss(0, 1)), True
    column, direction = draw.randrange(4), draw.choice([1, 2, 3, 4, 5])
    kind = draw.choice([0, 8, 12]) if column in LEVELS else 0
    test = b""
    if direction != 1:
        test = _set(draw, kind, version) if kind else struct.pack("<f", draw.choice([draw.gauss(0, 1), 0.0, -0.0, 2.0]))
    (left, left_leaf), (right, right_leaf) = (_node(draw, version, depth - 1) for _ in range(2))
    if left_leaf and draw.random() < 0.2:
        left, left_leaf = b"\0\xff\xff" + left, False
    size = b""
    if left_leaf:
        kind |= 48
    else:
        width = next(each for each in range(4) if len(left) < 256 ** (each + 1))
        kind, size = kind | width, len(left).to_bytes(width + 1, "little")
    if right_leaf:
        kind |= draw.choice([0x40, 0xC0])
    return bytes([kind]) + struct.pack("<HB", column, direction) + test + size + left + right, False


def _set(draw: random.Random, kind: int, version: float) -> bytes:
    if kind == 8:
        return draw.randbytes(4)
    first = draw.choice([0, 0, 1, 3, 8])
    if version <= 1.1:
        count = draw.randrange(1, 6)
        return struct.pack("<HH", first, count) + draw.randbytes(count)
    count = draw.choice([3, 7, 32, 33, 40])
    return struct.pack("<Hi", first, count) + draw.randbytes((count + 7) // 8)
