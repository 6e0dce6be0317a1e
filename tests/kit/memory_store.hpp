#pragma once

#include "actors/kit/actor_base.hpp"
#include "protocols/store.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shannon::kit {

/// What a database would hold. Outlives the actors of a test.
struct memory_tables {
  struct log_rows {
    store::log_head head;
    std::vector<store::recorded_fact> facts;
    store::log_schedule schedule;
    bool owes_end = false;
  };
  std::map<log_id, log_rows> logs;
  std::map<store::blob_hash, std::string> blobs;
  /// The next append is refused like this, before or after it was written.
  std::vector<error> refuse_appends;
  bool refuse_after_writing = false;
  /// The database's clock.
  std::function<std::chrono::system_clock::time_point()> now
      = [] { return std::chrono::system_clock::time_point{}; };
  /// Called before a log that is opened is answered.
  std::function<void(const log_id&)> opening = [](const log_id&) {};
  /// Appends that said a schedule, and looks for who is due.
  std::uint64_t schedules = 0;
  std::uint64_t due_looks = 0;
  std::uint64_t active_looks = 0;
  std::uint64_t appends = 0;

  std::vector<std::int64_t> versions(const log_id& id) {
    std::vector<std::int64_t> all;
    for (const auto& fact : logs[id].facts)
      all.push_back(fact.version);
    return all;
  }
};

/// The EVENT STORE's protocol over `memory_tables`, with its version check.
class memory_store final : public actor_base {
public:
  memory_store(caf::actor_config& cfg, actor_env& shared, memory_tables& tables)
      : actor_base(cfg, shared, {"store"}), tables_(tables) {}

protected:
  handlers make_handlers() override {
    using namespace store;
    return {
        on<append>([this](auto& mail, auto& m) { write(mail, m); }),
        on<open_log>([this](auto& mail, auto& m) { open(mail, m); }),
        on<close_log>([this](auto&, auto& m) {
          if (auto at = tables_.logs.find(m.log); at != tables_.logs.end())
            at->second.owes_end = false;
        }),
        on<list_active>([this](auto& mail, auto& m) { active(mail, m); }),
        on<get_head>([this](auto& mail, auto& m) { head(mail, m); }),
        on<read_facts>([this](auto& mail, auto& m) { read(mail, m); }),
        on<list_unfinished>([this](auto& mail, auto& m) { list(mail, m); }),
        on<list_due>([this](auto& mail, auto& m) { due(mail, m); }),
        on<ping>([this](auto& mail, auto&) { reply(mail, pong{}); }),
    };
  }

private:
  void write(const envelope& mail, const store::append& m) {
    if (!tables_.refuse_appends.empty()) {
      auto why = tables_.refuse_appends.back();
      tables_.refuse_appends.pop_back();
      if (tables_.refuse_after_writing)
        store_facts(m);
      return refuse(mail, why);
    }
    auto at = tables_.logs.find(m.log);
    auto version = at == tables_.logs.end() ? 0 : at->second.head.tail.version;
    if (version != m.expected.version || (m.birth && at != tables_.logs.end()))
      return refuse(
          mail,
          {errc::conflict, "log is at " + std::to_string(version), false, {}});
    if (version != 0 && store::is_terminal(at->second.head.status))
      return refuse(mail, {errc::conflict, "log has ended", false, {}});
    reply(mail, store::append_receipt{store_facts(m)});
  }

  store::log_tail store_facts(const store::append& m) {
    auto& rows = tables_.logs[m.log];
    rows.head.log = m.log;
    if (m.birth)
      rows.head.birth = *m.birth;
    for (const auto& bytes : m.facts)
      rows.facts.push_back({++rows.head.tail.version, {}, bytes});
    for (const auto& body : m.blobs)
      tables_.blobs[body.hash] = body.bytes;
    rows.head.status = m.status;
    rows.owes_end = m.owes_end;
    if (m.attributes)
      rows.head.attributes = *m.attributes;
    if (m.schedule) {
      rows.schedule = *m.schedule;
      rows.head.wake_at = m.schedule->wake_at;
      rows.head.idle = m.schedule->idle;
      ++tables_.schedules;
    }
    if (m.summary)
      rows.head.summary = *m.summary;
    ++tables_.appends;
    return rows.head.tail;
  }

  void open(const envelope& mail, const store::open_log& m) {
    tables_.opening(m.log);
    auto at = tables_.logs.find(m.log);
    if (at == tables_.logs.end())
      return refuse(mail, {errc::not_found, "no such log", false, {}});
    reply(mail, store::log_image{
                    at->second.head, {}, at->second.facts, tables_.blobs});
  }

  void head(const envelope& mail, const store::get_head& m) {
    auto at = tables_.logs.find(m.log);
    if (at == tables_.logs.end())
      return refuse(mail, {errc::not_found, "no such log", false, {}});
    reply(mail, at->second.head);
  }

  void read(const envelope& mail, const store::read_facts& m) {
    store::fact_page page;
    auto& rows = tables_.logs[m.log];
    for (const auto& fact : rows.facts)
      if (fact.version > m.after && page.facts.size() < m.limit)
        page.facts.push_back(fact);
    page.version = rows.head.tail.version;
    page.status = rows.head.status;
    reply(mail, page);
  }

  static bool open_row(const memory_tables::log_rows& rows,
                       const std::string& kind) {
    return rows.head.birth.kind == kind && !store::is_terminal(rows.head.status)
           && rows.head.status != store::log_status::needs_operator;
  }

  static bool owes(const memory_tables::log_rows& rows,
                   const std::string& kind) {
    return rows.head.birth.kind == kind && rows.owes_end;
  }

  void active(const envelope& mail, const store::list_active& m) {
    ++tables_.active_looks;
    store::log_states found;
    for (const auto& id : m.logs)
      if (auto at = tables_.logs.find(id);
          at != tables_.logs.end()
          && (!store::is_terminal(at->second.head.status)
              || at->second.owes_end))
        found.logs.emplace(id, at->second.head.status);
    reply(mail, found);
  }

  void list(const envelope& mail, const store::list_unfinished& m) {
    store::log_ids found;
    for (const auto& [id, rows] : tables_.logs)
      if ((open_row(rows, m.kind) || owes(rows, m.kind)) && !rows.schedule.idle
          && id > m.after && found.logs.size() < m.limit)
        found.logs.push_back(id);
    reply(mail, found);
  }

  void due(const envelope& mail, const store::list_due& m) {
    ++tables_.due_looks;
    std::vector<std::pair<std::chrono::system_clock::time_point, log_id>> all;
    for (const auto& [id, rows] : tables_.logs)
      if (open_row(rows, m.kind) && rows.schedule.idle && rows.schedule.wake_at)
        all.emplace_back(*rows.schedule.wake_at, id);
    std::sort(all.begin(), all.end());
    store::due_logs found;
    found.now = tables_.now();
    for (auto& [at, id] : all) {
      if (at > found.now || found.logs.size() >= m.limit) {
        found.next = at;
        break;
      }
      found.logs.push_back(id);
    }
    reply(mail, found);
  }

  memory_tables& tables_;
};

} // namespace shannon::kit
