-- What lists and sweeps look for without going through all of a tenant.

-- Lists are of a user: this takes the place of the one by tenant, and no birth
-- writes one more entry.
drop index heads_by_tenant;
create index heads_by_user on heads (tenant, user_id, kind, created_at, log_no);

-- Sessions that nobody has opened for long.
create index sessions_by_age on sessions (updated_at, tenant, id);
