create type pgscore.bare_limits as (
    largest_double double precision,
    smallest_double double precision,
    half_ulp double precision,
    most_result double precision,
    least_product double precision,
    lift double precision,
    least_factor double precision,
    most_factor double precision,
    least_squared double precision,
    square_lift double precision,
    lifted_small double precision,
    least_divided double precision,
    most_terms integer,
    most_trees integer,
    wild_input double precision,
    least_wild_factor double precision,
    most_wild_factor double precision,
    most_wild_shift double precision,
    least_wild_weight double precision,
    most_wild_weight double precision,
    most_plain_shift double precision,
    least_tame_weight double precision,
    most_wild_total double precision,
    least_summed double precision,
    summed_lift double precision,
    most_score double precision,
    most_exponent double precision
);

comment on type pgscore.bare_limits is 'How far the numbers of a bare expression may go; powers of ten where nothing hangs on the last bit';
comment on column pgscore.bare_limits.largest_double is 'The largest finite double';
comment on column pgscore.bare_limits.smallest_double is 'The smallest double above 0';
comment on column pgscore.bare_limits.half_ulp is 'Sums are multiples of the last bit of their least term, which is more than this part of it';
comment on column pgscore.bare_limits.most_result is 'Where a sum or a product could get near to an overflow';
comment on column pgscore.bare_limits.least_product is 'Where a product could get near to an underflow, which PostgreSQL raises an error for';
comment on column pgscore.bare_limits.lift is 'Added and subtracted again, over the factor: rounds to a multiple of what survives the product';
comment on column pgscore.bare_limits.least_factor is 'No lift helps factors and weights below';
comment on column pgscore.bare_limits.most_factor is 'Factors above overflow';
comment on column pgscore.bare_limits.least_squared is 'Squares of less could underflow';
comment on column pgscore.bare_limits.square_lift is 'The lift of what is squared';
comment on column pgscore.bare_limits.lifted_small is 'The least magnitude after it';
comment on column pgscore.bare_limits.least_divided is 'Trees whose sums could be less after their division are not for a bare expression';
comment on column pgscore.bare_limits.most_terms is 'Sums of more terms are too deep for the parser';
comment on column pgscore.bare_limits.most_trees is 'The same for trees';
comment on column pgscore.bare_limits.wild_input is 'An input is wild where it may be further from 0 on both sides';
comment on column pgscore.bare_limits.least_wild_factor is 'A wild register''s factor is not less';
comment on column pgscore.bare_limits.most_wild_factor is 'Nor more; plus stays below';
comment on column pgscore.bare_limits.most_wild_shift is 'A wild register''s shift stays below';
comment on column pgscore.bare_limits.least_wild_weight is 'With a lesser weight of a wild register the sum would not show what the input is';
comment on column pgscore.bare_limits.most_wild_weight is 'Nor with a greater one';
comment on column pgscore.bare_limits.most_plain_shift is 'A shift up to here, in units of its factor, moves into the intercept: what cancels costs no digits';
comment on column pgscore.bare_limits.least_tame_weight is 'In a sum with wild registers, no lift helps tame ones with lesser weights';
comment on column pgscore.bare_limits.most_wild_total is 'The intercept and the total of all terms of such a sum stay below';
comment on column pgscore.bare_limits.least_summed is 'In a sum that is scaled down, tame terms above this stay clear of an underflow';
comment on column pgscore.bare_limits.summed_lift is 'The lift of tame terms that do not';
comment on column pgscore.bare_limits.most_score is 'Beyond these ends it is the careful function''s turn';
comment on column pgscore.bare_limits.most_exponent is 'The same before a logistic link';

create function pgscore._bare_limits() returns pgscore.bare_limits
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select
        '1.7976931348623157e308'::double precision as largest_double,
        '5e-324'::double precision as smallest_double,
        power('2'::double precision, -54) as half_ulp,
        '1e307'::double precision as most_result,
        '1e-305'::double precision as least_product,
        power('2'::double precision, -1010) as lift,
        '1e-200'::double precision as least_factor,
        '1e300'::double precision as most_factor,
        '1e-150'::double precision as least_squared,
        power('2'::double precision, -480) as square_lift,
        '1e-160'::double precision as lifted_small,
        '1e-300'::double precision as least_divided,
        1700 as most_terms,
        1500 as most_trees,
        '1e200'::double precision as wild_input,
        '1e-100'::double precision as least_wild_factor,
        '1e100'::double precision as most_wild_factor,
        '1e200'::double precision as most_wild_shift,
        '1e-50'::double precision as least_wild_weight,
        '1e50'::double precision as most_wild_weight,
        '100'::double precision as most_plain_shift,
        '1e-60'::double precision as least_tame_weight,
        '1e60'::double precision as most_wild_total,
        '1e-200'::double precision as least_summed,
        power('2'::double precision, -800) as summed_lift,
        '1e200'::double precision as most_score,
        '700'::double precision as most_exponent
$$;

comment on function pgscore._bare_limits() is 'The limits of bare expressions, each named';
