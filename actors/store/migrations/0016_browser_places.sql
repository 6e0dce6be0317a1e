-- Which node has a browser session that a client named. Sessions belong to
-- whoever reaches the admin port, so no tenant stands here. A row whose holder
-- has no lease counts for nothing; those that nobody ended go after two days,
-- which no session outlives.

create table browser_places (
  session text collate "C" primary key,
  -- `nodes.name#nodes.incarnation`.
  holder text collate "C" not null,
  claimed_at timestamptz not null
);

create index browser_places_by_age on browser_places (claimed_at);

do $grants$ begin
  if exists (select from pg_roles where rolname = 'shannon_records')
     and (select rolsuper or rolbypassrls from pg_roles
          where rolname = current_user) then
    grant select, insert, update, delete on browser_places to shannon_records;
    grant select on nodes to shannon_records;
  end if;
end $grants$;
