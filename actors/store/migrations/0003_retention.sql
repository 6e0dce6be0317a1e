-- Parts of `facts` that two nodes make at once; which logs begin anew.

-- A lock on the table, not an advisory one: only with the former does a session
-- hear of tables that others have made since it looked last. Whoever was second
-- did not see the part, and failed.
create or replace function make_facts_part(part bigint) returns void
language plpgsql as $$
declare
  name text := 'facts_' || part;
begin
  if to_regclass('shannon.' || name) is not null then
    return;
  end if;
  lock table only shannon.facts in share update exclusive mode;
  if to_regclass('shannon.' || name) is not null then
    return;
  end if;
  execute format('create table shannon.%I (like shannon.facts including all)',
    name);
  execute format('alter table shannon.facts attach partition shannon.%I '
    'for values from (%s) to (%s)', name, part << 20, (part + 1) << 20);
end $$;

-- For the sweep of what stands before a log's last RunContinued. Most logs have
-- none; for the others each is a rewrite of their head that is not HOT.
create index heads_continued on heads (log_no) where base_first is not null;
