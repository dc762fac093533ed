"""A draft of the script that takes a database from one tree to another, statement by statement.

Functions are replaced, made and dropped; whatever else is new stands in it as it stands in the tree. What cannot be
told from two texts, such as how a table changes, is left to do, with the difference.
"""

from __future__ import annotations

import difflib
import re
from itertools import chain

TO_DO = "-- TO DO BY HAND"
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"[^\"]*\"|;",
    re.DOTALL,
)
_FUNCTION = re.compile(
    r"create (?:or replace )?(function|procedure) ([\w.]+)\((.*?)\)\s*(returns .*?)?\s*language ", re.DOTALL
)
_DEFAULT = re.compile(r"\s+default\s+(?:'[^']*'|[^,])+", re.IGNORECASE)
_OBJECT = re.compile(r"create (?:or replace )?(?:unique )?(\w+(?: \w+)??) ([\w.\"]+)")
_ON_TABLE = re.compile(r"create (?:constraint )?(policy|trigger) ([\w\"]+) (?:[\w ]+ )?on ([\w.\"]+)")
_GRANT = re.compile(r"grant (execute on function ([\w.]+)\(.*\)) to (\w+);\Z", re.DOTALL)
_SETTING = re.compile(r"(?:re)?set (?!local)", re.IGNORECASE)
_REGENERATED = "-- What promotions have generated, anew.\nselect pgscore._regenerate_models({});"
_COMPILER = re.compile(r"^-- core/program/.*?(?=^-- core/(?!program/)|\Z)", re.MULTILINE | re.DOTALL)


def draft(former: str, present: str, *, regenerated: bool = False) -> str:
    """What takes a database from the former tree to the present one, as far as it can be told.

    Args:
        former: the SQL of the tree that the database has.
        present: the SQL of the tree that it is to have.
        regenerated: whether to end with generating anew what promotions have generated.
    """
    old, new = statements(former), statements(present)
    old_functions, new_functions = _functions(old), _functions(new)
    old_bodies, new_bodies = ({_body(each) for each in group} for group in (old, new))
    old_objects = {name: each for each in old if (name := _object(each))}
    gone_functions = {key: each for key, each in old_functions.items() if key not in new_functions}
    parts: list[list[str]] = []
    for statement in new:
        if _SETTING.match(_body(statement)):
            parts.append([statement])
        elif _body(statement) not in old_bodies:
            # Calls would be ambiguous while functions of that name with other arguments are there.
            found = _function(statement)
            before = [key for key in gone_functions if found is not None and key[0] == found[2]]
            parts.append([_drop(gone_functions.pop(key)) for key in before])
            parts.append(_changed(statement, old_functions, old_objects))
    dropped = [_drop(each) for each in gone_functions.values()]
    dropped += _revoked(old, new_bodies, old_functions, new_functions)
    gone = [
        f"{TO_DO}: no longer in the tree\n{_commented(_body(each))}"
        for each in old
        if _body(each) not in new_bodies and not _function(each) and _object(each) not in {_object(e) for e in new}
        if not _body(each).startswith(("comment on ", "grant execute on function"))
    ]
    # Before the last settings are taken back.
    recompile = "recompile => true" if _COMPILER.findall(former) != _COMPILER.findall(present) else ""
    end = next((i for i in range(len(parts), 0, -1) if not _body(parts[i - 1][0]).startswith("reset ")), 0)
    parts[end:end] = [dropped + gone + ([_REGENERATED.format(recompile)] if regenerated else [])]
    return "\n\n".join(chain.from_iterable(parts)) + "\n"


def statements(sql: str) -> list[str]:
    """The statements of a script, each with the comments before it and its semicolon."""
    found, start = [], 0
    for token in _TOKEN.finditer(sql):
        if token[0] == ";":
            found.append(sql[start : token.end()].strip())
            start = token.end()
    return found


def _body(statement: str) -> str:
    """A statement without the comments before it."""
    return re.sub(r"\A(?:\s*--[^\n]*\n)+", "", statement).strip()


def _function(statement: str) -> re.Match[str] | None:
    return _FUNCTION.match(_body(statement))


def _functions(group: list[str]) -> dict[tuple[str, str], str]:
    return {(found[2], " ".join(found[3].split())): each for each in group if (found := _function(each))}


def _object(statement: str) -> str | None:
    found = _ON_TABLE.match(_body(statement))
    if found:
        return f"{found[1]} {found[2]} on {found[3]}"
    found = _OBJECT.match(_body(statement))
    return f"{found[1]} {found[2]}" if found and not _function(statement) else None


def _changed(statement: str, old_functions: dict[tuple[str, str], str], old_objects: dict[str, str]) -> list[str]:
    found = _function(statement)
    if found is not None:
        former = old_functions.get((found[2], " ".join(found[3].split())))
        same = former is not None and (before := _function(former)) is not None and before[4] == found[4]
        if same:
            return [re.sub(r"^create (?!or replace)", "create or replace ", statement, count=1, flags=re.MULTILINE)]
        return [*([_drop(former)] if former else []), statement]
    former = old_objects.get(_object(statement) or "")
    if former is None:
        return [statement]
    lines = difflib.unified_diff(
        _body(former).splitlines(), _body(statement).splitlines(), "former", "present", lineterm=""
    )
    return [f"{TO_DO}: {_object(statement)} has changed\n{_commented(chr(10).join(lines))}"]


def _revoked(
    old: list[str],
    new_bodies: set[str],
    old_functions: dict[tuple[str, str], str],
    new_functions: dict[tuple[str, str], str],
) -> list[str]:
    """What takes back rights on functions that stay."""
    gone = {name for name, _ in old_functions.keys() - new_functions.keys()}
    staying = {name for name, _ in new_functions} - gone
    grants = [_GRANT.match(_body(each)) for each in old if _body(each) not in new_bodies]
    return [f"revoke {found[1]} from {found[3]};" for found in grants if found and found[2] in staying]


def _drop(statement: str) -> str:
    return _FUNCTION.sub(
        lambda found: f"drop {found[1]} {found[2]}({_DEFAULT.sub('', ' '.join(found[3].split()))});",
        _body(statement)[: _function_head(statement)],
    )


def _function_head(statement: str) -> int:
    found = _function(statement)
    return found.end() if found else 0


def _commented(text: str) -> str:
    return "\n".join(f"-- {line}".rstrip() for line in text.splitlines())
