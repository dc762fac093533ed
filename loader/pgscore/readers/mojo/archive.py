"""The zip of a MOJO: bounded before anything of it is unpacked, and nothing of it is ever written to a disk."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

# What an archive may hold. A tree takes two entries; details for humans are never unpacked.
_MOST_BYTES = 256_000_000
_MOST_ENTRIES = 200_000
_MOST_ENTRY = 64_000_000
_MOST_UNPACKED = 256_000_000
_MOST_NAME = 1_000
# Deflate makes a thousandth of nothing but zeros; large trees, texts and numbers are made a tenth at most.
_MOST_RATIO = 200
_SMALL = 10_000_000
_BEGINNING, _LISTED = b"PK\x03\x04", b"PK\x01\x02"
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NOT_READ = "experimental/"
_NESTED = (".zip", ".jar", ".mojo")
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OverflowError, RuntimeError,
    UnicodeError, ValueError, OSError,
)  # fmt: skip
_AGAIN = "Download the MOJO of the model anew: model.download_mojo() in Python, h2o.download_mojo() in R."


def damaged(what: str) -> PgscoreError:
    """The refusal of a file that is not what H2O writes."""
    return PgscoreError(f"the MOJO is damaged: {what}", _AGAIN)


def too_large(what: str) -> PgscoreError:
    """The refusal of a file that is past the limits."""
    return PgscoreError(f"the MOJO is too large: {what}", "MOJOs of models that can be programs are smaller.")


@dataclass(frozen=True)
class Archive:
    """The entries of a MOJO by name, each unpacked when it is asked for, within what its directory says."""

    _file: zipfile.ZipFile
    _entries: Mapping[str, zipfile.ZipInfo]

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    @property
    def names(self) -> list[str]:
        """The names of all entries."""
        return list(self._entries)

    def read(self, name: str) -> bytes:
        """The bytes of an entry.

        Raises:
            PgscoreError: there is none, or it is cut short, or is not as its directory says.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise damaged(f"the entry {name} is missing")
        try:
            with self._file.open(entry) as stream:
                # One more than it says: what is longer is seen, and not unpacked.
                found = stream.read(entry.file_size + 1)
        except _BROKEN:
            raise damaged(f"the entry {name} is cut short, or was changed") from None
        if len(found) != entry.file_size:
            raise damaged(f"the entry {name} is not as long as its directory says")
        return found

    def text(self, name: str) -> str:
        """The text of an entry.

        Raises:
            PgscoreError: as `read`, or it is not UTF-8.
        """
        try:
            return self.read(name).decode()
        except UnicodeDecodeError:
            raise damaged(f"the entry {name} is not UTF-8") from None


def open_archive(content: bytes) -> Archive:
    """The archive in these bytes.

    Raises:
        PgscoreError: they are no zip, or one that is damaged, hostile or too large.
    """
    if not content.startswith(_BEGINNING):
        raise PgscoreError("the file is no MOJO: it is no zip archive", _AGAIN)
    if len(content) > _MOST_BYTES:
        raise too_large(f"it has more than {_MOST_BYTES:,} bytes")
    # Each entry has one in the directory, which zipfile reads whole.
    if content.count(_LISTED) > _MOST_ENTRIES:
        raise too_large(f"it has more than {_MOST_ENTRIES:,} entries")
    try:
        file = zipfile.ZipFile(io.BytesIO(content))
        listed = file.infolist()
    except _BROKEN:
        raise damaged("its zip archive is cut short, or was changed") from None
    found: dict[str, zipfile.ZipInfo] = {}
    total = 0
    for entry in listed:
        _check(entry, found)
        if not entry.filename.startswith(_NOT_READ):
            total += entry.file_size
            found[entry.filename] = entry
    if total > _MOST_UNPACKED:
        raise too_large(f"it unpacks to more than {_MOST_UNPACKED:,} bytes")
    return Archive(file, found)


def _check(entry: zipfile.ZipInfo, known: Mapping[str, zipfile.ZipInfo]) -> None:
    name = entry.filename
    shown = name[:60]
    if len(name) > _MOST_NAME or not name.isprintable():
        raise damaged("an entry has a name that no MOJO has")
    if name.startswith(("/", "\\")) or "\\" in name or ":" in name or ".." in name.split("/"):
        raise damaged(f"the entry {shown} names a place outside of the archive")
    if name in known:
        raise damaged(f"the entry {shown} is there twice")
    if entry.flag_bits & _ENCRYPTED:
        raise damaged(f"the entry {shown} is encrypted")
    if entry.compress_type not in _METHODS:
        raise damaged(f"the entry {shown} is packed in a way that H2O does not use")
    if name.startswith(_NOT_READ):
        return
    if name.lower().endswith(_NESTED):
        raise damaged(f"the entry {shown} is an archive within the archive")
    if entry.file_size > _MOST_ENTRY:
        raise too_large(f"the entry {shown} unpacks to more than {_MOST_ENTRY:,} bytes")
    if entry.file_size > max(_SMALL, _MOST_RATIO * entry.compress_size):
        raise damaged(f"the entry {shown} unpacks to more than {_MOST_RATIO} times its size")
