"""Programs of H2O's MOJOs give what genmodel gives: on its own predictions, at every border, for trees of any shape."""

from __future__ import annotations

import math
import random
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgscore.readers.mojo.document import open_mojo

from tests.support.examples import examples

from .fixtures import check, paths, read_fixture
from .genmodel import booster_leaf, booster_trees, score_tree
from .mojos import LEVELS, Scorer, changed, drawing, drawn_tree, entries, fixture, made, set_to, zipped

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = (1.0, 1.1, 1.2, 1.3, 1.4)


@pytest.mark.parametrize("path", paths("mojo"), ids=lambda path: path.stem)
def test_gives_what_genmodel_gives(path: Path) -> None:
    found = read_fixture(path)
    assert len(found.rows) >= 20
    check(open_mojo(found.content), found, "mojo")


def _beside(value: float) -> list[float]:
    return [math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf)]


def _coded(scorer: Scorer, row: dict[str, float | str | None]) -> list[float]:
    """A row as genmodel has it."""
    document, found = scorer.document, []
    for name, domain in zip(document.features, document.domains, strict=True):
        value = row[name]
        if isinstance(value, str):
            found.append(float(domain.index(value)) if domain and value in domain else math.nan)
        else:
            found.append(math.nan if value is None else value)
    return found


def _drawn(scorer: Scorer, draw: random.Random) -> dict[str, float | str | None]:
    document = scorer.document
    return {
        name: draw.uniform(-10, 300) if domain is None else draw.choice([*domain, "unseen"])
        for name, domain in zip(document.features, document.domains, strict=True)
    }


@pytest.mark.parametrize("name", ["gbm_gaussian", "gbm_deep", "drf_regression", "isolation"])
def test_takes_the_same_branch_beside_every_threshold(name: str) -> None:
    scorer, draw = Scorer(fixture(name), "mean_length" if name == "isolation" else None), drawing(7)
    trees = [tree for entry, tree in entries(fixture(name)).items() if entry.endswith(".bin") and "_aux" not in entry]
    setting = scorer.document.settings
    start, divide = setting.number("init_f", 0.0), 1 if name.startswith("gbm") else len(trees)
    met: set[tuple[int, float]] = set()
    for _ in range(60):
        numbers = _coded(scorer, _drawn(scorer, draw))
        for tree in trees:
            score_tree(tree, numbers, 1.4, met)
    at = [(column, split) for column, split in sorted(met) if scorer.document.domains[column] is None]
    assert len(at) > 10
    for column, split in draw.sample(at, min(len(at), 60)):
        for value in _beside(split):
            row = _drawn(scorer, draw) | {scorer.document.features[column]: value}
            coded = _coded(scorer, row)
            assert scorer.value(**row) == sum(score_tree(tree, coded, 1.4) for tree in trees) / divide + start


def test_takes_the_same_branch_beside_every_threshold_of_a_booster() -> None:
    scorer, draw = Scorer(fixture("xgboost_regression")), drawing(7)
    trees = booster_trees(entries(fixture("xgboost_regression"))["boosterBytes"])
    met: set[tuple[int, float]] = set()

    def wanted(row: dict[str, float | str | None]) -> float:
        with np.errstate(over="ignore"):
            singles = [float(np.float32(value)) for value in _coded(scorer, row)]
        return 0.5 + sum(booster_leaf(tree, singles, met) for tree in trees)

    for _ in range(60):
        wanted(_drawn(scorer, draw))
    assert len(met) > 10
    reading = scorer.reading
    assert reading.tolerance is not None
    for column, split in sorted(met):
        # Doubles around it that round to it, and to the float32 before.
        before = float(np.nextafter(np.float32(split), np.float32(-math.inf)))
        for value in (*_beside(split), *_beside(before), *_beside((split + before) / 2)):
            row = _drawn(scorer, draw) | {scorer.document.features[column]: value}
            most = reading.tolerance.relative * reading.tolerance.terms
            assert abs(scorer.value(**row) - wanted(row)) <= most


_NUMBERS = [math.nan, math.inf, -math.inf, 0.0, -0.0, 2.0, math.nextafter(2.0, 0), 1.0, -1.5]


def _compare(trees: list[bytes], version: float, draw: random.Random) -> None:
    scorer = Scorer(made(trees, version))
    for _ in range(20):
        numbers = [draw.choice([*_NUMBERS, draw.gauss(0, 1)]) for _ in range(2)]
        codes = [draw.choice([math.nan, *map(float, range(LEVELS[column]))]) for column in (2, 3)]
        wanted = sum(score_tree(tree, [*numbers, *codes], version) for tree in trees)
        names = [None if math.isnan(code) else f"{name}{int(code)}" for name, code in zip("cd", codes, strict=True)]
        row = dict(zip("abcd", [*(None if math.isnan(each) else each for each in numbers), *names], strict=True))
        assert abs(scorer.value(**row) - wanted) <= 1e-12, (version, row)


