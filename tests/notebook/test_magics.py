"""The magics in a shell of IPython's, without a kernel: what they take, give and refuse."""

from __future__ import annotations

import atexit
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from pgscore import Comparison, Explanation
from pgscore.notebook.lines import MagicError
from pgscore.notebook.plots import comparison_figure
from traitlets.config import Config

from tests.support import models
from tests.support.database import ANALYST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Database, Session

_ALL = "select * from churn.customer_profile order by customer_id limit 3"


@pytest.fixture
def shell(shared: Database, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
    monkeypatch.setenv("PGSCORE_DSN", shared.dsn(ANALYST))
    # What was typed is kept nowhere.
    shell: Any = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    assert shell.extension_manager.load_extension("pgscore") is None
    yield shell
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()


@pytest.fixture
def scores(shared_session: Session) -> list[float]:
    of_rows = f"select pgscore.score('churn', c) from ({_ALL}) c"
    return [score for (score,) in shared_session.run(of_rows)]


def test_the_package_is_light_until_the_extension_is_loaded() -> None:
    code = "import pgscore, sys; print({'IPython', 'matplotlib', 'psycopg2'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
    code = "import pgscore, sys; pgscore.load_ipython_extension; print({'IPython', 'matplotlib'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize("query", [_ALL, f"-- three\n{_ALL}; ", f"/* a */ WITH c AS ({_ALL}) select * from c -- all"])
def test_a_query_is_scored(shell: Any, scores: list[float], query: str) -> None:  # noqa: ANN401
    found = shell.run_cell_magic("score", "churn", query)
    assert list(found["customer_id"]) == [1, 2, 3]
    assert list(found["score"]) == scores


def test_rows_are_scored_as_they_are_written(shell: Any, scores: list[float]) -> None:  # noqa: ANN401
    rows = shell.run_cell_magic("score", "churn", _ALL)[list(models.predictors().columns)]
    shell.user_ns["rows"] = rows
    for cell in (
        "rows",
        "rows.to_dict('records')",
        rows.to_json(orient="records"),
        rows.to_json(orient="records", lines=True),
    ):
        assert shell.run_cell_magic("score", "churn --into found --as p", cell) is None
        assert list(shell.user_ns["found"]["p"]) == pytest.approx(scores, rel=1e-12)
    # The first row is one of nothing but missing values, which the model does not accept.
    found = shell.run_cell_magic("score", "churn", "rows.astype(object).where(rows.state != 'KS')")
    assert list(found["score"].isna()) == [True, False, False]


@pytest.mark.parametrize(
    ("line", "cell", "message"),
    [
        ("nothing", _ALL, "nothing"),
        ("churn", "select 1 as a", "no input|no column|missing"),
        ("churn", f"select c.*, 1 as score from ({_ALL}) c", "a column score of their own"),
        ("churn --as state", _ALL, "a column state of their own"),
        ("churn", "insert into churn.complaints values (1)", "invalid syntax"),
        (
            "churn",
            "with a as (delete from churn.customer_profile returning *) select * from a",
            "WITH clause|read-only",
        ),
        ("", _ALL, "the following arguments are required: model"),
        ("churn", "{'a': 1}.b", "no attribute"),
    ],
)
def test_what_is_refused_is_one_sentence(shell: Any, line: str, cell: str, message: str) -> None:  # noqa: ANN401
    with pytest.raises((MagicError, SyntaxError, AttributeError), match=message):
        shell.run_cell_magic("score", line, cell)


def test_a_line_that_fails_fails_the_cell_without_a_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ANN401
    done = shell.run_cell("%pgscore show nothing")
    assert not done.success
    assert isinstance(done.error_in_exec, MagicError)
    assert capsys.readouterr().out.splitlines()[0].startswith("pgscore: model 'nothing' is unknown")
    done = shell.run_cell("%pgscore publish churn")
    assert "Missing argument 'FILE'" in str(done.error_in_exec)
    done = shell.run_cell("%pgscore publish churn absent")
    assert "absent" in str(done.error_in_exec)
    assert shell.run_cell("%pgscore --help").success
    assert shell.run_cell("%pgscore publish --help").success
    assert "Traceback" not in capsys.readouterr().out


def test_what_is_found_shows_as_a_picture_with_a_sentence(shell: Any) -> None:  # noqa: ANN401
    before = mpl.get_backend() if "matplotlib.pyplot" in sys.modules else None
    found = shell.run_line_magic("pgscore", "compare churn 1 2 --top 3")
    assert isinstance(found, Comparison)
    shown, about = shell.display_formatter.format(found)
    assert shown["image/png"].startswith(b"\x89PNG")
    assert about["image/png"]["alt"] == shown["text/plain"]
    assert shown["text/plain"].startswith("churn, version 2 instead of 1: 60 of 60 scores move")
    assert len(comparison_figure(found).axes) == 2
    explained = shell.run_line_magic("pgscore", "explain churn 1 --json")
    assert isinstance(explained, Explanation)
    shown, _ = shell.display_formatter.format(explained)
    assert shown["image/png"].startswith(b"\x89PNG")
    # No backend of the notebook's own was chosen for it.
    assert before == (mpl.get_backend() if "matplotlib.pyplot" in sys.modules else None)
    assert shell.run_line_magic("pgscore", "list") is None


def test_variables_are_published(shell: Any, serving: Database, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setenv("PGSCORE_DSN", serving.dsn())
    shell.user_ns |= {"model": models.light_pipeline(), "examples": models.predictors().head(5)}
    done = shell.run_cell("%pgscore publish light model --golden examples --profile churn.customer_profile --promote")
    assert done.success
    frame = shell.run_cell_magic("score", "light", "examples")
    assert isinstance(frame, pd.DataFrame)
    expected = models.light_pipeline().predict_proba(models.predictors().head(5)[models.LIGHT_INPUTS])[:, 1]
    assert list(frame["score"]) == pytest.approx(list(expected), rel=1e-12)
