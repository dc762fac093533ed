"""A web service as tutorials have it: FastAPI, a model of pydantic for the row, the pipeline unpickled at the start.

Run as a program: the file of the pickle, and the names of its columns.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import uvicorn
from fastapi import Body, FastAPI
from pydantic import BaseModel, create_model


def application(file: Path, names: list[str]) -> FastAPI:
    """The service."""
    pipeline = pickle.loads(file.read_bytes())
    fields: dict[str, Any] = dict.fromkeys(names, (float, ...))
    row_type: Any = create_model("Row", **fields)
    app = FastAPI()

    def score(row: BaseModel = Body()) -> dict[str, float]:  # noqa: B008  FastAPI's way
        frame = pd.DataFrame([row.model_dump()])
        return {"score": float(pipeline.predict_proba(frame)[0, 1])}

    score.__annotations__["row"] = row_type
    app.post("/score")(score)
    return app


if __name__ == "__main__":
    uvicorn.run(
        application(Path(sys.argv[1]), sys.argv[3:]), port=int(sys.argv[2]), access_log=False, log_level="warning"
    )
