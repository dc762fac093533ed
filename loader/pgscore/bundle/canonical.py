"""The canonical text of a bundle, as RFC 8785 has it: what JavaScript's JSON.stringify writes, with sorted names.

So evaluators in both languages hash the same bytes. Numbers are doubles in it.
"""

from __future__ import annotations

import json
import re
from math import inf
from typing import Any

# What Python writes otherwise than JavaScript: 1.0, 1e-05, 1e+16, integers that doubles do not hold. Texts first, so
# that nothing in them is taken for a number.
_OTHERWISE = re.compile(r'"(?:[^"\\]|\\.)*+"|(?<![\d.])-?(?:\d++\.0(?!\d)|\d++(?:\.\d++)?e[+-]\d++|\d{16,}+(?!\.))')
# JavaScript sorts by UTF-16, in which these come before U+E000.
_BEYOND_UTF16 = re.compile("[\U00010000-\U0010ffff]")
# From here on, and below a millionth, JavaScript writes an exponent.
_LARGE, _SMALL = 1e21, 1e-6
# Below it Python writes all digits, which are those of JavaScript.
_EXACT = 1e15


def canonical(document: Any) -> str:  # noqa: ANN401
    """The canonical text of a JSON document.

    Raises:
        ValueError: a number is none that JSON, and a double, holds.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    if _BEYOND_UTF16.search(text):
        text = json.dumps(_sorted(document), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _OTHERWISE.sub(_as_javascript, text)


def number_text(value: float) -> str:
    """A finite double as JavaScript writes it: the shortest digits that give it back."""
    size = abs(value)
    if size < _EXACT and value == int(value):
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    if size >= _LARGE or not exponent:
        return repr(value).removesuffix(".0")
    if size < _SMALL:
        return f"{mantissa}e{int(exponent)}"
    sign, digits = ("-" if value < 0 else ""), mantissa.lstrip("-").replace(".", "")
    if size > 1:
        return sign + digits.ljust(int(exponent) + 1, "0")
    return f"{sign}0.{'0' * (-int(exponent) - 1)}{digits}"


def _as_javascript(found: re.Match[str]) -> str:
    written = found[0]
    if written[0] == '"':
        return written
    value = float(written)
    if abs(value) == inf:
        raise ValueError(f"{written[:20]}… is beyond what a double holds")
    return number_text(value)


def _sorted(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_sorted(each) for each in value]
    return value
