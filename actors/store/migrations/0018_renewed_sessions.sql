-- From when on tasks belong to a session: if it was deleted and its name is used
-- again, those of before do not. Tasks from before the first task of a session
-- are its own: both are made at once, in either order.
alter table sessions
  add column since timestamptz not null default 'epoch';

-- Of those that have begun again already, created_at is when that was.
set local shannon.tenant = '*';
update sessions s set since = s.created_at
where exists (select from heads h
  where h.tenant = s.tenant and h.session = s.name and h.session <> ''
    and h.kind = 'workflow' and h.user_id = s.user_id
    and h.created_at < s.created_at - interval '1 minute');
