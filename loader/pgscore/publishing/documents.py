"""Files that other tools have written as data: which they are, and what reads them."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from pgscore_runtime.errors import Refusal

from pgscore.errors import NotAProgramError, PgscoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DocumentFormat = Literal["onnx", "pmml", "mojo"]
FORMATS: tuple[DocumentFormat, ...] = ("onnx", "pmml", "mojo")

_ENDINGS: dict[str, DocumentFormat] = {
    ".onnx": "onnx",
    ".pmml": "pmml",
    ".mojo": "mojo",
    # Java source that H2O writes of the same models; its reader says what to publish instead.
    ".java": "mojo",
}
# Behind a byte order mark, and in two bytes a character, too.
_XML = re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|PMML)|\xff\xfe<\x00|\xfe\xff\x00<")


def document_format(file: BinaryIO, start: bytes, path: Path) -> DocumentFormat | None:
    """Which of the formats a file is in, by its ending and its first bytes; None for none of them.

    Args:
        file: open for reading.
        start: its first bytes.
        path: where it stands.
    """
    promised = _ENDINGS.get(path.suffix.lower())
    if promised is not None:
        return promised
    if _XML.match(start):
        return "pmml"
    if start.startswith(b"PK") and _is_mojo(file):
        return "mojo"
    return None


def _is_mojo(file: BinaryIO) -> bool:
    """Whether a zip file is H2O's rather than skops'."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        # Its reader says so: of what an H2O model begins with, nothing can be known.
        return False
    return "schema.json" not in names and any(name.rpartition("/")[2] == "model.ini" for name in names)


def read_document(file: BinaryIO, kind: DocumentFormat, name: str, output: str | None) -> Any:  # noqa: ANN401
    """What a file holds: a `pgscore.readers.documents.Document`; or, of ONNX, a model that can be asked.

    Args:
        file: open for reading.
        kind: its format.
        name: how messages call it.
        output: the output that is the score, where there are several.

    Raises:
        PgscoreError: it is no such file, is cut short, or holds what cannot be read; or what reads it is not installed.
    """
    file.seek(0)
    try:
        return _READERS[kind](file.read(), output)
    except Refusal as refusal:
        raise PgscoreError(f"{name}: {printable(refusal.message)}", refusal.hint) from None
    except NotAProgramError as error:
        # No engine serves it otherwise.
        raise PgscoreError(f"{name}: {printable(str(error))}") from None
    except PgscoreError as error:
        raise PgscoreError(f"{name}: {printable(str(error))}", error.hint) from None
    except ModuleNotFoundError as error:
        raise PgscoreError(
            f"{name} is read with the Python package {error.name}, which is not installed here",
            "pip install 'pgscore[formats]'",
        ) from None


def printable(text: str) -> str:
    """A sentence with a stranger's names in it, of which none ends the line or moves a cursor."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _onnx(content: bytes, output: str | None) -> Any:  # noqa: ANN401
    from pgscore_runtime.onnx_file import OnnxFile

    return OnnxFile(content, output)


def _pmml(content: bytes, output: str | None) -> Any:  # noqa: ANN401
    from pgscore.readers.pmml.document import open_pmml

    return open_pmml(content, output)


def _mojo(content: bytes, output: str | None) -> Any:  # noqa: ANN401
    from pgscore.readers.mojo.document import open_mojo

    return open_mojo(content, output)


_READERS: dict[DocumentFormat, Callable[[bytes, str | None], Any]] = {"onnx": _onnx, "pmml": _pmml, "mojo": _mojo}
