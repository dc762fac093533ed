"""Formats of artifacts: joblib with compression, plain pickle, skops; and how large they may be."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import joblib
import pgscore
import pytest
from pgscore.publishing.artifact import open_artifact
from skops.io import dump

from tests.support.database import OPERATOR, SCIENTIST, refused
from tests.support.models import ENGINES, customers, light_pipeline, opaque_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.database import Database

_TYPES = ["sklearn.metrics._dist_metrics.EuclideanDistance64", "sklearn.neighbors._kd_tree.KDTree"]

_WRITERS: dict[str, Callable[[Any, Path], object]] = {
    "joblib": joblib.dump,
    "joblib, zlib": lambda model, path: joblib.dump(model, path, compress=3),
    "joblib, lzma": lambda model, path: joblib.dump(model, path, compress=("lzma", 3)),
    "pickle": lambda model, path: path.write_bytes(pickle.dumps(model)),
    "old pickle": lambda model, path: path.write_bytes(pickle.dumps(model, protocol=2)),
    "skops": dump,
}


def _loads(published: pgscore.Published) -> None:
    """Its program would answer without the artifact: the estimator engine says that this is loaded too."""
    assert {each.engine: each.ok for each in published.verifications} == dict.fromkeys(ENGINES, True)


@pytest.mark.parametrize("written", _WRITERS)
def test_a_file_is_stored_as_it_is_and_loads(shared: Database, key: Path, tmp_path: Path, written: str) -> None:
    path = tmp_path / "model"
    _WRITERS[written](light_pipeline(), path)
    name = written.replace(", ", "_").replace(" ", "_")
    published = pgscore.publish(shared.dsn(), f"file_{name}", path, golden=customers(), key=key)
    assert published.problem is None
    _loads(published)
    session = shared.session()
    stored = "select string_agg(content, '' order by ordinal) from pgscore.artifact_chunk where model = %s"
    assert bytes(session.value(stored, f"file_{name}")) == path.read_bytes()
    kind = session.value("select format from pgscore.model_version where model = %s", f"file_{name}")
    assert kind == written.split(",", maxsplit=1)[0].rsplit(maxsplit=1)[-1]


@pytest.mark.parametrize("kind", ["joblib", "pickle", "skops"])
def test_an_estimator_is_stored_in_the_format_that_is_asked_for(shared: Database, key: Path, kind: str) -> None:
    published = pgscore.publish(
        shared.dsn(), f"asked_{kind}", light_pipeline(), golden=customers(), key=key, format=kind, promoted=True
    )
    _loads(published)


def test_an_unknown_format_is_refused(shared: Database) -> None:
    with pytest.raises(pgscore.PgscoreError, match="format 'onnx' is not known"):
        pgscore.publish(shared.dsn(), "x", light_pipeline(), golden=customers(), format="onnx")


def test_skops_makes_only_types_that_an_operator_confirmed(serving: Database, key: Path) -> None:
    """opaque_pipeline() holds a tree and a metric, whose classes skops does not trust by itself."""
    published = pgscore.publish(
        serving.dsn(SCIENTIST), "safe", opaque_pipeline(), profile="churn.customer_profile", key=key, format="skops"
    )
    assert published.problem is not None
    assert f"asks for types that no operator has confirmed: {', '.join(_TYPES)}" in published.problem
    assert "pgscore confirm safe 1" in published.problem
    operator = serving.session(OPERATOR)
    with refused("42501", f"asks for types that no operator has confirmed: {', '.join(_TYPES)}"):
        operator.run("select pgscore.promote('safe', 1)")
    with refused("22023", 'model "safe" version 1 does not ask for type "os.system"'):
        operator.run("select pgscore.confirm('safe', 1, '{os.system}')")
    with refused("42501", "permission denied"):
        serving.session(SCIENTIST).run("select pgscore.confirm('safe', 1)")
    assert pgscore.confirm(serving.dsn(OPERATOR), "safe", 1, []) == _TYPES
    assert pgscore.confirm(serving.dsn(OPERATOR), "safe", 1, _TYPES[:1]) == _TYPES[1:]
    # One of two is not enough.
    with refused("42501", f"asks for types that no operator has confirmed: {_TYPES[1]}"):
        operator.run("select pgscore.promote('safe', 1)")
    assert pgscore.confirm(serving.dsn(OPERATOR), "safe", 1) == []
    operator.run("select pgscore.promote('safe', 1)")
    assert [(each.engine, each.ok) for each in pgscore.verify(serving.dsn(OPERATOR), "safe")] == [("estimator", True)]


def test_a_skops_file_without_a_signature_is_not_loaded_either(shared: Database) -> None:
    published = pgscore.publish(shared.dsn(), "safe_unsigned", opaque_pipeline(), golden=customers(), format="skops")
    assert "carries no signature" in (published.problem or "")
    with refused("42501", "carries no signature"):
        shared.session(OPERATOR).run("select pgscore.promote('safe_unsigned', 1)")


def test_a_file_that_is_too_large_is_refused_before_it_is_read(shared: Database, tmp_path: Path) -> None:
    path = tmp_path / "huge.joblib"
    with path.open("wb") as file:
        file.truncate(2**30 + 1)  # sparse: it takes no room
    with pytest.raises(pgscore.PgscoreError, match=r"has 1,073,741,825 bytes, and the database stores .* at most"):
        pgscore.publish(shared.dsn(), "huge", path, golden=customers())


_MEASURE = """
import resource, sys
import pgscore
from pathlib import Path
from tests.support.models import customers
dsn, path, key = sys.argv[1:]
from pgscore.publishing.artifact import open_artifact
with open_artifact(path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
steps = []
published = pgscore.publish(dsn, "large", path, golden=customers(), key=key, step=lambda *s: steps.append(s))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
done = [s for s in steps if len(s) == 3]
assert published.problem is None, published
assert "estimator" in {each.engine for each in published.verifications}, published
assert [s[1] for s in done] == sorted(s[1] for s in done) and done[-1][2] == Path(path).stat().st_size
print(len(done), (after - before) // 1024)
"""


def test_a_large_artifact_is_sent_in_pieces_with_flat_memory(shared: Database, key: Path, tmp_path: Path) -> None:
    import numpy as np

    model = pickle.loads(pickle.dumps(light_pipeline()))
    model.ballast_ = np.random.default_rng(0).random(12 * 2**20)
    path = tmp_path / "large.joblib"
    joblib.dump(model, path)
    size = path.stat().st_size
    assert size > 96 * 2**20
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, shared.dsn(), path, key], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pieces, megabytes = map(int, done.stdout.split())
    assert pieces == -(-size // (4 * 2**20))
    # Reading the estimator takes its size; sending it takes some pieces more, and not its size again.
    assert megabytes < 64


def test_an_estimator_and_its_file_have_equal_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    with open_artifact(light_pipeline()) as made:
        path.write_bytes(b"".join(made.pieces()))
        with open_artifact(path) as read:
            assert (read.sha256, read.format, read.size) == (made.sha256, "joblib", path.stat().st_size)
