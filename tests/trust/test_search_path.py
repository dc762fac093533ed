"""No function finds a name by its caller's search_path: the catalog of a database with everything in it is read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.program.ensembles import trees_program
from tests.program.scoring import create
from tests.program.test_functions import linear_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program.oracle import Program
    from tests.support.database import Database, Session

_OURS = ("pgscore", "pgscore_models", "pgscore_trusted")
_SAFE = (*_OURS, "pg_catalog", "information_schema")
_PATH = "search_path=pg_catalog, pg_temp"
_INLINED = "f sql"

# Kind and language, how the signature begins, and why the path cannot be pinned.
_UNPINNED = (
    ("p plpgsql", r"pgscore\.", "commits, which no procedure with a SET clause may"),
    ("f plpython3u", r"pgscore_trusted\._walk\(", "a SET clause costs a tenth of a call; it asks the database nothing"),
    (
        _INLINED,
        r"pgscore\._(can_interpret|change|is_integer|is_number|is_text|known|nullif|number)\(",
        "inlined into what calls it",
    ),
    ("f plpgsql", r"pgscore\._(fetch|score_source)\(", "runs the caller's query, under the caller's path"),
    (_INLINED, r"pgscore\.score_rows\(text,", "the same"),
    (
        _INLINED,
        r"pgscore\.(score|predict|_rescore|_score_rows|_scored)\(text,",
        "inlined down to the engine",
    ),
    (_INLINED, r'pgscore_models\."_\w+ \d+[be]?"\(', "the scorer of a program, inlined into queries"),
    (
        "f plpgsql",
        r'pgscore_models\."_\w+ \d+[bw]?"\(',
        "the scorer of a large program: a SET clause costs more than a call",
    ),
    (
        "f plpgsql",
        r'pgscore_models\."[a-z]\w* one"\(',
        "scores one row for bindings: a SET clause would be felt",
    ),
    ("f plpgsql", r"churn\._pgscore_\w+_is_marked\(", "a trigger's condition: a SET clause would be felt"),
    ("f internal", r"pgscore_trusted\._array_", "the server's own code, which looks up nothing"),
    (_INLINED, r'pgscore_models\.("[a-z]\w* [a-z]+"|[a-z]\w*)\(', "a model's, inlined into queries"),
)
# Written like calls, and none.
_SYNTAX = (
    "all|and|any|array|as|between|by|case|cast|check|coalesce|conflict|cube|distinct|else|elsif|end|except|execute"
    "|exists|extract|filter|foreach|from|greatest|grouping|having|if|in|intersect|into|is|join|lateral|least|loop"
    "|materialized|not|nullif|of|offset|on|operator|or|over|overlaps|perform|query|raise|recursive|return|returning"
    "|rollup|row|rows|select|set|sets|some|table|then|union|using|values|when|where|while|with|within"
)
_TYPES = (
    "double precision|character varying|timestamp with(?:out)? time zone|bigint|bit|bool|boolean|box|bpchar|bytea|char"
    "|character|date|decimal|float|float4|float8|int|int2|int4|int8|integer|interval|json|jsonb|name|numeric|oid|point"
    "|real|regclass|regproc|regprocedure|regrole|regtype|smallint|text|timestamp|timestamptz|uuid|varchar|xid"
)
# What looks up an operator by the path, though it names none.
_HIDDEN_OPERATORS = (
    r"\bnullif\s*\(|\bbetween\b|\bis\s+(?:not\s+)?distinct\s+from\b|\bin\s*\(|\bi?like\b|\bcase\b(?!\s+when\b)"
)


# What the programs below make use of, each at least once.
_FORMS = (
    *("operator(pg_catalog.+) (", "operator(pg_catalog.-)", "operator(pg_catalog.*)", "operator(pg_catalog./)"),
    *("operator(pg_catalog.=) any (", "operator(pg_catalog.<=)", "operator(pg_catalog.>)", "operator(pg_catalog.<@)"),
    *(
        "pg_catalog.exp(",
        "pg_catalog.sqrt(",
        "pg_catalog.abs(",
        "pg_catalog.float8larger(",
        "pg_catalog.float8smaller(",
    ),
    *("pgscore._nullif(", 'collate pg_catalog."C"', "::pg_catalog.text", "::pg_catalog.box", "pgscore._outputs("),
)
_MASKED = -1234.5
_MASKS = "create schema masks;" + "".join(
    f"create function masks.{name}({', '.join(['pg_catalog.float8'] * count)}) returns pg_catalog.float8"
    f" language sql immutable as 'select {_MASKED}::pg_catalog.float8';"
    for name, count in (("exp", 1), ("sqrt", 1), ("abs", 1), ("float8larger", 2), ("float8smaller", 2))
)
_MASKS += "".join(
    f"create function masks.of_{kind}(pg_catalog.{kind}, pg_catalog.{kind}) returns pg_catalog.{answer}"
    f" language sql immutable as 'select {constant}::pg_catalog.{answer}';"
    + "".join(
        f"create operator masks.{sign} (leftarg = pg_catalog.{kind}, rightarg = pg_catalog.{kind},"
        f" function = masks.of_{kind});"
        for sign in signs
    )
    + f"create domain masks.{kind} as pg_catalog.{kind} check (false);"
    for kind, answer, constant, signs in (
        ("text", "bool", "true", ("=", "<", "<=", ">=", ">")),
        ("float8", "float8", str(_MASKED), ("+", "-", "*", "/")),
        ("float4", "bool", "true", ("=", "<=")),
    )
)


class Function(NamedTuple):
    """A function or procedure of the catalog."""

    oid: int
    signature: str
    kind: str
    is_parsed: bool
    is_definer: bool
    owner: str
    settings: str
    source: str


def _functions(session: Session) -> list[Function]:
    session.run("set search_path = pg_catalog")
    found = session.run(
        """
        select p.oid, p.oid::regprocedure::text, p.prokind::text || ' ' || l.lanname::text, p.prosqlbody is not null,
            p.prosecdef, p.proowner::regrole::text, coalesce(array_to_string(p.proconfig, E'\\n'), ''), p.prosrc
        from pg_proc p join pg_language l on l.oid = p.prolang
        where p.pronamespace::regnamespace::text = any (%s) or p.proname like %s or p.proowner::regrole::text like %s
        order by 2
        """,
        list(_OURS),
        r"\_pgscore\_%",
        r"pgscore\_%",
    )
    return [Function(*row) for row in found]


def _is_pinned(function: Function) -> bool:
    return _PATH in function.settings.splitlines()


def _begins(function: Function, *patterns: str) -> bool:
    return any(re.match(pattern, function.signature) for pattern in patterns)


def _cannot_be_pinned(function: Function) -> bool:
    return any(function.kind == kind and _begins(function, pattern) for kind, pattern, _ in _UNPINNED)


def _bare(source: str) -> str:
    """A source without its comments, literals and quoted names."""
    source = re.sub(r"--[^\n]*|/\*.*?\*/", " ", source, flags=re.DOTALL)
    source = re.sub(r"\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'", "''", source)
    return re.sub(r'"(?:[^"]|"")*"', "quoted", source).lower()


def unqualified(source: str) -> set[str]:
    """Types, casts and functions that a source names without their schema."""
    bare = _bare(source)
    types = re.findall(rf"(?<![\w.])(?:{_TYPES})(?![\w.(])", bare)
    casts = re.findall(r"::\s*(?!\w+\.)[\w ]+", bare)
    calls = re.findall(r"(?<![\w.$%])([a-z_]\w*)\s*\(", bare)
    return {
        *types,
        *(each.strip() for each in casts),
        *(f"{call}()" for call in calls if not re.fullmatch(_SYNTAX, call)),
    }


def unqualified_operators(source: str) -> set[str]:
    """Operators and collations that a source, which is one expression, looks up by the path."""
    bare = re.sub(r"operator\(pg_catalog\.[^\s)]+\)", " ", _bare(source))
    bare = re.sub(r"::|(?<![\w)\]])\s-(?=\d)", " ", bare)
    return {
        *re.findall(r"[-+*/<>=~!@#%^&|`?]+", bare),
        *re.findall(_HIDDEN_OPERATORS, bare),
        *re.findall(r"\bcollate\s+(?!pg_catalog\.)\S+", bare),
    }


@pytest.fixture
def functions(serving: Database) -> list[Function]:
    found = _functions(serving.session())
    # All kinds are there: ours, the models', the trusted ones, the application's.
    for prefix in (*_OURS, "churn"):
        assert any(function.signature.startswith(f"{prefix}.") for function in found)
    return found


def test_every_path_is_pinned(functions: list[Function]) -> None:
    unpinned = [each for each in functions if not _is_pinned(each)]
    other = [each for each in unpinned if not _cannot_be_pinned(each)]
    assert [each.signature for each in other] == []
    # One pattern of each kind is used, and no function has a path of its own beside the pinned one.
    assert all(any(each.kind == kind and _begins(each, pattern) for each in unpinned) for kind, pattern, _ in _UNPINNED)
    paths = {
        setting for each in functions for setting in each.settings.splitlines() if setting.startswith("search_path")
    }
    assert paths == {_PATH}
    procedures = [each.source for each in unpinned if each.kind.startswith("p ")]
    assert all(re.search(r"\bcommit\s*;", source) for source in procedures)


def test_what_is_not_pinned_names_schemas(functions: list[Function]) -> None:
    found = {each: _looked_up(each) for each in functions if not _is_pinned(each) and "plpython" not in each.kind}
    open_ = {each.signature: names for each, names in found.items() if names}
    assert open_ == {}, "\n".join(f"{signature}: {sorted(names)}" for signature, names in open_.items())


def _looked_up(function: Function) -> set[str]:
    """What a body finds by its caller's path; of one that was parsed, nothing."""
    if function.is_parsed:
        return set()
    # Of SQL only: statements of PL/pgSQL have signs of their own, and a procedure sets the path before it uses one.
    return unqualified(function.source) | (
        unqualified_operators(function.source) if function.kind == _INLINED else set()
    )