@given(seed=st.integers(0, 2**32), version=st.sampled_from(VERSIONS))
@settings(max_examples=examples(60), deadline=None)
def test_trees_of_any_shape_and_version(seed: int, version: float) -> None:
    draw = drawing(seed)
    _compare([drawn_tree(draw, version) for _ in range(draw.choice([1, 3]))], version, draw)


def test_a_set_goes_on_to_nodes_that_only_ask_whether_a_value_is_missing() -> None:
    # scoreTree does not clear it: a code out of the range of the set before goes as NaN. A node for d has a set of
    # three codes, and below it one for c asks whether it is missing, its type saying that it tests a set.
    leaf = struct.pack("<f", 1.0)
    below = bytes([12 | 48 | 0x40]) + struct.pack("<HB", 2, 1) + leaf + struct.pack("<f", 2.0)
    whole = bytes([12]) + struct.pack("<HBHi", 3, 2, 0, 3) + b"\0" + bytes([len(below)]) + below + leaf
    whole = bytes([whole[0] | 0x40]) + whole[1:]
    scorer = Scorer(made([whole], 1.4))
    assert [scorer.value(d="d1", c=f"c{code}") for code in range(5)] == [1.0, 1.0, 1.0, 2.0, 2.0]
    assert scorer.value(d="d1") == 2.0
    _compare([whole], 1.4, drawing(1))


def test_sets_of_the_first_version_send_codes_out_of_range_left() -> None:
    tree = bytes([12 | 48 | 0x40]) + struct.pack("<HBHH", 3, 3, 0, 1) + b"\xff" + struct.pack("<ff", -1.0, 1.0)
    assert Scorer(made([tree], 1.0)).value(d="d9") == -1.0
    assert Scorer(made([tree], 1.1)).value(d="d9") == 1.0


def test_older_versions_read_the_same_trees() -> None:
    rows = read_fixture(next(path for path in paths("mojo") if path.stem == "gbm_gaussian")).rows[:5]
    now = Scorer(fixture("gbm_gaussian"))
    for version in ("1.20", "1.30"):
        then = Scorer(set_to("gbm_gaussian", mojo_version=version))
        for row in rows:
            values = {
                name: text if name in now.document.categories or text is None else float(text)
                for name, text in row.items()
            }
            assert then.outputs(**values) == now.outputs(**values)


def test_a_text_that_the_domain_has_behind_the_name_of_its_column() -> None:
    # hex.genmodel.easy.EnumEncoder. The first category goes right, all others and what is missing left.
    tree = bytes([8 | 48 | 0x40]) + struct.pack("<HB", 2, 2) + b"\x01\0\0\0" + struct.pack("<ff", 0, 1)
    found = entries(made([tree], 1.4))
    scorer = Scorer(zipped(found | {"domains/d002.txt": b"c.c0\nc1\nc2\nc3\nc.c1\n"}))
    assert [scorer.value(c=text) for text in ("c.c0", "c0")] == [1, 1]
    assert [scorer.value(c=text) for text in ("c1", "c.c1", "c.c.c0", "never", "C0", None)] == [0] * 6


def test_a_forest_without_votes_gives_no_class_a_probability() -> None:
    # DrfMojoModel.unifyPreds divides by the sum of the votes where that is above 0.
    found = entries(fixture("drf_multinomial"))
    nothing = {name: b"\0\xff\xff\0\0\0\0" for name in found if name.startswith("trees/") and "_aux" not in name}
    assert Scorer(zipped(found | nothing)).outputs(minutes=1.0) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("line", "level"), [(r"a\nb", "a\nb"), (r"a\\nb", r"a\nb"), (r"a\tb", "atb"), ("a b ", "a b ")]
)
def test_categories_are_escaped(line: str, level: str) -> None:
    content = changed("gbm_binomial", "domains/d000.txt", lambda old: old.replace(b"NA\n", line.encode() + b"\n"))
    assert level in open_mojo(content).categories["plan"]
    older = entries(content)
    older["model.ini"] = older["model.ini"].replace(b"escape_domain_values = true", b"license = none")
    assert line in open_mojo(zipped(older)).categories["plan"]


def test_the_label_goes_by_the_threshold_which_belongs_to_the_second_class() -> None:
    row = {"minutes": 100.0, "age": 30.0, "paid": 10.0}
    for name in ("gbm_binomial_plain", "glm_quasibinomial", "drf_binomial_balanced"):
        outputs = Scorer(fixture(name)).outputs(**row)
        assert outputs is not None
        probability = outputs[1]
        for threshold, is_second in zip(_beside(probability), (True, True, False), strict=True):
            scorer = Scorer(set_to(name, default_threshold=repr(threshold)))
            found = scorer.outputs(**row)
            assert found is not None
            first, second = found[2:]
            assert (second >= first) == is_second, name
            assert scorer.reading.program["tie"] == "last"


