"""OpenAPI 3.1 of what is served now: for each model paths with its name, the types of its contract, and examples."""

from __future__ import annotations

from importlib.metadata import version as installed
from math import isfinite
from typing import TYPE_CHECKING, Any

from .profiles import profile_tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pgscore.served import Served

    from .profiles import ProfileTable
    from .settings import Settings

_INFINITE = ["NaN", "Infinity", "-Infinity"]
_NUMBER = {"anyOf": [{"type": "number"}, {"enum": _INFINITE}]}
_SCORE = {"anyOf": [{"type": "number"}, {"type": "null"}, {"enum": _INFINITE}]}
_INPUTS: dict[str, dict[str, Any]] = {
    "double precision": {"anyOf": [{"type": ["number", "null"]}, {"enum": _INFINITE}]},
    "boolean": {"type": ["boolean", "null"]},
    # Whatever text a database holds.
    "text": {"type": ["string", "null"], "pattern": "^[^\\u0000]*$"},
}
_KEYS: dict[str, dict[str, Any]] = {
    **{
        name: {"type": "integer", "format": f"int{bits}", "minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}
        for name, bits in (("smallint", 16), ("integer", 32), ("bigint", 64))
    },
    "uuid": {"type": "string", "format": "uuid"},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_WHY = {
    400: "The body is not JSON, or what is asked is malformed.",
    401: "No token, or one that is not known.",
    404: "There is none.",
    408: "The body did not come in time.",
    409: "The profile, or the version, does not allow it; or events cannot be reduced, as their profile is.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "The body, or a row, is wrong: errors say where.",
    429: "Too much at once: come again after Retry-After.",
    500: "A fault.",
    503: "The database is away, or it takes too long: come again after Retry-After.",
}


def document(served: Mapping[str, Served], settings: Settings) -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, Any] = {
        "/healthz": {"get": _get("healthz", "Whether the process answers", {"type": "object"}, (429,))},
        "/readyz": {"get": _get("readyz", "Whether there is something to score with", {"type": "object"}, (429, 503))},
        "/models": {"get": _get("models", "The models and the versions that answer", {"type": "object"}, (401, 429))},
        "/metrics": {
            "get": {
                "operationId": "metrics",
                "summary": "Metrics for Prometheus",
                "responses": {
                    "200": {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}},
                    **_problems(401, 429),
                },
            }
        },
    }
    for name, each in sorted(served.items()):
        if each.version is not None:
            paths |= _paths(name, each, settings)
    secured = settings.token is not None or settings.token_file is not None
    return {
        "openapi": "3.1.0",
        "info": {"title": "pgscore", "version": installed("pgscore"), "description": _says(served)},
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM},
            **({"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}} if secured else {}),
        },
        **({"security": [{"token": []}]} if secured else {}),
    }


def _says(served: Mapping[str, Served]) -> str:
    versions = ", ".join(f"{name} {each.version}" for name, each in sorted(served.items()) if each.version)
    return f"Scores of the versions that answer: {versions or 'none'}."


def _paths(name: str, served: Served, settings: Settings) -> dict[str, Any]:
    contract: dict[str, Any] = served.contract or {}
    row = _row(contract, served)
    body = _body(row, served, settings)
    answer = _answer(contract["output"])
    found: dict[str, Any] = {
        f"/models/{name}": {"get": _get(f"{name}_model", f"What model {name} is", {"type": "object"}, (401, 404, 429))}
    }
    says = {
        "score": "The scores of rows",
        "predict": "Scores, labels and probabilities",
        "explain": "Why scores are so",
    }
    for verb, summary in says.items():
        one = answer | ({} if verb == "predict" else {"properties": _only(answer["properties"], verb)})
        found[f"/models/{name}/{verb}"] = {
            "post": _post(f"{name}_{verb}", summary, body, _said(one, name, served.version))
        }
    tables = profile_tables(served) if settings.dsn is not None else {}
    for parts in sorted({len(each.key) for each in tables.values()}):
        found |= _of_profiles(name, {at: each for at, each in tables.items() if len(each.key) == parts}, tables, answer)
    return found


