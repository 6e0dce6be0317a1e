#include "actors/gateway/resources/session_handlers.hpp"

#include "actors/gateway/resources/session_json.hpp"
#include "actors/gateway/text/query_string.hpp"
#include "protocols/sessions.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shannon::gateway {

namespace {

constexpr std::int64_t page_max = 100;
constexpr std::int64_t offset_max = 1'000'000;
/// Tasks that a history shows, the newest.
constexpr std::uint32_t history_max = 1'000;
/// Events on one page of turns; above it 413.
constexpr std::size_t turn_events_max = 5'000;
constexpr std::uint32_t facts_page = 1'000;

http_response not_found(const error& why) {
  return why.code == errc::not_found ? error_answer(404, "Session not found")
                                     : error_answer(why);
}

class session_handlers {
public:
  explicit session_handlers(desk& gateway) : gateway_(gateway) {}

  void list(const call_ptr& request) {
    auto query = query_string::parse(request->request().query);
    if (!query)
      return request->answer(query.error());
    sessions::list wanted;
    wanted.tenant = request->who().tenant;
    wanted.user = request->who().user;
    // Out of range is the default here, not an error.
    wanted.limit = static_cast<std::uint32_t>(
        query->number("limit", 20, 1, page_max).value_or(20));
    wanted.offset = static_cast<std::uint32_t>(
        query->number("offset", 0, 0, offset_max).value_or(0));
    ask_records<sessions::page>(
        std::move(wanted), [this, request](const result<sessions::page>& got) {
          if (!got)
            return request->answer(got.error());
          sum(request, got->sessions,
              [this, request, page = *got](const store::session_sums& sums) {
                auto all = json_out::array();
                for (const auto& one : page.sessions)
                  all.push_back(session_summary(one, sum_of(sums, one),
                                                gateway_.env().now()));
                json_out body;
                body["sessions"] = std::move(all);
                body["total_count"] = page.total;
                request->answer(200, body);
              });
        });
  }

  void get(const call_ptr& request) {
    with_session(request, [this, request](const sessions::session& one) {
      sum(request, {one}, [request, one](const store::session_sums& sums) {
        request->answer(200, session_detail(one, sum_of(sums, one)));
      });
    });
  }

  void history(const call_ptr& request) {
    with_session(request, [this, request](const sessions::session& one) {
      gateway_.ask_store<store::head_page>(
          tasks_of(request, one, history_max, 0),
          [request](const result<store::head_page>& got) {
            if (!got)
              return request->answer(got.error());
            auto tasks = json_out::array();
            for (auto at = got->heads.rbegin(); at != got->heads.rend(); ++at)
              tasks.push_back(task_history(*at));
            json_out body;
            body["session_id"] = request->id();
            body["tasks"] = std::move(tasks);
            body["total"] = got->total;
            request->answer(200, body);
          });
    });
  }

  void events(const call_ptr& request) {
    auto query = query_string::parse(request->request().query);
    if (!query)
      return request->answer(query.error());
    auto limit = query->number("limit", 10, 1, page_max);
    if (!limit)
      return request->answer(error_answer(400, "Invalid limit parameter"));
    auto offset = query->number("offset", 0, 0, offset_max);
    if (!offset)
      return request->answer(error_answer(400, "Invalid offset parameter"));
    auto job = std::make_shared<turns_job>();
    job->request = request;
    job->limit = static_cast<std::uint64_t>(*limit);
    job->offset = static_cast<std::uint64_t>(*offset);
    job->with_payloads = query->get("include_payload") == "true";
    with_session(request, [this, job](const sessions::session& one) {
      count_turns(job, one);
    });
  }

  void rename(const call_ptr& request) {
    auto title
        = read_title(request->request(), gateway_.settings().json_depth_max);
    if (!title)
      return request->answer(std::move(title.error()));
    const auto& who = request->who();
    ask_records<sessions::session>(
        sessions::rename{who.tenant, who.user, request->id(), *title},
        [request](const result<sessions::session>& got) {
          if (!got)
            return request->answer(not_found(got.error()));
          json_out body;
          body["session_id"] = request->id();
          body["title"] = got->title;
          request->answer(200, body);
        });
  }

  void remove(const call_ptr& request) {
    const auto& who = request->who();
    ask_records<sessions::removed>(
        sessions::remove{who.tenant, who.user, request->id()},
        [request](const result<sessions::removed>& got) {
          request->answer(got ? http_response{204, {}, {}}
                              : not_found(got.error()));
        });
  }

private:
  template <class Answer, class F>
  void ask_records(message_body what, F then) {
    gateway_.ask<Answer>({"records"}, std::move(what),
                         gateway_.settings().ask_timeout, std::move(then));
  }

  template <class F>
  void with_session(const call_ptr& request, F then) {
    const auto& who = request->who();
    ask_records<sessions::session>(
        sessions::find{who.tenant, who.user, request->id()},
        [request,
         then = std::move(then)](const result<sessions::session>& got) {
          got ? then(*got) : request->answer(not_found(got.error()));
        });
  }

