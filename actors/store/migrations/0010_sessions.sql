-- Conversations that tasks belong to. Their tasks are logs: `name` is what
-- heads.session says.

create table sessions (
  tenant text collate "C" not null,
  id text collate "C" not null,
  user_id text collate "C" not null,
  name text collate "C" not null,
  title text not null,
  context text not null,
  mode text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (tenant, id)
);

create unique index sessions_by_name on sessions (tenant, user_id, name);
create index sessions_by_user on sessions (tenant, user_id, created_at, id)
  where deleted_at is null;

select wall_off('sessions');
