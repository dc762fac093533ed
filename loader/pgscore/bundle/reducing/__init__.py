"""What events make of a profile, without the database: docs/guide/reduce.md says what each reducer can know."""
