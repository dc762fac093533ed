"""Saves a pickled pipeline as a model of MLflow's, whose server answers with its probabilities.

Run as a program: the file of the pickle, the folder that is made, and a row as JSON, of which the signature is made.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import mlflow.sklearn  # type: ignore[import-not-found]
import pandas as pd
from mlflow.models import infer_signature  # type: ignore[import-not-found]


def main() -> None:
    """Saves it, with a signature as its guide recommends, and without looking for what the model needs."""
    file, folder, row = sys.argv[1:]
    pipeline = pickle.loads(Path(file).read_bytes())
    frame = pd.DataFrame([json.loads(row)])
    mlflow.sklearn.save_model(
        pipeline,
        folder,
        signature=infer_signature(frame, pipeline.predict_proba(frame)),
        pyfunc_predict_fn="predict_proba",
        pip_requirements=[],
        # As skops it would refuse the trees.
        serialization_format="cloudpickle",
    )


if __name__ == "__main__":
    main()