  template <class F>
  void sum(const call_ptr& request, const std::vector<sessions::session>& all,
           F then) {
    store::sum_sessions wanted;
    wanted.tenant = request->who().tenant;
    wanted.user = request->who().user;
    for (const auto& one : all)
      wanted.sessions.push_back({one.name, one.since});
    gateway_.ask_store<store::session_sums>(
        std::move(wanted), [request, then = std::move(then)](
                               const result<store::session_sums>& got) {
          got ? then(*got) : request->answer(got.error());
        });
  }

  static store::session_sum sum_of(const store::session_sums& sums,
                                   const sessions::session& one) {
    auto at = sums.sessions.find(one.name);
    return at == sums.sessions.end() ? store::session_sum{} : at->second;
  }

  static store::list_heads tasks_of(const call_ptr& request,
                                    const sessions::session& one,
                                    std::uint32_t limit, std::uint32_t offset) {
    store::list_heads wanted;
    wanted.tenant = request->who().tenant;
    wanted.user = request->who().user;
    wanted.session = one.name;
    wanted.since = one.since;
    wanted.limit = limit;
    wanted.offset = offset;
    return wanted;
  }

  // -- turns ------------------------------------------------------------------

  struct turns_job {
    call_ptr request;
    std::uint64_t limit = 0;
    std::uint64_t offset = 0; ///< Turns left out, the oldest.
    bool with_payloads = false;
    std::uint64_t total = 0;
    std::vector<store::log_head> heads; ///< Of this page, oldest first.
    std::vector<std::vector<store::recorded_fact>> facts;
    std::size_t events = 0;
  };
  using job_ptr = std::shared_ptr<turns_job>;

  void count_turns(const job_ptr& job, const sessions::session& one) {
    gateway_.ask_store<store::head_page>(
        tasks_of(job->request, one, 1, 0),
        [this, job, one](const result<store::head_page>& got) {
          if (!got)
            return job->request->answer(got.error());
          job->total = got->total;
          if (job->offset >= job->total)
            return answer_turns(*job);
          read_turns(job, one);
        });
  }

  /// The store lists the newest first; a page is counted from the oldest.
  void read_turns(const job_ptr& job, const sessions::session& one) {
    auto end = std::min(job->total, job->offset + job->limit);
    gateway_.ask_store<store::head_page>(
        tasks_of(job->request, one,
                 static_cast<std::uint32_t>(end - job->offset),
                 static_cast<std::uint32_t>(job->total - end)),
        [this, job](const result<store::head_page>& got) {
          if (!got)
            return job->request->answer(got.error());
          job->heads.assign(got->heads.rbegin(), got->heads.rend());
          job->facts.resize(job->heads.size());
          read_facts(job, 0);
        });
  }

  void read_facts(const job_ptr& job, std::size_t turn) {
    if (turn == job->heads.size())
      return answer_turns(*job);
    auto& facts = job->facts[turn];
    gateway_.ask_facts(
        job->request,
        store::read_facts{job->heads[turn].log,
                          facts.empty() ? 0 : facts.back().version, facts_page},
        [this, job, turn](const result<store::fact_page>& got) {
          if (!got && got.error().code != errc::not_found)
            return job->request->answer(got.error());
          auto found = got ? got->facts.size() : 0;
          job->events += found;
          if (job->events > turn_events_max)
            return job->request->answer(error_answer(
                413, "More than " + std::to_string(turn_events_max)
                         + " events on this page: ask for fewer turns"));
          if (found > 0)
            job->facts[turn].insert(job->facts[turn].end(), got->facts.begin(),
                                    got->facts.end());
          read_facts(job, found == facts_page ? turn : turn + 1);
        });
  }

  static void answer_turns(const turns_job& job) {
    auto turns = json_out::array();
    for (std::size_t i = 0; i < job.heads.size(); ++i)
      turns.push_back(session_turn(job.heads[i], job.offset + i + 1,
                                   job.facts[i], job.with_payloads));
    json_out body;
    body["session_id"] = job.request->id();
    body["count"] = job.total;
    body["turns"] = std::move(turns);
    job.request->answer(200, body);
  }

  desk& gateway_;
};

} // namespace

void add_session_handlers(handler_table& table, desk& gateway) {
  using enum endpoint;
  auto sessions = std::make_shared<session_handlers>(gateway);
  table.set(list_sessions, [sessions](auto& call) { sessions->list(call); });
  table.set(get_session, [sessions](auto& call) { sessions->get(call); });
  table.set(get_session_history,
            [sessions](auto& call) { sessions->history(call); });
  table.set(get_session_events,
            [sessions](auto& call) { sessions->events(call); });
  table.set(rename_session, [sessions](auto& call) { sessions->rename(call); });
  table.set(delete_session, [sessions](auto& call) { sessions->remove(call); });
}

} // namespace shannon::gateway