def _of_profiles(
    name: str, tables: dict[str, ProfileTable], others: dict[str, ProfileTable], answer: dict[str, Any]
) -> dict[str, Any]:
    """The paths of tables whose keys have one number of parts; `others` are all, of which a caller names one."""
    keys = [each.key for each in tables.values()]
    parameters: list[dict[str, Any]] = [
        {
            "name": f"key{n}" if n else "key",
            "in": "path",
            "required": True,
            "description": f"{', '.join(dict.fromkeys(key[n] for key in keys))}; a slash in a value is %2F",
            "schema": _any_of([_KEYS.get(each.types[n], {"type": "string"}) for each in tables.values()]),
        }
        for n in range(len(keys[0]))
    ]
    path = "/".join(f"{{{each['name']}}}" for each in parameters)
    if len(others) > 1:
        parameters.append({"name": "profile", "in": "query", "required": True, "schema": {"enum": sorted(tables)}})
    score = {**answer, "properties": _only(answer["properties"], "score")}
    number = len(keys[0]) if {len(each.key) for each in others.values()} != {len(keys[0])} else ""
    return {
        f"/models/{name}/{verb}/{path}": {
            "get": {
                **_get(f"{name}_{verb}_of{number}", summary, schema, (400, 401, 404, 409, 422, 429, 500, 503)),
                "parameters": parameters,
            }
        }
        for verb, summary, schema in (
            ("score", "The score of a profile as it stands", _said_one(score)),
            ("profile", "A profile, for a caller that keeps a copy", {"type": "object", "required": ["profile"]}),
        )
    }


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    different = [each for n, each in enumerate(schemas) if each not in schemas[:n]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def _row(contract: dict[str, Any], served: Served) -> dict[str, Any]:
    inputs = contract["inputs"]
    return {
        "type": "object",
        "required": [each["name"] for each in inputs],
        "properties": {each["name"]: _INPUTS[each["type"]] for each in inputs},
        "examples": [_example(contract, served)],
    }


def _example(contract: dict[str, Any], served: Served) -> dict[str, Any]:
    """A row of nobody: of each input something that the model accepts."""
    if served.bundle is None:
        blank: dict[str, Any] = {"double precision": 1.0, "boolean": False, "text": "a"}
        return {each["name"]: blank[each["type"]] for each in contract["inputs"]}
    row: dict[str, Any] = {}
    for each in served.bundle.opened.program.inputs:
        if each.known:
            known = min(each.known, key=str)
            row[each.name] = bool(known) if each.type == "boolean" else known
        elif each.type == "text":
            row[each.name] = "a"
        elif each.type == "boolean":
            row[each.name] = False
        else:
            row[each.name] = (
                1.0
                if each.minimum <= 1 <= each.maximum
                else next((end for end in (each.minimum, each.maximum) if isfinite(end)), 0.0)
            )
    return row


def _body(row: dict[str, Any], served: Served, settings: Settings) -> dict[str, Any]:
    plain = {name: each for name, each in row.items() if name != "examples"}
    example = row["examples"][0]
    forms: list[dict[str, Any]] = [
        {"type": "object", "required": ["row"], "additionalProperties": False, "properties": {"row": plain}},
        {
            "type": "object",
            "required": ["rows"],
            "additionalProperties": False,
            "properties": {"rows": {"type": "array", "minItems": 1, "maxItems": settings.max_rows, "items": plain}},
        },
    ]
    examples: dict[str, Any] = {
        "row": {"summary": "One row", "value": {"row": example}},
        "rows": {"summary": "Rows", "value": {"rows": [example]}},
    }
    if served.bundle is not None and served.bindings:
        forms.append(_with_events(plain, served))
    return {"schema": {"oneOf": forms}, "examples": examples}


def _with_events(row: dict[str, Any], served: Served) -> dict[str, Any]:
    """A snapshot of a profile, and the events since; which values can be reduced docs/guide/reduce.md says."""
    names = [each["name"] for each in served.bindings]
    return {
        "type": "object",
        "required": ["row", "events", *(["binding"] if len(names) > 1 else [])],
        "additionalProperties": False,
        "properties": {
            "row": row,
            "events": {
                "type": "array",
                "description": "Events since the row was read, in their order",
                "items": {"type": "object"},
            },
            "binding": {"enum": names},
        },
    }


def _answer(output: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {"score": _SCORE, "reason": {"type": ["string", "null"]}}
    if output["kind"] == "value":
        properties["value"] = _NUMBER
    else:
        properties["label"] = {"enum": output["classes"]}
        if output["kind"] == "probability":
            properties["probabilities"] = {"type": "object", "additionalProperties": _NUMBER}
    properties["base"] = _SCORE
    properties["contributions"] = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["input", "value", "contribution"],
            "properties": {
                "input": {"type": "string"},
                "value": {"type": ["string", "null"]},
                "contribution": _NUMBER,
            },
        },
    }
    return {"type": "object", "required": ["score"], "properties": properties}


def _only(properties: dict[str, Any], verb: str) -> dict[str, Any]:
    names = ("score", "reason") if verb == "score" else ("score", "reason", "base", "contributions")
    return {name: each for name, each in properties.items() if name in names}


def _said(one: dict[str, Any], model: str, version: int | None) -> dict[str, Any]:
    return {
        "oneOf": [
            _said_one(one),
            {
                "type": "object",
                "required": ["model", "version", "rows"],
                "properties": {
                    "model": {"const": model},
                    "version": {"type": "integer", "examples": [version]},
                    "rows": {"type": "array", "items": one},
                },
            },
        ]
    }


def _said_one(one: dict[str, Any]) -> dict[str, Any]:
    return {
        **one,
        "required": ["model", "version", *one["required"]],
        "properties": {"model": {"type": "string"}, "version": {"type": "integer"}, **one["properties"]},
    }


def _get(name: str, summary: str, schema: dict[str, Any], statuses: tuple[int, ...]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": {"application/json": {"schema": schema}}},
            **_problems(*statuses),
        },
    }


def _post(name: str, summary: str, body: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    statuses = (400, 401, 404, 408, 409, 413, 415, 422, 429, 500, 503)
    return {
        **_get(name, summary, schema, statuses),
        "requestBody": {"required": True, "content": {"application/json": body}},
    }


def _problems(*statuses: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(each): {"description": _WHY[each], "content": content} for each in statuses}
