"""What is no MOJO, or a damaged or hostile one, is refused with a sentence; no traceback comes of it."""

from __future__ import annotations

import io
import math
import random
import struct
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest
from pgscore.errors import PgscoreError
from pgscore.readers.mojo import archive, document, settings, trees
from pgscore.readers.mojo.document import VERSIONS, open_mojo
from pgscore.readers.mojo.reading import ALGORITHMS

from tests.support.examples import examples

from .genmodel import score_tree
from .mojos import Scorer, changed, drawing, drawn_tree, entries, fixture, made, set_to, zipped

if TYPE_CHECKING:
    from collections.abc import Callable

_POJO = b"""/*
  Licensed under the Apache License, Version 2.0
*/
import java.util.Map;
import hex.genmodel.GenModel;
import hex.genmodel.annotations.ModelPojo;

@ModelPojo(name="gbm", algorithm="gbm")
public class gbm extends GenModel {
"""


def _refusal(content: bytes) -> str:
    with pytest.raises(PgscoreError) as caught:
        Scorer(content)
    assert caught.value.hint
    return str(caught.value)


def test_a_pojo_is_refused_with_what_to_publish_instead() -> None:
    with pytest.raises(PgscoreError, match="a POJO: Java source") as caught:
        open_mojo(_POJO)
    assert caught.value.hint.startswith("Publish the MOJO of the same model")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1c\xed\x083.46.0.7 and so on", "H2O's own binary form of a model"),
        (b"", "no zip archive"),
        (b"PK", "no zip archive"),
        (b"\x80\x04\x95 a pickle", "no zip archive"),
        (zipped({"hello.txt": b"x"}), "no model.ini"),
        (zipped({"META-INF/MANIFEST.MF": b"", "a/B.class": b""}), "a Java archive"),
        (zipped({"mojo/pipeline.pb": b""}), "MOJO 2 pipeline of Driverless AI"),
    ],
)
def test_what_is_no_mojo(content: bytes, said: str) -> None:
    assert said in _refusal(content)


@pytest.mark.parametrize(
    ("name", "others", "said"),
    [
        ("gbm_gaussian", {"algorithm": "Deep Learning"}, "of the algorithm 'Deep Learning'"),
        ("gbm_gaussian", {"mojo_version": "1.50"}, "the format version 1.50"),
        ("gbm_gaussian", {"mojo_version": "null"}, "does not say mojo_version"),
        ("gbm_gaussian", {"endianness": "BIG_ENDIAN"}, "big-endian"),
        ("gbm_gaussian", {"category": "BinomialUplift"}, "the category 'BinomialUplift'"),
        ("gbm_gaussian", {"_genmodel_encoding": "Eigen"}, "encodes categories as 'Eigen'"),
        ("gbm_gaussian", {"distribution": "custom"}, "the distribution 'custom'"),
        ("gbm_gaussian", {"link_function": "inverse"}, "the link 'inverse'"),
        ("gbm_gaussian", {"init_f": "NaN"}, "init_f = nan"),
        ("gbm_gaussian", {"n_features": "60"}, "n_features = 60"),
        ("gbm_gaussian", {"n_features": "2"}, "tests column"),
        ("gbm_gaussian", {"n_columns": "6"}, "names 7 columns"),
        ("gbm_gaussian", {"n_trees": "1000000000"}, "n_trees = 1000000000"),
        ("gbm_gaussian", {"n_trees_per_class": "2"}, "1 trees for each round"),
        ("gbm_gaussian", {"n_trees": "1_0"}, "no number"),
        ("gbm_gaussian", {"supervised": "maybe"}, "neither true nor false"),
        ("gbm_binomial", {"n_classes": "3"}, "the 3 classes"),
        ("gbm_binomial", {"default_threshold": "NaN"}, "default_threshold = nan"),
        ("gbm_binomial_balanced", {"prior_class_distrib": "[0.5]"}, "how frequent each class was"),
        ("gbm_binomial_balanced", {"prior_class_distrib": "[0.5, -2]"}, "frequencies of classes that are none"),
        ("drf_binomial", {"binomial_double_trees": "true"}, "2 trees for each round"),
        ("glm_poisson", {"link": "probit"}, "the link 'probit'"),
        ("glm_poisson", {"family": "binomial"}, "the family 'binomial' for no classes"),
        ("glm_poisson", {"beta": "[1.0, 2.0]"}, "coefficients for each score"),
        ("glm_poisson", {"beta": "1.0"}, "no list"),
        ("glm_poisson", {"cat_offsets": "[0, 9, 4]"}, "do not fit its columns"),
        ("glm_poisson", {"num_means": "[0.0]"}, "stands for a missing value"),
        ("glm_tweedie_power", {"tweedie_link_power": "0.2"}, "an odd root"),
        ("xgboost_binomial", {"cat_offsets": "[0, 1, 2, 3]"}, "tests more than"),
        ("xgboost_binomial", {"cats": "1"}, "do not fit its columns"),
        ("xgboost_binomial", {"category": "Regression"}, None),
        ("xgboost_regression", {"has_offset": "true"}, "which column is the offset"),
    ],
)
def test_what_is_not_supported_is_named(name: str, others: dict[str, str], said: str | None) -> None:
    if said is None:
        # A regressor may have a logistic output.
        assert len(Scorer(set_to(name, **others)).outputs(minutes=1.0) or ()) == 1
    else:
        assert said in _refusal(set_to(name, **others))


