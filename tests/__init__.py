"""Tests of pgscore; the packages below say of what."""

import os

# Models of a few hundred rows: more threads would wait for each other, and take from what runs beside. Read by numpy
# and scikit-learn when they are imported, which comes after this.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
