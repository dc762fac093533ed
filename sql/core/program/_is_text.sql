create function pgscore._is_text(value jsonb) returns boolean
language sql immutable parallel safe
return case when jsonb_typeof(value) = 'string' then octet_length(value #>> '{}') <= 1000 else false end;

comment on function pgscore._is_text(jsonb) is 'Whether JSON is a text of at most 1,000 bytes';
