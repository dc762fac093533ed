"""Artifacts on the publisher's side: an estimator and its bytes."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
from pgscore_runtime.artifact import read_artifact
from pgscore_runtime.errors import Refusal
from sklearn.exceptions import InconsistentVersionWarning

from .errors import PgscoreError

# A bytea, its hexadecimal form on the wire included, has to stay below PostgreSQL's limit of 1 GB.
_LARGEST = 2**29 - 2**20


@dataclass(frozen=True)
class Artifact:
    """A fitted estimator and the bytes that stand for it.

    Attributes:
        estimator: anything with ``predict``.
        content: the bytes.
        format: ``joblib`` or ``pickle``.
    """

    estimator: Any
    content: bytes
    format: str

    @property
    def sha256(self) -> str:
        """Hexadecimal sha256 of the bytes."""
        return hashlib.sha256(self.content).hexdigest()


def open_artifact(source: object) -> Artifact:
    """An artifact from a path to a joblib or pickle file (your own: reading runs its code), or from an estimator.

    Raises:
        PgscoreError: the file cannot be read, is no pickle, is cut short or too large, or was fitted with another
            scikit-learn than the one that reads it here.
    """
    if not isinstance(source, str | Path):
        buffer = io.BytesIO()
        joblib.dump(source, buffer)
        return _checked(Artifact(source, buffer.getvalue(), "joblib"), "the estimator")
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise PgscoreError(f"{source} cannot be read: {error.strerror}") from None
    return _checked(Artifact(_estimator(content, str(source)), content, _format(content)), str(source))


def _estimator(content: bytes, name: str) -> Any:  # noqa: ANN401
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator = read_artifact(content)
    except Refusal as refusal:
        raise PgscoreError(f"{name}: {refusal.message}", refusal.hint) from None
    for each in caught:
        if isinstance(each.message, InconsistentVersionWarning):
            raise PgscoreError(
                f"{name} was fitted with scikit-learn {each.message.original_sklearn_version},"
                f" and this Python has {each.message.current_sklearn_version}",
                "Publish with the scikit-learn that it was fitted with, or fit it again with this one.",
            )
    return estimator


def _format(content: bytes) -> str:
    return "pickle" if content.startswith(b"\x80") and b"joblib.numpy_pickle" not in content else "joblib"


def _checked(artifact: Artifact, name: str) -> Artifact:
    if len(artifact.content) > _LARGEST:
        raise PgscoreError(
            f"{name} has {len(artifact.content):,} bytes, and PostgreSQL stores at most {_LARGEST:,} in one value",
            "Write it with joblib.dump(..., compress=3), or fit a smaller model.",
        )
    if not hasattr(artifact.estimator, "predict"):
        raise PgscoreError(f"{name} holds a {type(artifact.estimator).__name__}, which has no predict method")
    return artifact
