-- How often each name has been taken. A row of `nodes` goes when its node leaves
-- in order; the next process of that name must not be taken for it: an answer
-- to what the one asked may still be on its way.
create table node_names (
  name text collate "C" primary key,
  incarnation bigint not null
);

insert into node_names (name, incarnation)
select name, incarnation from nodes;
