-- Nothing: what the triggers call is there as long as core is not taken back, and that is refused while they call it.
do $$ begin null; end $$;
