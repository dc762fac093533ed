create type pgscore.generated_function as (
    name text,
    names text[],
    types text[],
    returns text,
    posture text,
    body text,
    says text
);

comment on type pgscore.generated_function is
    'A function as it is to be: qualified name, names and types of its arguments, what it returns, language and so on, body, comment';
