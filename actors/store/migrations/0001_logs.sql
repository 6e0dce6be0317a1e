-- Logs of durable actors: heads, facts, bodies, and who owns which shard.

-- The number of shards is fixed with the first row written: an append is
-- fenced by the row of its log's shard.
create table shards (
  shard smallint primary key,
  epoch bigint not null default 0,
  owner text not null default '',
  claimed_at timestamptz
);

insert into shards (shard) select generate_series(0, 255);

-- One row per log, rewritten by each append. Room on each page and no index
-- on a column that moves keep these rewrites HOT; a long summary goes out of
-- line, where a rewrite does not touch it.
create table heads (
  log_id text collate "C" primary key,
  version bigint not null,
  chain bigint not null,
  epoch bigint not null,
  status smallint not null,
  kind text collate "C" not null,
  parent text collate "C" not null,
  tenant text collate "C" not null,
  user_id text collate "C" not null,
  session text collate "C" not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  ended_at timestamptz,
  wake_at timestamptz,
  summary bytea not null default ''
) with (
  fillfactor = 60,
  toast_tuple_target = 256,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_cost_delay = 0
);

create index heads_by_tenant on heads (tenant, kind, created_at desc, log_id);
create index heads_by_session
  on heads (tenant, session, kind, created_at desc, log_id);
create index heads_unfinished on heads (kind, created_at)
  where ended_at is null;

-- Written once, never changed: full pages, and no foreign key, since the
-- statement that appends has just locked the head.
create table facts (
  log_id text collate "C" not null,
  version bigint not null,
  epoch bigint not null,
  at timestamptz not null,
  checksum bigint not null,
  fact bytea not null,
  blobs bytea[],
  primary key (log_id, version)
);

create table blobs (
  hash bytea primary key check (octet_length(hash) = 32),
  created_at timestamptz not null,
  bytes bytea not null
);
