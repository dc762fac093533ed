"""One thread for a fitted estimator: a backend is one, and scores a row far faster without others."""

from __future__ import annotations

from collections import deque
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# How many parts of an estimator are looked at: trees of forests are parts too, and have no threads of their own.
_MOST_PARTS = 10_000


def single_threaded(estimator: Any) -> Any:  # noqa: ANN401
    """Turns off the threads of an estimator and of all that it is made of: joblib's, OpenMP's and CatBoost's own.

    What was fitted inside of another one, as by a search, is no parameter of it, and keeps the threads that it had.
    """
    if hasattr(estimator, "get_params"):
        held = estimator.get_params(deep=True)
        for name in held:
            owner_name, _, last = name.rpartition("__")
            if last == "n_jobs":
                held.get(owner_name, estimator).n_jobs = 1
    waiting, seen = deque([estimator]), set[int]()
    while waiting and len(seen) < _MOST_PARTS:
        part = waiting.popleft()
        several = isinstance(part, list | tuple | dict)
        if id(part) in seen or not (several or _is_looked_into(part)):
            continue
        seen.add(id(part))
        if not several:
            _calm(part)
            waiting += vars(part).values()
        elif len(part) <= _MOST_PARTS:  # a longer one holds words, or rows
            waiting += part.values() if isinstance(part, dict) else part
    return estimator


def _is_looked_into(part: Any) -> bool:  # noqa: ANN401
    # What holds the folds of a calibrated classifier has no parameters.
    return hasattr(part, "__dict__") and (hasattr(part, "get_params") or type(part).__module__.startswith("sklearn."))


def _calm(part: Any) -> None:  # noqa: ANN401
    held = vars(part)
    if "n_jobs" in held:
        # None is all processors for LightGBM.
        part.n_jobs = 1
    if hasattr(part, "get_booster") and getattr(part, "_Booster", None) is not None:
        # XGBoost's own `set_params` sets all that it was fitted with once more, and a base_score for one class then
        # stands against the base scores of all.
        part.get_booster().set_param({"nthread": 1})
    if any(each.__module__.partition(".")[0] == "catboost" for each in type(part).__mro__):
        # It has no setting for them, and takes as many as there are processors.
        for name in ("predict", "predict_proba"):
            if hasattr(part, name) and name not in held:
                setattr(part, name, _in_one_thread(getattr(part, name)))


def _in_one_thread(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)  # scikit-learn looks at its name
    def predict(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        return method(*given, **{"thread_count": 1, **named})

    return predict
