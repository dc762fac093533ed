"""What is said of libraries of which no such version was tested."""

from __future__ import annotations

import importlib.metadata

import pytest
from pgscore.libraries import LIBRARIES, XGBOOST, Library, doubts


@pytest.mark.parametrize("version", ["3.0.0", "3.0.5", "3.1.2", "3.2.0", "3.2.9"])
def test_what_lies_between_is_tested(version: str) -> None:
    assert XGBOOST.doubt(version) is None


def test_older_and_newer_versions_are_named() -> None:
    versions = {"python": "3.11.2", "scikit-learn": "1.30.0", "xgboost": "2.1.4", "numpy": "99"}
    assert doubts(versions) == [
        "scikit-learn 1.30.0 is newer than 1.9, the last that its reader was tested with",
        "xgboost 2.1.4 is older than 3.0, the first that its reader was tested with",
    ]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda each: each.name)
def test_what_these_tests_run_with_is_the_newest(library: Library) -> None:
    distribution = "xgboost-cpu" if library.name == "xgboost" else library.name
    installed = importlib.metadata.version(distribution)
    assert installed.split(".")[:2] == library.newest.split(".")
