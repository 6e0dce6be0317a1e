-- One row per append instead of one per fact; heads that are not rewritten by
-- each append; what has not ended in a table of its own; bodies with their
-- references. docs/decisions/0006-one-row-per-append.md says why.

-- Logs have numbers of 8 bytes. A writer takes them in blocks: gaps are fine.
-- Logs from before this migration are numbered below zero.
create sequence log_numbers as bigint minvalue 0 start 0 increment 1024;

alter table heads rename to heads_0001;
alter table facts rename to facts_0001;
alter table blobs rename to blobs_0001;
alter table heads_0001 rename constraint heads_pkey to heads_0001_pkey;
alter table facts_0001 rename constraint facts_pkey to facts_0001_pkey;
alter table blobs_0001 rename constraint blobs_pkey to blobs_0001_pkey;
drop index heads_by_tenant, heads_by_session, heads_unfinished;

-- One row per log, written at its birth and when its status, summary or
-- attributes change: `version` and `chain` are those of that append, and the
-- log passes through them. No index stands on a column that moves, so these
-- rewrites are HOT.
create table heads (
  log_no bigint not null,
  chain bigint not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  version integer not null,
  status smallint not null,
  log_id text collate "C" primary key,
  kind text collate "C" not null,
  parent text collate "C" not null,
  tenant text collate "C" not null,
  user_id text collate "C" not null,
  session text collate "C" not null,
  summary bytea not null,
  attributes jsonb,
  -- The last RunContinued: its version, the row of facts it stands in and the
  -- chain before that row. Loading starts there.
  base_version integer,
  base_first integer,
  base_chain bigint
) with (
  fillfactor = 80,
  toast_tuple_target = 256,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_cost_delay = 0
);

-- What has not ended: born with its head, gone with its end, and touched in
-- between only when what it waits for changes.
create table active (
  log_no bigint primary key,
  wake_at timestamptz,
  idle boolean not null,
  log_id text collate "C" not null,
  kind text collate "C" not null
) with (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_cost_delay = 0
);

-- One row per append, never changed. `chain` covers the log's id and all its
-- facts up to `last`. Of one fact the bytes themselves; of several, each
-- behind its length as a varint. Parts hold 2^20 log numbers each.
create table facts (
  log_no bigint not null,
  chain bigint not null,
  at timestamptz not null,
  first integer not null,
  last integer not null,
  epoch integer not null,
  facts bytea not null,
  primary key (log_no, first)
) partition by range (log_no);

create table facts_migrated partition of facts
  for values from (minvalue) to (0);

-- Makes the part that holds `part << 20`, if it is not there. Beside and then
-- attached: that lets everybody go on reading and writing.
create function make_facts_part(part bigint) returns void
language plpgsql as $$
declare
  name text := 'facts_' || part;
begin
  if to_regclass('shannon.' || name) is not null then
    return;
  end if;
  perform pg_advisory_xact_lock(x'53484102'::int, 0);
  if to_regclass('shannon.' || name) is not null then
    return;
  end if;
  execute format('create table shannon.%I (like shannon.facts including all)',
    name);
  execute format('alter table shannon.facts attach partition shannon.%I '
    'for values from (%s) to (%s)', name, part << 20, (part + 1) << 20);
end $$;

select make_facts_part(0);

-- Bodies by SHA-256 of their content; codec 1 is zstd.
create table blobs (
  hash bytea primary key check (octet_length(hash) = 32),
  created_at timestamptz not null,
  size bigint not null,
  codec smallint not null,
  bytes bytea not null
);
alter table blobs alter column bytes set storage external;

-- Which log needs which body: what is loaded with it, and what keeps the body.
create table blob_refs (
  log_no bigint not null,
  -- The last append that needs it: not loaded, and in time not kept, when the
  -- log has begun anew since.
  first integer not null,
  hash bytea not null,
  primary key (log_no, hash)
);

-- What is there is carried over: a fact becomes an append of one.

insert into heads (log_no, chain, created_at, ended_at, version, status,
  log_id, kind, parent, tenant, user_id, session, summary)
select row_number() over (order by created_at, log_id) - 1 - count(*) over (),
  chain, created_at, ended_at, version, status, log_id, kind, parent, tenant,
  user_id, session, summary
from heads_0001;

insert into active (log_no, wake_at, idle, log_id, kind)
select h.log_no, o.wake_at, false, h.log_id, h.kind
from heads h join heads_0001 o using (log_id) where h.ended_at is null;

insert into facts (log_no, chain, at, first, last, epoch, facts)
select h.log_no, f.checksum, f.at, f.version, f.version, f.epoch, f.fact
from facts_0001 f join heads h using (log_id);

insert into blobs (hash, created_at, size, codec, bytes)
select hash, created_at, octet_length(bytes), 0, bytes from blobs_0001;

insert into blob_refs (log_no, first, hash)
select h.log_no, max(f.version), hash
from facts_0001 f join heads h using (log_id), unnest(f.blobs) hash
where f.blobs is not null
group by h.log_no, hash;

drop table heads_0001, facts_0001, blobs_0001;

create index heads_by_tenant on heads (tenant, kind, created_at desc, log_no);
create index heads_by_session
  on heads (tenant, session, kind, created_at desc, log_no)
  where session <> '';
-- For the sweep of old logs; costs an append nothing.
create index heads_by_age on heads using brin (created_at)
  with (pages_per_range = 32, autosummarize = on);
create index active_due on active (kind, wake_at)
  where idle and wake_at is not null;
create index blob_refs_by_hash on blob_refs (hash);

analyze heads, active, facts, blobs, blob_refs;
