"""Programs that are malformed or lie: refused, and nothing is stored."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pgscore
import pytest

from tests.support.database import OPERATOR, SCIENTIST, refused
from tests.support.models import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.database import Database, Session

    Program = dict[str, Any]


def _extra(program: Program) -> None:
    program["code"] = "import os"


def _forward(program: Program) -> None:
    program["steps"][0]["of"][1] = 3


def _word(program: Program) -> None:
    program["steps"][0]["intercept"] = "1; drop table pgscore.model"


def _unknown_step(program: Program) -> None:
    program["steps"][0]["step"] = "sql"


def _score_of_nothing(program: Program) -> None:
    program["scores"] = [99]


def _renamed(program: Program) -> None:
    program["inputs"][1]["name"] = "'); drop table pgscore.model; --"


def _lenient(program: Program) -> None:
    program["inputs"][0]["nullable"] = True


def _one_value(program: Program) -> None:
    program["link"] = "identity"


_MALFORMED: dict[str, tuple[Callable[[Program], None], str]] = {
    "a field of its own": (_extra, 'the program has a field "code", which programs do not have'),
    "a step that reads on": (_forward, "steps[0].of[1] is 3, and only registers 0 to 2 come before it"),
    "SQL for a number": (_word, 'steps[0].intercept is "1; drop table pgscore.model", and a finite number is wanted'),
    "a step of its own": (_unknown_step, 'steps[0].step is "sql", which is no step of programs'),
    "a score of nothing": (_score_of_nothing, "scores[0] is 99, and only registers 0 to "),
    "an input of its own": (_renamed, 'inputs[1].name is "\'); drop table pgscore.model; --", and the contract says'),
    "an input more lenient": (_lenient, "inputs[0].nullable is true, and the contract says false"),
    "another number of outputs": (_one_value, 'link "identity" gives 1 outputs, and the contract has 2 classes'),
}
_STORED = (
    "select (select count(*) from pgscore.model), (select count(*) from pgscore.model_version),"
    " (select count(*) from pgscore.golden_row), (select count(*) from pgscore.program),"
    " (select count(*) from pg_proc where pronamespace = 'pgscore_models'::regnamespace)"
)


def _publish_by_hand(session: Session, name: str, program: str) -> None:
    """What a publisher can do who writes his own client: all is that of version 2 of churn but the program."""
    session.run(
        "select pgscore._publish(%s, v.digest, v.sha256, v.size, v.format, v.contract, v.signature, v.key_id, '{}',"
        " (select jsonb_agg(jsonb_build_object('inputs', g.inputs, 'expected', g.expected, 'outputs', g.outputs,"
        " 'scale', g.scale) order by g.ordinal) from pgscore.golden_row g where g.model = v.model and g.version = 2),"
        " %s) from pgscore.model_version v where v.model = 'churn' and v.version = 2",
        name,
        program,
    )


@pytest.fixture
def program(shared_session: Session) -> Program:
    """The program of `light_pipeline()`."""
    found: Program = shared_session.value("select program from pgscore.program where model = 'churn' and version = 2")
    return deepcopy(found)


@pytest.mark.parametrize("named", _MALFORMED)
def test_a_malformed_program_is_refused_and_nothing_is_stored(
    shared: Database, shared_session: Session, program: Program, named: str
) -> None:
    change, message = _MALFORMED[named]
    change(program)
    before = shared_session.row(_STORED)
    scientist = shared.session(SCIENTIST)
    with refused("22023", f'the program of model "hostile" is refused: {message}'):
        _publish_by_hand(scientist, "hostile", json.dumps(program))
    assert shared_session.row(_STORED) == before
    assert shared_session.value("select count(*) from pgscore.model where name = 'hostile'") == 0
    scientist.close()


@pytest.mark.parametrize(("document", "shown"), [("null", "null"), ("[]", "a list"), ('"x"', '"x"'), ("1", "1")])
def test_a_program_that_is_no_object_is_refused(
    shared: Database, shared_session: Session, document: str, shown: str
) -> None:
    before = shared_session.row(_STORED)
    scientist = shared.session(SCIENTIST)
    with refused(
        "22023", f'the program of model "hostile" is refused: the program is {shown}, and an object is wanted'
    ):
        _publish_by_hand(scientist, "hostile", document)
    assert shared_session.row(_STORED) == before
    scientist.close()


def test_invariant_5_a_program_that_lies_is_not_promoted(serving: Database, program: Program) -> None:
    """Well-formed, and not the estimator: the golden rows tell, in the engines that compute it."""
    linear = next(step for step in program["steps"] if step["step"] == "linear")
    linear["intercept"] += 1e-6
    session, scientist = serving.session(), serving.session(SCIENTIST)
    scientist.run("begin")
    _publish_by_hand(scientist, "liar", json.dumps(program))
    for content in session.run("select content from pgscore.artifact_chunk where model = 'churn' and version = 2"):
        scientist.run("select pgscore._store_chunk('liar', 1, %s)", *content)
    scientist.run("commit")
    found = {each.engine: each.ok for each in pgscore.verify(serving.dsn(SCIENTIST), "liar")}
    assert found == {"sql": False, "interpreter": False, "estimator": True}
    for engine in (None, *ENGINES):
        with refused("22000", 'model "liar" version 1 is not promoted: golden row '):
            serving.session(OPERATOR).run("select pgscore.promote('liar', 1, %s)", engine)
    assert session.value("select serving from pgscore.model where name = 'liar'") is None
