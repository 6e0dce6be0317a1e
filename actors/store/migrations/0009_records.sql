-- What is no log: rows of tenants, behind row-level security as second wall.

-- Who works for a tenant says so in the setting `shannon.tenant`; `*` is the
-- node itself. Row-level security does not hold for a superuser: whoever is one
-- works on records under this role. For everybody else it is forced.
do $role$ begin
  if (select rolsuper or rolbypassrls from pg_roles where rolname = current_user)
  then
    begin
      create role shannon_records nologin;
    exception when duplicate_object or unique_violation then
      null; -- Roles are the server's: another database has made it.
    end;
    if not (select rolsuper from pg_roles where rolname = current_user) then
      execute format('grant shannon_records to %I', current_user);
    end if;
    grant usage on schema shannon to shannon_records;
  end if;
end $role$;

-- For each table of records, once, when it is made. Its column `tenant` says
-- whose a row is.
create function wall_off(which regclass) returns void
language plpgsql as $wall$ begin
  execute format('alter table %s enable row level security', which);
  execute format('alter table %s force row level security', which);
  execute format(
    'create policy tenants on %s using (current_setting(%L, true) in (tenant, %L))',
    which, 'shannon.tenant', '*');
  if exists (select from pg_roles where rolname = 'shannon_records')
     and (select rolsuper or rolbypassrls from pg_roles
          where rolname = current_user) then
    execute format(
      'grant select, insert, update, delete on %s to shannon_records', which);
  end if;
end $wall$;
