-- Users for whom a provider vouches: they have no password. Who somebody is
-- there is the provider's word for it, never the address, which may become
-- another's.
alter table users
  add column provider text collate "C",
  add column subject text collate "C",
  add constraint users_provider check ((provider is null) = (subject is null));
create unique index users_subject on users (provider, subject)
  where subject is not null;