@pytest.mark.parametrize(
    ("name", "entry", "change", "said"),
    [
        ("gbm_gaussian", "model.ini", lambda old: old + b"\xff", "model.ini is not UTF-8"),
        ("gbm_gaussian", "model.ini", lambda old: old.replace(b"[domains]", b"[domains]\nx: y"), "names no domain"),
        ("gbm_gaussian", "model.ini", lambda old: old.replace(b"\nage\n", b"\n#age\n"), "names 6 columns"),
        ("gbm_gaussian", "model.ini", lambda old: old.replace(b"\nage\n", b"\nminutes\n"), "two of its columns"),
        ("gbm_gaussian", "domains/d000.txt", lambda _: None, "domains/d000.txt is missing"),
        ("gbm_gaussian", "domains/d000.txt", lambda old: old + b"more\n", "has 9 categories"),
        ("gbm_gaussian", "domains/d000.txt", lambda old: old.replace(b"gold", b"g" * 1001), "more than 1,000 bytes"),
        ("gbm_gaussian", "model.ini", lambda old: old.replace(b"\nage\n", b"\na\0e\n"), "a zero byte"),
        ("gbm_binomial", "domains/d003.txt", lambda old: old + b"more\n", "has 3 categories"),
        ("gbm_binomial", "domains/d003.txt", lambda old: old.replace(b"no", b"n" * 1001), "more than 1,000 bytes"),
        ("gbm_gaussian", "trees/t00_000.bin", lambda old: old[:-1], "trees/t00_000.bin is damaged"),
        ("gbm_gaussian", "trees/t00_003.bin", lambda _: b"", "trees/t00_003.bin is damaged"),
        ("gbm_gaussian", "trees/t00_000.bin", lambda _: b"\0\xff\xff\0\0\xc0\x7f", "a leaf that is nan"),
        ("gbm_gaussian", "trees/t00_000.bin", lambda _: b"\x74\1\0\2" + b"\0" * 20, "makes no known test"),
        ("gbm_gaussian", "trees/t00_000.bin", lambda _: b"\x7c\1\0\2" + b"\0" * 20, "is cut short"),
        ("gbm_gaussian", "trees/t00_000.bin", lambda _: b"\x78\1\0\2" + b"\0" * 20, "whether a number is in a set"),
        ("gbm_gaussian", "trees/t00_000.bin", lambda _: b"\x50\1\0\2" + b"\0" * 20, "is of no known type"),
        ("xgboost_binomial", "boosterBytes", lambda _: None, "boosterBytes is missing"),
        ("xgboost_binomial", "boosterBytes", lambda old: old[:2000], "is cut short"),
        ("xgboost_binomial", "boosterBytes", lambda old: b"\0\x05\x5f" + old, "on Spark"),
        ("xgboost_binomial", "boosterBytes", lambda old: old.replace(b"gbtree", b"abtree"), "'abtree'"),
        ("xgboost_binomial", "boosterBytes", lambda old: old.replace(b"binary:l", b"binary:x"), "cannot give here"),
    ],
)
def test_what_is_damaged_is_named(name: str, entry: str, change: Callable[[bytes], bytes | None], said: str) -> None:
    assert said in _refusal(changed(name, entry, change))


