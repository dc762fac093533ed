"""Reading an artifact: bytes to a fitted estimator."""

from __future__ import annotations

import io
import os
from importlib import metadata
from typing import Any

from .errors import DATA_CORRUPTED, FEATURE_NOT_SUPPORTED, Refusal

# Compared before unpickling; scikit-learn promises nothing for pickles of another version.
_PINNED = "scikit-learn"


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution, or None, without importing it."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def check_libraries(libraries: dict[str, str]) -> None:
    """Returns where this Python can be expected to read an artifact that was fitted with these libraries.

    A patch release of scikit-learn may differ; `verify` and `doctor` then tell by the golden rows whether it matters.

    Raises:
        Refusal: scikit-learn is missing here or has another major or minor version.
    """
    fitted = libraries.get(_PINNED)
    if fitted is None:
        return
    here = installed_version(_PINNED)
    if here is None:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the server's Python has no scikit-learn, and the model was fitted with {fitted}",
            "Install docker/requirements-server.txt where the server's PYTHONPATH points; `pgscore doctor` shows it.",
        )
    if here.split(".")[:2] != fitted.split(".")[:2]:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the model was fitted with scikit-learn {fitted}, and the server's Python has {here}",
            "Fit the model again with the server's version, or install the model's version on the server.",
        )


def forbid_threads() -> None:
    """Keeps OpenMP and BLAS to one thread in this process; call it before numpy is imported.

    A signal that PostgreSQL sends to a backend may otherwise be handled on one of their threads.
    """
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"


def read_artifact(artifact: bytes) -> Any:  # noqa: ANN401  whatever was pickled
    """The object in a joblib or pickle file. This runs code: call it only on bytes that are trusted.

    Raises:
        Refusal: the bytes are no pickle, are cut short, or need a package that is not installed.
    """
    try:
        import joblib
    except ImportError as error:
        raise Refusal(FEATURE_NOT_SUPPORTED, f"the server's Python lacks a package: {error}") from None
    try:
        return joblib.load(io.BytesIO(artifact))
    except ImportError as error:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the artifact needs a Python package that is missing here: {error}",
            "Install it beside scikit-learn, in the Python that loads the model.",
        ) from None
    except AttributeError as error:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"the artifact needs a class or function that is missing here: {error}",
            "What a pipeline uses must be importable from an installed module, not from a notebook or script.",
        ) from None
    except Exception as error:
        raise Refusal(
            DATA_CORRUPTED,
            f"the artifact is not a joblib or pickle file, or is cut short ({type(error).__name__}: {error})",
            "Write it again with joblib.dump(estimator, path).",
        ) from None
