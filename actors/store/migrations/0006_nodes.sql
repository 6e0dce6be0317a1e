-- Who is a node of the cluster: one row a node, renewed about once a second.

-- A process takes its node's name and raises `incarnation`; `NAME#INCARNATION`
-- stands in `shards.owner`. A lease is counted by this database's clock alone.
-- Rows are few and rewritten often: room on the page keeps that HOT.
create table nodes (
  name text collate "C" primary key,
  incarnation bigint not null,
  cluster text collate "C" not null,
  roles text[] not null,
  -- Its roles let it own shards.
  owns boolean not null,
  host text not null,
  api text not null,
  admin text not null,
  -- Of the build, and a hash of the messages it can read.
  version text not null,
  schema text not null,
  joined_at timestamptz not null,
  -- Since when it has held its lease without a break.
  held_since timestamptz not null,
  -- From then on it is given shards of others. Each time that it comes again
  -- soon, `flaps` grows, and it waits longer.
  settles_at timestamptz not null,
  flaps smallint not null,
  expires_at timestamptz not null
) with (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0
);

-- Whoever owned shards before this was no member; nobody waits for its lease.
