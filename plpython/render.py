"""Puts the runtime's source into the function that carries it.

`python -m plpython.render` writes `sql/plpython/_runtime.sql` and the runtime's hash into the other PL/Python
functions; with `--check` it writes nothing and fails where they differ.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_RUNTIME = _HERE / "pgscore_runtime"
_SQL = _HERE.parent / "sql" / "plpython"
_REGISTERED = re.compile(r"pgscore_runtime:[0-9a-f]{64}")
_QUOTES = ("'''", "$runtime$")

_TEMPLATE = """\
-- Rendered from plpython/pgscore_runtime by `make render`: change it there.
create or replace function pgscore_trusted._runtime() returns void
language plpython3u volatile parallel safe
set search_path = pg_catalog, pg_temp
as $runtime$
import sys
from _frozen_importlib import ModuleSpec
name = "pgscore_runtime:{digest}"
package = "_pgscore_" + name[-64:]
if name in GD:
    return
sources = {{
{modules}}}
class Modules:
    # Each module is compiled when it is first imported: a backend that only walks programs needs few of them.
    def find_spec(self, full_name, path=None, target=None):
        if full_name.startswith(package) and full_name[len(package):] in sources:
            return ModuleSpec(full_name, self, is_package=full_name == package)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        # PL/Python indents every line of a body with a tab, those inside of strings too.
        source = sources[module.__name__[len(package):]].replace("\\n\\t", "\\n")
        exec(compile(source, "<" + module.__name__ + ">", "exec"), module.__dict__)
sys.meta_path.insert(0, Modules())
__import__(package + ".entry")
GD[name] = sys.modules[package + ".entry"]
$runtime$;

comment on function pgscore_trusted._runtime() is
    'Registers the runtime in this backend, under the hash of its source. Called by the other PL/Python functions.';
revoke all on function pgscore_trusted._runtime() from public;
grant execute on function pgscore_trusted._runtime() to pgscore_owner;
"""


def main(arguments: list[str]) -> int:
    """Renders, or checks that what stands is what would be rendered."""
    stale = [path for path, text in _rendered().items() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path} differs from what plpython/pgscore_runtime renders: run `make freeze`")
        return 1 if stale else 0
    for path in stale:
        path.write_text(_rendered()[path])
        print(f"rendered {path.relative_to(_HERE.parent)}")
    return 0


def _rendered() -> dict[Path, str]:
    sources = _sources()
    digest = hashlib.sha256(repr(sources).encode()).hexdigest()
    modules = "".join(f"\"{name}\": r'''\n{source}''',\n" for name, source in sources)
    texts = {_SQL / "_runtime.sql": _TEMPLATE.format(digest=digest, modules=modules)}
    for path in sorted(_SQL.glob("*.sql")):
        text = path.read_text()
        if path.name != "_runtime.sql" and _REGISTERED.search(text):
            texts[path] = _REGISTERED.sub(f"pgscore_runtime:{digest}", text)
    return texts


def _sources() -> list[tuple[str, str]]:
    """The modules' names (empty for the package) and sources."""
    sources = {path.stem: path.read_text() for path in sorted(_RUNTIME.glob("*.py"))}
    for name, source in sources.items():
        for quotes in _QUOTES:
            if quotes in source:
                raise SystemExit(
                    f"plpython/pgscore_runtime/{name}.py holds {quotes}, which would end the rendered text"
                )
        if "\t" in source:
            raise SystemExit(f"plpython/pgscore_runtime/{name}.py holds a tab, which PL/Python would take for its own")
    return [("" if name == "__init__" else f".{name}", source) for name, source in sources.items()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
