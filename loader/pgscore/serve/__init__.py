"""`pgscore serve`: the versions that answer, over HTTP, scored from programs in the process: docs/guide/serve.md.

Needs the extra `pgscore[serve]`.
"""
