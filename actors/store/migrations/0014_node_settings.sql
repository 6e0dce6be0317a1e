-- What a node goes by, as a manifest would say it and without secrets: so that
-- `cluster plan` sees a setting that has changed.
alter table nodes add column settings text[] not null default '{}';
