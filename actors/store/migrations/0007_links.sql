-- Where the other nodes reach a node, HOST:PORT; empty for one without links.
-- A build from before this joins without it.
alter table nodes add column link text not null default '';
