-- Which logs a log has started: for `shannon export --tree`, `why` and
-- `verify`. A task has no parent, and no entry.
create index heads_by_parent on heads (parent) where parent <> '';
