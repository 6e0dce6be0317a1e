#pragma once

#include "actors/store/pg_connection.hpp"
#include "tests/store/sql.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace shannon::test {

/// Writes down each change of hands, from within the database, so that nothing
/// is missed: at every commit a shard has one owner, under an epoch of its own.
class ownership_audit {
public:
  explicit ownership_audit(const std::string& dsn)
      : dsn_(dsn), db_(connect(dsn)) {
    run_sql(db_, R"sql(
      create table hands (n bigserial, shard smallint, old_epoch bigint,
        epoch bigint, old_owner text, owner text,
        old_live boolean, at timestamptz default clock_timestamp());
      create function note_hands() returns trigger language plpgsql as $$
      begin
        insert into hands (shard, old_epoch, epoch, old_owner, owner, old_live)
        values (new.shard, old.epoch, new.epoch, old.owner, new.owner,
          -- A lease that had ended may come back while shards are claimed: then
          -- it is held since that moment, and the claim had not seen it.
          exists (select from nodes n where n.expires_at > now()
            and n.held_since < now() - interval '1 s'
            and n.name || '#' || n.incarnation = old.owner));
        return null;
      end $$;
      create trigger hands after update on shards
        for each row execute function note_hands();)sql");
  }

  /// After the database has been away.
  void reconnect() {
    db_ = connect(dsn_);
  }

  std::int64_t number(const std::string& sql) {
    return std::stoll(run_sql(db_, sql).text(0, 0));
  }

  /// Moves so far, from owner to owner.
  std::int64_t claims() {
    return number("select count(*) from hands where owner <> ''");
  }

  /// When shards were taken from owners that had gone, microseconds since 1970.
  std::vector<std::int64_t> takeovers() {
    auto rows = run_sql(db_, "select distinct (extract(epoch from at) * "
                             "1000000)::bigint from hands where owner <> '' "
                             "and old_owner <> '' and owner <> old_owner "
                             "order by 1");
    std::vector<std::int64_t> out;
    for (int i = 0; i < rows.size(); ++i)
      out.push_back(std::stoll(rows.text(i, 0)));
    return out;
  }

  /// The same of each shard.
  std::map<std::uint32_t, std::vector<std::int64_t>> takeovers_of_shards() {
    auto rows = run_sql(db_, "select shard, (extract(epoch from at) * "
                             "1000000)::bigint from hands where owner <> '' "
                             "and old_owner <> '' and owner <> old_owner "
                             "order by n");
    std::map<std::uint32_t, std::vector<std::int64_t>> out;
    for (int i = 0; i < rows.size(); ++i)
      out[static_cast<std::uint32_t>(std::stoul(rows.text(i, 0)))].push_back(
          std::stoll(rows.text(i, 1)));
    return out;
  }

  void check() {
    // Epochs rise by one, so each is of one owner.
    CHECK(number("select count(*) from hands where epoch <> old_epoch + 1")
          == 0);
    CHECK(number("select count(*) from (select shard, epoch from hands "
                 "group by 1, 2 having count(*) > 1) twice")
          == 0);
    // Nobody took a shard from a process whose lease went on; it gave it up
    // itself.
    CHECK(number("select count(*) from hands where owner <> '' and old_live "
                 "and owner <> old_owner")
          == 0);
  }

  store::pg_connection& db() {
    return db_;
  }

private:
  std::string dsn_;
  store::pg_connection db_;
};

} // namespace shannon::test
