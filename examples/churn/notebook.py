"""Publishing from a notebook: cells to paste, or to run as a whole with `python -m examples.churn.notebook`.

Needs PGSCORE_DSN, such as the one that `make demo KEEP=1` prints, and a superuser there, who alone may trust a key.
"""

# %% A model, fitted as ever
import os
import tempfile
from pathlib import Path

import pgscore
from sklearn.linear_model import LogisticRegression
from sqlalchemy import create_engine, make_url

from examples.churn.customers import LABEL, read_customers
from examples.churn.model import make_pipeline

customers = read_customers()
X, y = customers.drop(columns=LABEL), customers[LABEL]
pipeline = make_pipeline(X, LogisticRegression(max_iter=1000)).fit(X, y)

# %% A key, once; whoever holds it can run code as the server's user, so a superuser decides to trust it
engine = create_engine(make_url(os.environ["PGSCORE_DSN"]).set(drivername="postgresql+psycopg2"))
folder = tempfile.TemporaryDirectory()
key = Path(folder.name) / "notebook.pem"
pgscore.trust_key(engine, pgscore.generate_key(key), "the notebook")

# %% One call: stored, signed, and its golden rows replayed in the database
published = pgscore.publish(engine, "churn", pipeline, golden=X.head(100), profile="churn.customer_profile", key=key)
print(f"version {published.version}, new: {published.created}")
for each in published.verifications:
    print(f"{each.engine}: {each.rows} golden rows, largest difference {each.max_abs_diff:.1e}, ok: {each.ok}")

# %% It answers from here on; promoting the earlier version again takes it back
pgscore.promote(engine, "churn", published.version)
for model in pgscore.list_models(engine):
    print(f"{model.model}: version {model.serving} of {model.versions} answers")

# %%
folder.cleanup()
