create type pgscore.bare_expression as (
    guard text,
    expression text,
    wraps text[]
);

comment on type pgscore.bare_expression is
    'SQL that is right for ordinary rows: for those that pass the guard (NULL: all), NULL where it is not sure; what its arguments are wrapped in (NULL: nothing)';
