"""The command without a database: its help, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pgscore import PgscoreError, UnreachableError
from pgscore.command import app, run
from typer.main import get_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OF_NO_DATABASE = (("keys", "generate"), ("sql",))
_UNREACHABLE = "host=127.0.0.1 port=1 connect_timeout=2"


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # noqa: ANN401  click's, or typer's own
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = sorted(_commands(get_command(app)))


def test_the_commands_are_those_of_the_documentation() -> None:
    assert {" ".join(path) for path in COMMANDS} >= {
        *("publish", "promote", "rollback", "retire", "prune", "confirm", "forget", "verify", "list", "show", "doctor"),
        *("attach", "detach", "reattach", "reconcile", "rescue", "install", "upgrade", "uninstall", "sql"),
        *("keys generate", "keys trust", "keys list", "keys revoke"),
        *("engines allow", "engines list", "engines forbid"),
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_examples_and_json(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path, "--help"]) == 0
    text = capsys.readouterr().out
    usage, _, rest = text.partition("\n\n")
    assert usage.startswith(f"Usage: pgscore {' '.join(path)}")
    assert rest.splitlines()[0].strip().endswith(".")
    _, _, examples = text.partition("Examples:\n")
    assert f"pgscore {' '.join(path)}" in examples
    assert "--json" in text
    assert "--json" in examples or "--dsn" in examples or path[0] == "keys"
    options, _, _ = text.partition("Examples:")
    assert all(len(line) <= 80 for line in options.splitlines())
    assert "Raises:" not in text
    assert "Args:" not in text


@pytest.mark.parametrize("path", [path for path in COMMANDS if path not in _OF_NO_DATABASE], ids=" ".join)
def test_every_command_that_asks_a_database_takes_a_dsn(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    run([*path, "--help"])
    assert "PGSCORE_DSN" in capsys.readouterr().out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_short_help_of_a_command_is_not_cut(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    run([*path[:-1], "--help"])
    line = next(line for line in capsys.readouterr().out.splitlines() if line.strip().split(" ")[0] == path[-1])
    assert not line.endswith("...")


def test_without_arguments_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "Commands:" in capsys.readouterr().out


def _fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr("pgscore.registry.list_models", fail)


def test_a_refusal_is_a_line_and_a_hint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _fail_with(PgscoreError("it is\nbroken", "Mend it.", "22023"), monkeypatch)
    assert run(["list"]) == 1
    assert capsys.readouterr() == ("", "pgscore: it is broken\nhint: Mend it.\n")


def test_a_refusal_without_hint_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fail_with(UnreachableError("nobody answers"), monkeypatch)
    assert run(["list"]) == 3
    assert capsys.readouterr() == ("", "pgscore: nobody answers\n")


def test_a_refusal_is_json_for_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _fail_with(PgscoreError("it is broken", "Mend it.", "22023"), monkeypatch)
    assert run(["list", "--json"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) == {"error": "it is broken", "hint": "Mend it.", "sqlstate": "22023"}


def test_a_fault_of_ours_asks_for_a_report_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PGSCORE_DEBUG", raising=False)
    _fail_with(ZeroDivisionError("division by zero"), monkeypatch)
    assert run(["list"]) == 70
    err = capsys.readouterr().err
    assert "please report it: ZeroDivisionError: division by zero" in err
    assert "Traceback" not in err


def test_a_fault_of_ours_shows_its_traceback_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGSCORE_DEBUG", "1")
    _fail_with(ZeroDivisionError("division by zero"), monkeypatch)
    assert run(["list"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _fail_with(KeyboardInterrupt(), monkeypatch)
    assert run(["list"]) == 130
    assert capsys.readouterr() == ("", "pgscore: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "nonsense"),
        (["keys"], "command"),
        (["show"], "MODEL"),
        (["promote", "churn", "third"], "VERSION"),
        (["list", "--verbose"], "--verbose"),
        (["publish", "churn", "model.joblib", "--metric", "auc"], "auc=0.91"),
        (["publish", "churn", "model.joblib", "--metric", "auc=nan"], "auc=0.91"),
    ],
)
def test_wrong_usage_says_what_and_where_to_read(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pgscore: ")
    assert says in err.splitlines()[0]
    assert "--help` shows what it takes" in err.splitlines()[1]


def test_an_unreachable_database_is_said_with_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "--dsn", _UNREACHABLE]) == 3
    assert "the database cannot be reached" in capsys.readouterr().err


def test_the_doctor_says_that_a_database_is_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json", "--dsn", _UNREACHABLE]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert [finding["code"] for finding in document["findings"]] == ["unreachable"]
    assert "cannot be reached" in document["findings"][0]["sentence"]
    assert document["findings"][0]["remedy"]


def test_a_key_file_that_exists_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "me.pem"
    assert run(["keys", "generate", str(path), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert set(made) == {"key_id", "private", "public"}
    before = path.read_bytes()
    assert run(["keys", "generate", str(path)]) == 1
    assert "never overwritten" in capsys.readouterr().err
    assert path.read_bytes() == before
