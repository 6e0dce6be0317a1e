-- Logs behind the second wall (0009): a connection that works for a tenant sees
-- logs of that tenant alone, with their facts and bodies, whatever its query
-- says. Whose a log is says its head; all else is seen through it. Nodes work on
-- logs of all tenants, and write parts of facts, which have no policy.

-- What facts and references lead to their head by.
create index heads_by_number on heads (log_no);

-- Shows of `which` what `seen` says to a tenant, and all to the node itself.
create function wall_off_log(which regclass, seen text) returns void
language plpgsql as $wall$ begin
  execute format('alter table %s enable row level security', which);
  execute format('alter table %s force row level security', which);
  execute format(
    'create policy tenants on %s using (current_setting(%L, true) = %L or %s)',
    which, 'shannon.tenant', '*', seen);
  if exists (select from pg_roles where rolname = 'shannon_records')
     and (select rolsuper or rolbypassrls from pg_roles
          where rolname = current_user) then
    execute format('grant select on %s to shannon_records', which);
  end if;
end $wall$;

select wall_off_log('heads',
    'current_setting(''shannon.tenant'', true) = tenant'),
  wall_off_log('active',
    'exists (select from heads h where h.log_id = active.log_id)'),
  wall_off_log('facts',
    'exists (select from heads h where h.log_no = facts.log_no)'),
  wall_off_log('blob_refs',
    'exists (select from heads h where h.log_no = blob_refs.log_no)'),
  wall_off_log('blobs',
    'exists (select from blob_refs r where r.hash = blobs.hash)');

drop function wall_off_log;
