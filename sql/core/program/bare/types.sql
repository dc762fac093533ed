create type pgscore.bare_expression as (
    guard text,
    expression text,
    wraps text[]
);

comment on type pgscore.bare_expression is
    'SQL that is right for ordinary rows: for those that pass the guard (NULL: all), NULL where it is not sure; what its arguments are wrapped in (NULL: nothing)';

create type pgscore.bare_register as (
    kind text,
    expression text,
    size bigint,
    low double precision,
    high double precision,
    small double precision,
    may_miss boolean,
    is_wild boolean,
    input integer,
    shift double precision,
    factor double precision,
    plus double precision,
    power integer,
    wraps text[]
);

comment on type pgscore.bare_register is 'What is known of a register while a bare expression is written: its SQL and how far its values can go';
comment on column pgscore.bare_register.kind is 'n: number, t: text, u: number that is NULL where it is not sure, too, so that the score has to be';
comment on column pgscore.bare_register.expression is 'Its SQL; NULL where the score does not need it';
comment on column pgscore.bare_register.size is 'Nodes of that SQL';
comment on column pgscore.bare_register.low is 'No value is less';
comment on column pgscore.bare_register.high is 'No value is greater';
comment on column pgscore.bare_register.small is 'The least magnitude of its values besides 0';
comment on column pgscore.bare_register.may_miss is 'Whether it can be NULL';
comment on column pgscore.bare_register.is_wild is 'Whether it reads inputs that may be anything';
comment on column pgscore.bare_register.input is 'Of a wild one: the input that it is linear in, (input - shift) * factor + plus; NULL for the sum of such';
comment on column pgscore.bare_register.shift is 'Taken from the input';
comment on column pgscore.bare_register.factor is 'What the difference is multiplied by';
comment on column pgscore.bare_register.plus is 'Added to the product';
comment on column pgscore.bare_register.power is 'Of a sum of wild ones: the power of two that it is scaled down by';
comment on column pgscore.bare_register.wraps is 'Of a sum of wild ones: for each input, what its argument is wrapped in; NULL for nothing';

create type pgscore.bare_term as (
    expression text,
    weight double precision,
    constant double precision,
    magnitude double precision,
    is_plain boolean
);

comment on type pgscore.bare_term is 'A term of a sum that may read wild registers';
comment on column pgscore.bare_term.expression is 'SQL for what is weighted';
comment on column pgscore.bare_term.weight is 'Its weight';
comment on column pgscore.bare_term.constant is 'What it adds to the intercept';
comment on column pgscore.bare_term.magnitude is 'How large it can be, in units of the largest double';
comment on column pgscore.bare_term.is_plain is 'Whether it is an argument as it was given, and has to be wrapped';