def test_what_was_parsed_at_its_creation_refers_to_nothing_else(serving: Database, functions: list[Function]) -> None:
    """Its names are numbers since then: the catalog tells of what."""
    session = serving.session()
    parsed = [each for each in functions if each.is_parsed]
    assert len(parsed) >= 8
    assert _foreign_references(session, parsed) == []


def _foreign_references(session: Session, functions: list[Function]) -> list[tuple[str, str]]:
    """What functions depend on that stands in other schemas; what belongs to PostgreSQL is not noted at all."""
    found: list[tuple[str, str]] = session.run(
        """
        select d.objid::regprocedure::text, pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
        from pg_depend d, pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) o
        where d.classid = 'pg_proc'::regclass and d.objid = any (%s) and d.deptype = 'n'
            and d.refclassid not in ('pg_namespace'::regclass, 'pg_language'::regclass)
            and coalesce(o.schema, '') <> all (%s)
        """,
        [each.oid for each in functions],
        list(_SAFE),
    )
    return found


def _of_all_kinds(padding: int) -> Program:
    """One step of each kind but trees; past 100 inputs, which the padding makes, the expression is written out."""
    number, text = {"type": "double precision", "nullable": True}, {"type": "text", "nullable": True}
    inputs = [text | {"known": ["a", "b"]}, text | {"nullable": False}, number | {"known": [1, 2.5]}]
    inputs += [number | {"minimum": 0}, number | {"nullable": False, "minimum": -8}, *([number] * padding)]
    keys = [f"k{n:02}" for n in range(20)]
    steps: list[Program] = [
        {"step": "fill", "of": 0, "with": "it's"},
        {"step": "lookup", "of": 1, "keys": keys, "values": [1.5] * 20, "unknown": None, "missing": 0},
        {"step": "missing", "of": 3},
        {"step": "affine", "of": 4, "subtract": 1, "divide": 3, "multiply": 1e-199, "add": 2},
        {"step": "function", "of": padding + 8, "name": "sqrt"},
        {"step": "clip", "of": 4, "minimum": -3, "maximum": 4},
        {"step": "function", "of": padding + 10, "name": "square"},
        {"step": "function", "of": padding + 10, "name": "abs"},
        {"step": "missing", "of": padding + 9},
        {"step": "fill", "of": padding + 9, "with": 3},
        {"step": "linear", "of": [padding + n for n in range(6, 15)], "weights": [1e-150] * 9, "intercept": -0.3},
    ]
    return {
        "program": 1,
        "inputs": [{"name": f"x{n}"} | each for n, each in enumerate(inputs)],
        "steps": steps,
        "scores": [len(inputs) + len(steps) - 1],
        "tie": "first",
    }


