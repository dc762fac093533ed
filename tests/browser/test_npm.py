"""What `pgscore bundle --to FOLDER/` writes is what npm publishes, and what a project in TypeScript takes."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from typing import TYPE_CHECKING

from pgscore.bundle.writing import write_bundle

from tests.bundle.node import MODULE
from tests.bundle.samples import SAMPLES
from tests.support.migrate import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
import { load, Bundle, PgscoreError, type Prediction, type Row } from "pgscore";

const bundle: Bundle = await load("churn.json", { key: ["pem"] });
const row: Row = { minutes: 265.1, plan: null, it: 3n };
const score: number | null = bundle.score(row);
const prediction: Prediction | null = bundle.predict(row);
const label: string | number | boolean | bigint | undefined = prediction?.label;
const reasons = bundle.explain(row).map(({ input, contribution }) => `${input ?? "base"}: ${contribution.toFixed(3)}`);
const moved = bundle.reduce({ n: 2 }, [{ kind: "billing" }], { binding: "complaints", columns: ["n"] });
const many: (number | null)[] = await bundle.scoreMany([row], new URL("pgscore.js", import.meta.url));
await bundle.close();
export const all = [score, label, reasons, moved.n, many, new PgscoreError("it").hint];
"""
_WRONG = 'import { load } from "pgscore";\nconst text: string = (await load("it")).score({});\nexport { text };\n'
_OPTIONS = ("--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom")


def _packed(folder: Path) -> Path:
    """What npm makes of the folder of a bundle."""
    written = folder / "browser"
    write_bundle(SAMPLES["churn"].read_text(), "churn", f"{written}/")
    command = ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", str(folder)]
    done = subprocess.run(command, cwd=written, capture_output=True, text=True, check=True)
    (made,) = json.loads(done.stdout)
    return folder / str(made["filename"])


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_module_is_what_its_source_gives(tmp_path: Path) -> None:
    made = tmp_path / "pgscore.js"
    done = _run(ROOT / "docker" / "browser-module", made, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert made.read_bytes() == MODULE.read_bytes()


def test_the_source_has_no_name_in_vain(tools: Path, tmp_path: Path) -> None:
    """Without types a compiler finds all kinds of things; these are certain."""
    options = ("--allowJs", "--checkJs", "--noUnusedLocals", "--noEmit", "--target", "es2022", "--module", "es2022")
    lib = ("--moduleResolution", "bundler", "--lib", "es2022,dom,webworker")
    source = sorted(MODULE.with_name("source").glob("*.js"))
    said = _run("node", tools / "typescript" / "bin" / "tsc", *options, *lib, *source, cwd=tmp_path).stdout
    assert "error TS2339" in said
    assert re.findall(r".*error TS(?:6133|6192|2304|2305|2552|2300|18004).*", said) == []


def test_the_package_is_complete_and_serves(tmp_path: Path, tools: Path) -> None:
    packed = _packed(tmp_path)
    with tarfile.open(packed) as archive:
        assert set(archive.getnames()) == {f"package/{name}" for name in ("package.json", "pgscore.js", "pgscore.d.ts")}
    project = tmp_path / "project"
    project.mkdir()
    (project / "package.json").write_text('{"type": "module"}')
    done = _run("npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", packed, cwd=project)
    assert done.returncode == 0, done.stderr
    installed = project / "node_modules" / "pgscore"
    package = json.loads((installed / "package.json").read_text())
    assert {"name", "version", "description", "license", "type", "exports", "types", "files"} <= package.keys()
    for each in (package["types"], package["exports"]["."]["default"], *package["files"]):
        assert (installed / each).is_file()
    assert "PostgreSQL License" in (installed / "pgscore.js").read_text().splitlines()[0]
    (project / "churn.json").write_text(SAMPLES["churn"].read_text())

    for name, text in (("right", _PROGRAM), ("wrong", _WRONG)):
        (project / f"{name}.mts").write_text(text)
    compiler = tools / "typescript" / "bin" / "tsc"
    right = _run("node", compiler, *_OPTIONS, "right.mts", cwd=project)
    assert (right.returncode, right.stdout) == (0, "")
    wrong = _run("node", compiler, *_OPTIONS, "wrong.mts", cwd=project)
    assert "Type 'number | null' is not assignable to type 'string'" in wrong.stdout

    (project / "score.mjs").write_text(
        'import { load } from "pgscore"; import { readFileSync } from "node:fs";\n'
        'const text = readFileSync("churn.json", "utf8"); const bundle = await load(text);\n'
        "console.log(bundle.version, bundle.score(JSON.parse(text).golden[0].inputs));\n"
    )
    said = _run("node", "score.mjs", cwd=project)
    version, score = said.stdout.split()
    assert version == "1"
    assert abs(float(score) - json.loads(SAMPLES["churn"].read_text())["golden"][0]["expected"]) <= 1e-12
