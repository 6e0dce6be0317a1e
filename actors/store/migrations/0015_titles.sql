-- Whether a person or a model gave a session its title, or it is what the first
-- task asked. Of sessions from before nobody knows, so that none is overwritten.

alter table sessions add column titled boolean not null default true;
alter table sessions alter column titled set default false;
