"""ONNX Runtime inside PL/Python: the session is kept for the connection, and each call scores one row.

skl2onnx 1.20 converts what scikit-learn 1.9.1 fitted, and onnxmltools 1.16 what XGBoost and LightGBM did;
bench/requirements.txt pins them, not the product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .contender import Contender, arguments, parameters, scoring_update
from .customers import declared
from .models import BOOSTERS, fitted

if TYPE_CHECKING:
    from .setting import Session

NAME = "onnx"


def install(session: Session, model: str) -> Contender:
    """Converts the model, stores it in a table, and makes the function that reads it."""
    make_function(session, model, convert(model), '"probabilities"', "[0, 1]")
    return contender(model)


def contender(model: str) -> Contender:
    """The contender whose function was made."""
    score = f"bench.onnx_{model}({arguments()})"
    return Contender(NAME, score, scoring_update(score))


def make_function(session: Session, model: str, content: bytes, output: str, place: str) -> None:
    """Stores a graph in a table, and makes the function that reads it and scores one row.

    Args:
        session: where.
        model: what it is called.
        content: the graph; its input is called row.
        output: the output that is asked for, as Python.
        place: of the score in it, as Python.
    """
    session.run("create table if not exists bench.onnx (model text primary key, content bytea)")
    session.run("insert into bench.onnx values (%s, %s)", (model, content))
    session.run(
        f"""
        create function bench.onnx_{model}({parameters()}) returns double precision
        language plpython3u stable
        as $$
            key = "bench.onnx_{model}"
            if key not in GD:
                import numpy, onnxruntime
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = options.inter_op_num_threads = 1
                row = plpy.execute("select content from bench.onnx where model = '{model}'")[0]
                made = onnxruntime.InferenceSession(row["content"], options, providers=["CPUExecutionProvider"])
                GD[key] = (made, numpy.array, numpy.float32)
            session, array, float32 = GD[key]
            row = array([[{", ".join(declared())}]], dtype=float32)
            return float(session.run([{output}], {{"row": row}})[0]{place})
        $$
        """  # noqa: S608  our own names
    )


def convert(model: str) -> bytes:
    """The model as a graph."""
    if model in BOOSTERS:
        from . import boosters

        return boosters.to_onnx(model)
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    given = [("row", FloatTensorType([None, len(declared())]))]
    content: bytes = to_onnx(fitted(model), initial_types=given, options={"zipmap": False}).SerializeToString()
    return content
