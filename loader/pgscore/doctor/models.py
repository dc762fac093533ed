"""Whether the models that serve can be loaded and still give what their fitted estimators gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgscore.database import rows

from .finding import INSTALL, Finding
from .installation import NEEDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection as Connection  # noqa: N812


def check_models(connection: Connection, models: list[dict[str, Any]]) -> Iterator[Finding]:
    """Fills `models` with the serving versions: model, version, contract, key_id, and whether they are unpickled."""
    found = rows(
        connection,
        "select m.name as model, m.serving as version, v.contract, v.key_id,"
        " 'estimator' in (m.one_engine, m.many_engine) as unpickled from pgscore.model m"
        " left join pgscore.model_version v on v.model = m.name and v.version = m.serving order by m.name",
    )
    if not found:
        yield Finding("ok", "models", "none is published yet")
    for each in found:
        if each["version"] is None:
            yield Finding(
                "warning",
                each["model"],
                "no version is promoted: its scores are refused",
                f"`pgscore show {each['model']}` lists its versions, `pgscore promote` makes one answer.",
            )
        else:
            models.append(each)


def check_keys(connection: Connection, models: list[dict[str, Any]]) -> Iterator[Finding]:
    """Which keys are trusted, and which of the models were signed by one that is not."""
    keys = {
        each["key_id"]: each
        for each in rows(connection, "select key_id, holder, revoked_at from pgscore_trusted.trusted_key")
    }
    holders = [f"{each['holder']} ({each['key_id']})" for each in keys.values() if each["revoked_at"] is None]
    if holders:
        yield Finding("ok", "keys", f"trusted: {', '.join(sorted(holders))}")
    else:
        yield Finding(
            "problem" if any(model["unpickled"] for model in models) else "warning",
            "keys",
            "no key is trusted: no artifact can be loaded",
            "`pgscore keys generate`, then a superuser runs `pgscore keys trust`.",
        )
    for model in models:
        key_id = model["key_id"]
        if key_id is None:
            wrong, remedy = "it carries no signature", "Publish it again with `pgscore publish --key`."
        elif key_id not in keys:
            wrong, remedy = f"its key {key_id} is not trusted", "A superuser runs `pgscore keys trust`."
        elif keys[key_id]["revoked_at"] is not None:
            wrong = f"its key {key_id} of {keys[key_id]['holder']} is revoked"
            remedy = "Publish it again with a trusted key, and promote that."
        else:
            continue
        subject = f"{model['model']} {model['version']}"
        if model["unpickled"]:
            yield Finding("problem", subject, f"{wrong}: new connections cannot load it", remedy)
        else:
            yield Finding("warning", subject, f"{wrong}: its artifact cannot be loaded, and its program serves", remedy)


def check_libraries(
    connection: Connection, model: dict[str, Any], packages: dict[str, str | None]
) -> Iterator[Finding]:
    """Whether the server has the libraries that a model was fitted with."""
    contract, subject = model["contract"], f"{model['model']} {model['version']}"
    del connection
    for name, fitted in contract["libraries"].items():
        # Pandas is only for estimators that need column names; a missing one of NEEDED was said already.
        if name not in packages or (name in NEEDED and packages[name] is None):
            continue
        here = packages[name]
        if here is None and (name != "pandas" or contract.get("frame")):
            sentence = f"it was fitted with {name} {fitted}, and the server's Python has none"
            yield Finding("problem" if model["unpickled"] else "warning", subject, sentence, INSTALL)
        elif here is not None and here != fitted:
            refused = name == "scikit-learn" and here.split(".")[:2] != fitted.split(".")[:2]
            yield Finding(
                "problem" if refused and model["unpickled"] else "warning",
                subject,
                f"it was fitted with {name} {fitted}, and the server's Python has {here}"
                + (": it cannot be loaded" if refused else ""),
                "Install the same version on the server, or fit it again with the server's."
                + ("" if refused else " Its golden rows say whether it matters."),
            )


def check_golden_rows(connection: Connection, model: dict[str, Any]) -> Iterator[Finding]:
    """Whether each engine still gives what the fitted estimator gave."""
    subject = f"{model['model']} {model['version']}"
    for each in rows(connection, "select * from pgscore.verify(%s, %s)", (model["model"], model["version"])):
        sentence = (
            f"{each['rows']} golden rows in the {each['engine']} engine: largest difference {each['max_abs_diff']:g}"
        )
        if each["ok"]:
            yield Finding("ok", subject, sentence)
        else:
            remedy = "Compare the libraries above; publish it again from its source, and promote that."
            yield Finding("problem", subject, f"{sentence}: not what the fitted estimator gave", remedy)