def test_an_isolation_forest_has_other_numbers_to_choose() -> None:
    content = fixture("isolation_flagged")
    assert open_mojo(content).outputs == ("score", "mean_length", "predict")
    row = {"minutes": 1e6, "age": -5.0, "paid": 1e6}
    score, mean, flag = (Scorer(content, target).value(**row) for target in ("score", "mean_length", "predict"))
    document = open_mojo(content)
    longest, shortest = (document.settings.integer(f"{end}_path_length") for end in ("max", "min"))
    assert score == (longest - mean * document.settings.integer("n_trees")) / (longest - shortest)
    assert flag == float(score > document.settings.number("default_threshold"))
    for threshold, wanted in zip(_beside(score), (1.0, 0.0, 0.0), strict=True):
        assert Scorer(set_to("isolation_flagged", default_threshold=repr(threshold)), "predict").value(**row) == wanted


def test_calibrated_probabilities_can_be_chosen() -> None:
    row: dict[str, float | str | None] = {
        "minutes": 150.0, "age": 44.0, "paid": 12.0, "plan": "gold", "town": "town 07", "plan.region": "north",
    }  # fmt: skip
    for name in ("gbm_platt", "drf_isotonic"):
        content = fixture(name)
        raw, found = (Scorer(content, target).outputs(**row) for target in (None, "calibrated"))
        assert raw is not None
        assert found is not None
        if name == "gbm_platt":
            factor, offset = open_mojo(content).settings.numbers("calib_glm_beta")
            wanted = 1 / (1 + math.exp(-(raw[0] * factor + offset)))
        else:
            x, y = (np.frombuffer(entries(content)[f"calib/thresholds_{axis}"], ">f8", offset=4) for axis in "xy")
            wanted = float(np.interp(raw[1], x, y))
        assert abs(found[1] - wanted) <= 1e-12
        assert abs(found[1] - raw[1]) > 1e-3
        # The label goes by what is not calibrated.
        assert found[2:] == raw[2:]


def test_an_isotonic_calibration_jumps_where_java_finds_it() -> None:
    # What the server gives, h2o 3.46.0.7, at probabilities that are thresholds twice.
    scorer = Scorer(fixture("drf_isotonic"), "calibrated")
    for minutes, age, paid, wanted in (
        (233.2712927133402, 58.0, 0.0, 0.88),
        (247.9329333929224, 50.0, 24.27412658043578, 0.23880597014925373),
        (234.48007496001853, 36.0, 0.0, 0.8405797101449275),
    ):
        found = scorer.outputs(minutes=minutes, age=age, paid=paid)
        assert found is not None
        assert found[1] == wanted


def test_trees_with_weights_have_covers() -> None:
    for name in ("gbm_binomial", "drf_multinomial", "isolation", "xgboost_binomial", "xgboost_dart"):
        trees = next(step for step in Scorer(fixture(name)).reading.program["steps"] if step["step"] == "trees")
        assert len(trees["cover"]) == len(trees["feature"])
        for node, feature in enumerate(trees["feature"]):
            if feature >= 0:
                children = trees["cover"][trees["left"][node]] + trees["cover"][trees["right"][node]]
                assert abs(children - trees["cover"][node]) <= 1e-3 * max(1.0, children)
    without = zipped({key: value for key, value in entries(fixture("gbm_binomial")).items() if "_aux" not in key})
    assert "cover" not in Scorer(without).reading.program["steps"][0]


def test_inputs_output_and_categories() -> None:
    found = open_mojo(fixture("gbm_binomial_offset"))
    assert {each.name: (each.type, each.nullable) for each in found.inputs} == {
        "plan": ("text", True), "minutes": ("double precision", True), "town": ("text", True),
        "paid": ("double precision", True), "age": ("double precision", True), "plan.region": ("text", True),
        "shift": ("double precision", False),
    }  # fmt: skip
    assert (found.output.kind, found.output.classes, found.output.positive) == ("probability", ("no", "yes"), 1)
    assert found.categories["plan.region"] == ("north", "plan.north", "south")
    assert found.libraries == {"h2o": "3.46.0.7", "mojo": "1.40"}
    assert open_mojo(fixture("gbm_multinomial")).output.classes == ("basic", "größer", "top")
    assert open_mojo(fixture("gbm_quasibinomial")).output.classes == ("0", "1")
    assert not any(each.nullable for each in open_mojo(fixture("glm_binomial_skip")).inputs)
