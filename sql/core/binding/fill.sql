create function pgscore._fill(template text, parts jsonb) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    filled text := '';
    line text;
    piece text;
    part text;
    margin text;
    is_only boolean;
begin
    if template is null then
        return null;
    end if;
    -- Without a backslash, which a session may have read otherwise. In one pass: what a part brings along is never looked at again. A part of several lines keeps the margin of its
    -- place, and a line of which nothing but an empty part would be left goes.
    foreach line in array string_to_array(trim(both e'\n' from template), e'\n') loop
        -- Most lines have none.
        if strpos(line, '{{') = 0 then
            filled := concat(filled, line, e'\n');
            continue;
        end if;
        is_only := line ~ '^ *[{][{][a-z_0-9]+[}][}]$';
        margin := substring(line from '^ *');
        part := null;
        for piece in select p[1] from regexp_matches(line, '[{][{][a-z_0-9]+[}][}]|(?:(?![{][{][a-z_0-9]+[}][}]).)+', 'g') p loop
            if piece ~ '^[{][{][a-z_0-9]+[}][}]$' then
                if not parts ? trim(both '{}' from piece) then
                    raise exception 'a template asks for %, which nothing fills', piece using errcode = 'internal_error';
                end if;
                piece := replace(parts ->> trim(both '{}' from piece), e'\n', e'\n' || margin);
            end if;
            part := concat(part, piece);
        end loop;
        if not is_only or part <> margin then
            filled := concat(filled, part, e'\n');
        end if;
    end loop;
    return rtrim(filled, e'\n');
end
$$;

comment on function pgscore._fill(text, jsonb) is 'A template with its named placeholders, such as {{profile}}, filled; NULL stands for nothing';
grant execute on function pgscore._fill(text, jsonb) to pgscore_reader;

create function pgscore._verbatim(part text) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    -- Until _function_sql puts the line breaks back.
    select replace(part, chr(10), chr(2))
$$;

comment on function pgscore._verbatim(text) is 'SQL that somebody else wrote, for a template: its line breaks may stand in literals, where a margin would change them';
grant execute on function pgscore._verbatim(text) to pgscore_reader;
