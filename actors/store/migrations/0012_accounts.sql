-- Tenants, users and their credentials. What opens something is never here in
-- clear: API keys as HMAC-SHA-256 under a pepper that the database does not
-- have, refresh tokens as SHA-256, passwords as argon2id.

create table tenants (
  tenant text collate "C" primary key,
  name text not null,
  -- Decides its rate limits: free, pro, max, enterprise, admin.
  plan text not null default 'free',
  created_at timestamptz not null default now(),
  closed_at timestamptz
);
select wall_off('tenants');

create table users (
  id text collate "C" primary key,
  tenant text collate "C" not null references tenants,
  email text not null,
  username text not null,
  name text not null default '',
  role text not null default 'user' check (role in ('user', 'admin', 'owner')),
  -- Null: comes in by API key alone.
  password_hash text,
  -- Access tokens carry it; raising it ends all that are out.
  epoch bigint not null default 1,
  created_at timestamptz not null default now(),
  closed_at timestamptz
);
-- One address, one account, in whatever tenant: a login names no tenant.
create unique index users_email on users (lower(email));
create unique index users_tenant on users (tenant, id);
select wall_off('users');

create table api_keys (
  id text collate "C" primary key,
  tenant text collate "C" not null,
  user_id text collate "C" not null,
  -- What a key is found by.
  lookup text collate "C" not null unique,
  digest bytea not null check (length(digest) = 32),
  prefix text not null,
  name text not null,
  description text not null default '',
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  -- Which key it has taken the place of.
  rotated_from text collate "C",
  last_used_at timestamptz,
  foreign key (tenant, user_id) references users (tenant, id)
);
create index api_keys_owner on api_keys (tenant, user_id, created_at desc);
select wall_off('api_keys');

create table refresh_tokens (
  hash bytea primary key check (length(hash) = 32),
  tenant text collate "C" not null,
  user_id text collate "C" not null,
  -- All that came from one login. A token used twice revokes them all.
  family text collate "C" not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  -- The one that was given for it: asked again, the answer is the same.
  next bytea,
  revoked_at timestamptz,
  foreign key (tenant, user_id) references users (tenant, id)
);
create index refresh_tokens_family on refresh_tokens (family);
create index refresh_tokens_owner on refresh_tokens (tenant, user_id, expires_at);
select wall_off('refresh_tokens');

-- Where a database begins: one tenant, and one user who may everything there.
insert into tenants (tenant, name)
values ('00000000-0000-0000-0000-000000000001', 'default');
insert into users (id, tenant, email, username, role)
values ('00000000-0000-0000-0000-000000000002',
  '00000000-0000-0000-0000-000000000001', 'admin@localhost', 'admin', 'admin');

-- Who worked before there were credentials is that user from now on.
update heads set tenant = '00000000-0000-0000-0000-000000000001',
  user_id = case user_id when 'dev'
    then '00000000-0000-0000-0000-000000000002' else user_id end
where tenant = 'default';
update sessions set tenant = '00000000-0000-0000-0000-000000000001',
  user_id = case user_id when 'dev'
    then '00000000-0000-0000-0000-000000000002' else user_id end
where tenant = 'default';
delete from answers where tenant = 'default';
