"""The part of pgscore that runs inside PostgreSQL.

Standard library only at import: numpy, scikit-learn, pandas and cryptography are imported when an artifact is first
unpickled in a backend. Nothing here imports ``plpy``; the PL/Python functions hand over what is needed.
"""
