-- What a superuser reviews and runs: PL/Python, the keys that are trusted, and the functions that unpickle.
\ir plpython/pin_path.sql
\ir plpython/schema.sql
\ir plpython/trusted_key.sql
\ir plpython/allowed_engine.sql
\ir plpython/refusal.sql
\ir plpython/_runtime.sql
\ir plpython/_receive.sql
\ir plpython/_load.sql
\ir plpython/_estimate.sql
\ir plpython/_estimate_rows.sql
\ir plpython/_load_program.sql
\ir plpython/_walk.sql
\ir plpython/_walk_outputs.sql
\ir plpython/_load_reasons.sql
\ir plpython/_walk_reasons.sql
\ir plpython/_environment.sql
\ir plpython/reset_path.sql
