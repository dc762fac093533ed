create function pgscore._score_body(b pgscore.binding) returns text
language sql stable
set search_path = ''
as $$
    -- What can fail is apart from what writes: a block that only reads costs no transaction id. A conflict of transactions
    -- is no failure of the model.
    select format(
        'begin
            here.scored_%1$s := pgscore._score_rows(%2$L, here.moved);
        exception
            when transaction_rollback then raise;
            when others then here.failure_%1$s := sqlerrm;
        end; ',
        b.number, b.model
    )
$$;

comment on function pgscore._score_body(pgscore.binding) is
    'What the apply function does to have the moved rows scored by the model of a binding';
