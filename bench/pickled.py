"""What tutorials do: unpickle the pipeline once per connection, and build a DataFrame of one row for each call."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from .contender import Contender, arguments, parameters, scoring_update
from .customers import declared
from .models import fitted

if TYPE_CHECKING:
    from .setting import Session

NAME = "pickled"


def install(session: Session, model: str) -> Contender:
    """Stores the pickle in a table, and makes the function that reads it."""
    session.run("create table if not exists bench.pickle (model text primary key, content bytea)")
    session.run("insert into bench.pickle values (%s, %s)", (model, pickle.dumps(fitted(model))))
    names = list(declared())
    session.run(
        f"""
        create function bench.pickled_{model}({parameters()}) returns double precision
        language plpython3u stable
        as $$
            key = "bench.pickled_{model}"
            if key not in GD:
                import pickle
                row = plpy.execute("select content from bench.pickle where model = '{model}'")[0]
                GD[key] = pickle.loads(row["content"])
            import pandas as pd
            frame = pd.DataFrame([[{", ".join(names)}]], columns={names!r})
            return float(GD[key].predict_proba(frame)[0, 1])
        $$
        """  # noqa: S608  our own names
    )
    score = f"bench.pickled_{model}({arguments()})"
    return Contender(NAME, score, scoring_update(score))