def test_unknown_outputs_are_refused() -> None:
    with pytest.raises(PgscoreError, match="no output 'predict'") as caught:
        open_mojo(fixture("isolation"), "predict")
    assert caught.value.hint == "Outputs to choose from: score, mean_length."
    with pytest.raises(PgscoreError, match="no output 'score'"):
        open_mojo(fixture("gbm_gaussian"), "score")


def test_rows_that_genmodel_does_not_score_have_no_score() -> None:
    skip = Scorer(fixture("glm_binomial_skip"))
    row: dict[str, float | str | None] = {
        "plan": "gold", "minutes": 1.0, "town": "town 01", "paid": 1.0, "age": 30.0, "plan.region": "north",
    }  # fmt: skip
    assert skip.outputs(**row) is not None
    assert skip.outputs(**row | {"plan": "never"}) is None
    assert skip.outputs(**row | {"plan": None}) is None
    linear = Scorer(fixture("xgboost_linear_value"))
    assert linear.outputs(minutes=1e300, age=1.0, paid=1.0) is None
    assert linear.outputs(minutes=math.inf, age=1.0, paid=1.0) is None
    # All classes are so unlikely that genmodel divides by a number too small: it has NaN.
    beta = open_mojo(fixture("glm_multinomial")).settings.numbers("beta")
    width = len(beta) // 3
    for intercept, has_score in ((-600.0, True), (-800.0, False)):
        found = [intercept if n % width == width - 1 else each for n, each in enumerate(beta)]
        outputs = Scorer(set_to("glm_multinomial", beta=str(found))).outputs(**row)
        assert (outputs is not None) == has_score


def test_every_version_is_of_an_algorithm_that_is_read() -> None:
    assert VERSIONS.keys() == ALGORITHMS.keys()


def _named(**found: bytes) -> bytes:
    return zipped(entries(fixture("glm_quasibinomial")) | found)


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "C:\\x", "\\\\host\\x", "a\nb"])
def test_names_that_lead_out_of_the_archive_are_refused(name: str) -> None:
    content = _named(**{"placeholder": b"x"})
    # As many bytes: the archive stays whole.
    assert "MOJO is damaged" in _refusal(content.replace(b"placeholder", f"{name:_<11}".encode()))


def test_archives_in_the_archive_and_entries_that_are_there_twice() -> None:
    assert "an archive within" in _refusal(_named(**{"models/a.zip": b"PK"}))
    buffer = io.BytesIO(fixture("glm_quasibinomial"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(buffer, "a") as twice:
            twice.writestr("model.ini", b"[info]")
    assert "is there twice" in _refusal(buffer.getvalue())


def test_bombs_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archived:
        archived.writestr("model.ini", b"\0" * 20_000_000)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("it was unpacked"))
    assert "times its size" in _refusal(bomb.getvalue())
    monkeypatch.setattr(archive, "_MOST_UNPACKED", 1000)
    assert "unpacks to more than" in _refusal(fixture("gbm_gaussian"))
    monkeypatch.setattr(archive, "_MOST_ENTRIES", 3)
    assert "entries" in _refusal(fixture("gbm_gaussian"))
    monkeypatch.setattr(archive, "_MOST_BYTES", 10)
    assert "bytes" in _refusal(fixture("gbm_gaussian"))


def test_models_past_the_limits_of_programs_are_refused_while_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "_MOST_MEMBERS", 20)
    assert "test sets of more than 20 categories together" in _refusal(fixture("gbm_deep"))
    monkeypatch.setattr(trees, "_MOST_NODES", 20)
    assert "trees before it have more than 20 nodes" in _refusal(fixture("gbm_binomial_plain"))
    monkeypatch.setattr(trees, "_MOST_DEPTH", 2)
    assert "is deeper than 2 tests" in _refusal(fixture("gbm_binomial_plain"))
    monkeypatch.setattr(document, "_MOST_LEVELS", 50)
    assert "more than 50 categories" in _refusal(fixture("gbm_gaussian"))
    with pytest.raises(PgscoreError, match="more than 5 lines"):
        settings.lines_of("\n" * 12, 5, "model.ini")