def _programs() -> Iterator[Program]:
    """Those whose call is written out in string bodies, and the guards and wraps of others."""
    for program in (trees_program(3, 2, 120), trees_program(3, 2), linear_program(120), linear_program(4)):
        for link in ("identity", "logistic", "sign"):
            yield program | {"link": link}
    yield linear_program(120, minimum=-1.7e308, maximum=1.7e308)
    yield linear_program(110, minimum=-5, maximum=1e39, nullable=True)
    for link in ("identity", "logistic", "sign"):
        for padding in (0, 100):
            yield _of_all_kinds(padding) | {"link": link}
    three = {"scores": [0, 1, 2], "steps": []}
    yield linear_program(110) | three | {"link": "softmax"}


def test_calls_that_are_written_into_string_bodies_name_schemas(serving: Database) -> None:
    """Their operators too: such a body is parsed in each query, under its path."""
    session = serving.session()
    calls = []
    for program in _programs():
        assert session.value("select pgscore._program_problem(%s)", json.dumps(program)) is None
        calls += [_call(session, program, ordinary=ordinary) for ordinary in (True, False)]
    for call in calls:
        assert (unqualified(call), unqualified_operators(call)) == (set(), set())
    for form in _FORMS:
        assert any(form in call for call in calls), form


def _call(session: Session, program: Program, prefix: str = "", *, ordinary: bool = False) -> str:
    names = [f"{prefix}c{number}" for number in range(len(program["inputs"]))]
    call: str = session.value(
        "select pgscore._scorer_call_typed_sql('fuzz', 1, %s, %s, %s, %s)",
        json.dumps(program),
        0 if program["link"] == "identity" else 1,
        names,
        [ordinary] * len(names),
    )
    return call


