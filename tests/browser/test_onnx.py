"""A version's ONNX file in onnxruntime-web, beside pgscore.js: equal scores, sizes, and the time to the first one."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pgscore
import pytest

from examples.browser.server import SiteServer

from . import models
from .conftest import LEAST_POLICY
from .visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.support.database import Database

_COUNT = 1000
# WebAssembly is code that is made while it runs.
_POLICY = LEAST_POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
_RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
_ONNX = """async ([name, rows]) => {
    const start = performance.now();
    const ort = await import("./ort.wasm.bundle.min.mjs");
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = { wasm: new URL("./ort-wasm-simd-threaded.wasm", location).href };
    const session = await ort.InferenceSession.create(`${name}.onnx`);
    const inputs = (some) => Object.fromEntries(session.inputNames.map((name, n) => {
        const values = some.map((row) => row[name]);
        const isText = session.inputMetadata[n].type === "string";
        const tensor = isText
            ? new ort.Tensor("string", values.map((value) => value ?? ""), [some.length, 1])
            : new ort.Tensor("float64", Float64Array.from(values, (value) => value ?? NaN), [some.length, 1]);
        return [name, tensor];
    }));
    const run = async (some) => {
        const outputs = await session.run(inputs(some));
        const numbers = outputs[session.outputNames.at(-1)];
        return some.map((_, n) => Number(numbers.data[(n + 1) * numbers.dims.at(-1) - 1]));
    };
    await run(rows.slice(0, 1));
    const first = performance.now() - start;
    return { first, scores: (await run(rows)).map((score) => (Number.isNaN(score) ? null : score)) };
}"""
_OURS = """async ([name, rows]) => {
    const start = performance.now();
    const { load } = await import("./pgscore.js");
    const bundle = await load(`${name}.json`);
    bundle.score(rows[0]);
    const first = performance.now() - start;
    return { first, scores: rows.map((row) => bundle.score(row)) };
}"""


@pytest.fixture(scope="module")
def both(
    published: Database, site: Path, tools: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SiteServer]:
    """A server of both runtimes, and of each model for both."""
    folder = tmp_path_factory.mktemp("both")
    for name in _RUNTIME:
        (folder / name).write_bytes((tools / "onnxruntime-web" / "dist" / name).read_bytes())
    (folder / "pgscore.js").write_bytes((site / "pgscore.js").read_bytes())
    (folder / "index.html").write_text("<!doctype html><title>both</title>")
    for name in models.MODELS:
        pgscore.export_model(published.dsn(), name, folder / f"{name}.onnx")
        (folder / f"{name}.json").write_text(pgscore.make_bundle(published.dsn(), name, golden=20))
    with SiteServer(folder, _POLICY) as server:
        yield server


def _asked(browser: Browser, server: SiteServer, ask: str, name: str, rows: list[dict[str, Any]]) -> Any:  # noqa: ANN401
    """What a page says that has just been opened, in a browser that has kept nothing."""
    with Visitor.of(browser, server) as visitor:
        visitor.page.goto(server.url)
        found = visitor.page.evaluate(ask, [name, rows])
        assert visitor.violations == []
        return found


@pytest.mark.parametrize("name", models.MODELS)
def test_the_onnx_file_gives_the_same_in_a_browser(browser: Browser, both: SiteServer, name: str) -> None:
    rows = [row for row in models.rows(name, _COUNT * 5 // 4) if _has_texts(row)][:_COUNT]
    assert len(rows) == _COUNT
    theirs, ours = (_asked(browser, both, ask, name, rows) for ask in (_ONNX, _OURS))
    for row, found, expected in zip(rows, theirs["scores"], ours["scores"], strict=True):
        if found is None or expected is None:
            assert found is expected, row
        else:
            assert abs(found - expected) <= 1e-12 * max(1, abs(expected)), row
    folder = both.folder
    sizes = [
        sum(len(gzip.compress((folder / each).read_bytes(), mtime=0)) for each in files)
        for files in (("pgscore.js", f"{name}.json"), (*_RUNTIME, f"{name}.onnx"))
    ]
    assert sizes[0] * 50 < sizes[1]
    # Shown by pytest -s.
    for what, size, first in (("pgscore.js", sizes[0], ours["first"]), ("onnxruntime-web", sizes[1], theirs["first"])):
        print(f"{name}: {what} {size:,} bytes, first score after {first:.0f} ms")


def _has_texts(row: dict[str, Any]) -> bool:
    """ONNX has no missing text: of rows that lack one the two have nothing to agree on."""
    return all(row[name] for name in models.texts() if name in row)