def test_an_entry_that_is_longer_than_it_says() -> None:
    content = fixture("glm_quasibinomial")
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        size = opened.getinfo("model.ini").file_size
    assert "MOJO is damaged" in _refusal(content.replace(struct.pack("<I", size), struct.pack("<I", size - 9)))


def test_encrypted_entries_are_refused() -> None:
    content = fixture("glm_quasibinomial")
    at = content.index(b"PK\x01\x02") + 8
    assert "is encrypted" in _refusal(content[:at] + b"\x01" + content[at + 1 :])


def test_a_file_that_is_cut_short_is_refused_wherever_that_is() -> None:
    for name in ("gbm_binomial", "glm_gaussian", "xgboost_binomial"):
        content = fixture(name)
        for part in range(20):
            assert _refusal(content[: len(content) * part // 20])


def _tried(content: bytes) -> Scorer | None:
    """A program, or a refusal."""
    refused = ""
    try:
        return Scorer(content)
    except PgscoreError as error:
        refused = str(error)
    assert refused
    assert "\n" not in refused
    return None


def _flipped(content: bytes, draw: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 8])):
        found[draw.randrange(len(found))] ^= 1 << draw.randrange(8)
    return bytes(found)


def _flip_files(draw: random.Random, count: int) -> None:
    """Bits of the archive itself: what is still read gives the same scores, as its checksums hold."""
    for name in ("glm_quasibinomial", "xgboost_regression"):
        content, row = fixture(name), {"minutes": 100.0, "age": 30.0, "paid": 1.0}
        wanted = Scorer(content).outputs(**row)
        for _ in range(count):
            scorer = _tried(_flipped(content, draw))
            assert scorer is None or scorer.outputs(**row) == wanted


def _flip_entries(draw: random.Random, count: int) -> None:
    """Bits of what is in the archive, whose checksums are made anew: refused, or a program of something else."""
    for name in ("gbm_binomial_folds", "glm_quasibinomial", "xgboost_dart", "drf_binomial_balanced"):
        found = entries(fixture(name))
        for _ in range(count):
            entry = draw.choice(list(found))
            scorer = _tried(zipped(found | {entry: _flipped(found[entry], draw)}))
            if scorer is not None:
                scorer.outputs(minutes=100.0, age=30.0, paid=1.0)


def _flip_trees(draw: random.Random, count: int) -> None:
    """Bits of a tree: where it is read, it gives what scoreTree gives."""
    read = 0
    for _ in range(count):
        tree = _flipped(drawn_tree(draw, 1.4, 3), draw)
        scorer = _tried(made([tree], 1.4))
        if scorer is None:
            continue
        read += 1
        for _ in range(4):
            codes = [draw.randrange(5), draw.randrange(40)]
            numbers = [draw.gauss(0, 1), draw.gauss(0, 1)]
            wanted = score_tree(tree, [*numbers, *map(float, codes)], 1.4)
            row: dict[str, float | str | None] = {
                "a": numbers[0],
                "b": numbers[1],
                "c": f"c{codes[0]}",
                "d": f"d{codes[1]}",
            }
            assert scorer.value(**row) == wanted
    assert read > count / 10


@pytest.mark.long
def test_flipped_bits() -> None:
    for seed in range(examples(1)):
        draw = drawing(seed)
        _flip_files(draw, 60)
        _flip_entries(draw, 30)
        _flip_trees(draw, 150)