def test_a_callers_path_changes_no_score(serving: Database) -> None:
    """With operators, functions and types of the same names in front of PostgreSQL's."""
    session = serving.session()
    session.run(_MASKS)
    for program in _programs():
        session.run("begin")
        create(session, program, 0 if program["link"] == "identity" else 1)
        inputs = enumerate(program["inputs"])
        columns = ", ".join(f"c{n} {'text' if each['type'] == 'text' else 'double precision'}" for n, each in inputs)
        session.run(f"create table public.given ({columns})")
        body = _call(session, program, "($1).").replace("'", "''")
        session.run(f"create function public.of(public.given) returns double precision language sql as 'select {body}'")
        texts = [f"'{text}'" for text in ("k03", "k19", "zz", "")]
        for row, text in zip((0.25, 3.5, -7.5, 1e300), texts, strict=True):
            values = (text if each["type"] == "text" else str(row) for each in program["inputs"])
            session.run(f"insert into public.given values ({', '.join(values)})")
        wanted = session.run("select public.of(g) from public.given g")
        session.run("set local search_path = masks, pg_catalog")
        assert session.value("select sqrt('4'::pg_catalog.float8)") == _MASKED
        found = session.run("select public.of(g) from public.given g")
        session.run("rollback")
        assert (found, len(wanted)) == (wanted, 4)


def test_what_runs_with_the_owners_rights_keeps_to_its_own(serving: Database, functions: list[Function]) -> None:
    session = serving.session()
    definers = [each for each in functions if each.is_definer and each.owner == "pgscore_owner"]
    assert len(definers) > 5
    (others,) = session.row("select array_agg(nspname::text) from pg_namespace where nspname <> all (%s)", list(_SAFE))
    assert "churn" in others
    found = [
        (definer.signature, reached.signature, name)
        for definer in definers
        for reached in _reached(definer, functions)
        for name in _names_in(reached.source, others)
    ]
    assert found == []
    assert _foreign_references(session, definers) == []


def _reached(start: Function, functions: list[Function]) -> list[Function]:
    """A function and what it calls of ours that then runs with its rights, over any number of calls."""
    by_name: dict[str, list[Function]] = {}
    for each in functions:
        by_name.setdefault(each.signature.partition("(")[0], []).append(each)
    reached = [start]
    for each in reached:
        for name in re.findall(r"\bpgscore(?:_models|_trusted)?\.\w+(?=\s*\()", each.source):
            reached += [called for called in by_name.get(name, []) if called not in reached and not called.is_definer]
    # The models' own run as their caller: what they name is the table whose rows they are given.
    return [each for each in reached if not each.signature.startswith("pgscore_models.")]


def _names_in(source: str, schemas: list[str]) -> list[str]:
    """Names in one of these schemas, in literals too: they may be SQL that is executed."""
    source = re.sub(r"--[^\n]*|/\*.*?\*/", " ", source, flags=re.DOTALL)
    quoted = "|".join(re.escape(schema) for schema in schemas)
    return [name for name, _ in re.findall(rf'(?<![\w."])("?(?:{quoted})"?\.("?)\w+)', source)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("select pg_catalog.length($1) operator(pg_catalog.+) '1'::pg_catalog.int4", set()),
        ("select length($1)", {"length()"}),
        ("select 'x'::text", {"text", "::text"}),
        ("select $1::double precision", {"double precision", "::double precision"}),
        ("select $1::mine", {"::mine"}),
        ("declare next text; begin", {"text"}),
        ("select coalesce(nullif($1, 'f(x)::text'), \"text\".x) -- text", set()),
    ],
)
def test_what_is_found(source: str, found: set[str]) -> None:
    assert unqualified(source) == found


def test_what_operators_are_found() -> None:
    assert unqualified_operators("a operator(pg_catalog.+) (b operator(pg_catalog.=) any ('{+}'))") == set()
    assert unqualified_operators('case when a is null then (a)[1] end collate pg_catalog."C"') == set()
    for source in ("a + b", "a <= '1'", "nullif(a, b)", "a is distinct from b", "case a when b then 1 end", "a in (1)"):
        assert unqualified_operators(source)
    assert unqualified_operators('a collate "C"')
