-- What requests under an Idempotency-Key were answered, where the answer is no
-- log: one row a key, claimed before the work and settled with its answer.

create table answers (
  tenant text collate "C" not null,
  name text collate "C" not null,
  digest bytea not null,
  claimer text collate "C" not null,
  claimed_until timestamptz not null,
  created_at timestamptz not null,
  status integer,
  fields text,
  body bytea,
  primary key (tenant, name)
);

create index answers_by_age on answers (created_at);

select wall_off('answers');
