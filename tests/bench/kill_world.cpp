#include "tests/bench/kill_world.hpp"

#include "actors/store/log_queries.hpp"
#include "protocols/facts/run.pb.h"
#include "tests/bench/costs.hpp"

#include <map>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr int clients = 64;
constexpr std::size_t waiting_wanted = 200;
constexpr auto finish_most = 120s;
constexpr int status_completed = 3;

const char* const routes[] = {"/park/", "/signal/", "/mixed/", "/run/"};

} // namespace

kill_world::kill_world(const std::string& binary, const std::string& dir)
    : peer_(binary, dir), clients_(peer_.port(), clients),
      lines_(peer_.effects_file()), keyed_(peer_.effects_file() + ".keyed") {
  work_.next = [this] { return next(); };
  work_.answered = [this](const load_request& asked, const http_reply& reply) {
    answered(asked.number, reply);
  };
}

void kill_world::work_for(std::chrono::milliseconds time) {
  clients_.run(work_, steady::now() + time);
}

void kill_world::finish() {
  finishing_ = true;
  auto due = steady::now() + finish_most;
  while (!clients_.run(work_, due) || !again_.empty() || !waiting_.empty())
    if (steady::now() >= due)
      throw std::runtime_error{"clients were not answered at the end"};
  lines_.await(parked_.size(), finish_most);
  auto db = must(peer_.database());
  while (!unfinished(db).empty() && steady::now() < due)
    std::this_thread::sleep_for(50ms);
}

// -- what clients ask ---------------------------------------------------------

std::optional<load_request> kill_world::next() {
  if (!again_.empty()) {
    auto number = again_.front();
    again_.pop_front();
    const auto& what = items_[number];
    return load_request{
        post_request(routes[static_cast<int>(what.what)] + what.id), number};
  }
  if (waiting_.size() > (finishing_ ? 0 : waiting_wanted)) {
    auto id = waiting_.front();
    waiting_.pop_front();
    return ask({kind::signal, id});
  }
  if (finishing_)
    return {};
  auto id = std::to_string(++turn_);
  switch (turn_ % 3) {
  case 0:
    return ask({kind::run, "3"});
  case 1:
    return ask({kind::mixed, id});
  default:
    return ask({kind::park, id});
  }
}

std::optional<load_request> kill_world::ask(item what) {
  auto path = routes[static_cast<int>(what.what)] + what.id;
  items_.push_back(std::move(what));
  return load_request{post_request(path), items_.size() - 1};
}

void kill_world::answered(std::uint64_t number, const http_reply& reply) {
  const auto& what = items_[number];
  // A run without a name cannot be asked for again.
  if (what.what == kind::run)
    return;
  // 404: signalled before, and the answer was lost.
  if (reply.status != 200
      && !(what.what == kind::signal && reply.status == 404))
    return again_.push_back(number);
  if (what.what == kind::park) {
    parked_.push_back(what.id);
    waiting_.push_back(what.id);
  } else if (what.what == kind::mixed)
    mixed_.push_back(what.id);
}

// -- what came of it ----------------------------------------------------------

std::vector<std::string> kill_world::unfinished(store::pg_connection& db) {
  static const store::pg_statement ended{
      "bench_ended", "select log_id from heads where status = $1::smallint"};
  auto rows = must(db.run(ended, {store::pg::from_int2(status_completed)}));
  std::set<std::string> done;
  for (int i = 0; i < rows.size(); ++i)
    done.insert(rows.text(i, 0));
  std::vector<std::string> all;
  for (const auto& id : parked_)
    if (done.count("park-" + id) == 0)
      all.push_back("park-" + id);
  for (const auto& id : mixed_)
    if (done.count("mixed-" + id) == 0)
      all.push_back("mixed-" + id);
  return all;
}

bool kill_world::is_marked(store::pg_connection& db, const std::string& log) {
  auto page = must(store::read_page(db, {log_id{log}, 0, store::facts_max}));
  for (const auto& recorded : page.facts) {
    facts::Fact fact;
    if (fact.ParseFromString(recorded.bytes) && fact.has_step_completed()
        && fact.step_completed().possible_repeat())
      return true;
  }
  return false;
}

kill_world::tally kill_world::count() {
  auto db = must(peer_.database());
  tally all;
  all.acknowledged = static_cast<int>(parked_.size() + mixed_.size());
  auto lost = unfinished(db);
  std::set<std::string> gone{lost.begin(), lost.end()};
  // The log may say that it ended: the effect must be there all the same.
  for (const auto& id : parked_)
    if (lines_.read().count(id) == 0)
      gone.insert("park-" + id);
  all.lost = static_cast<int>(gone.size());
  for (const auto& [id, times] : lines_.read()) {
    ++all.effects;
    if (times < 2)
      continue;
    ++all.doubled;
    all.flagged += is_marked(db, "park-" + id);
  }
  std::map<std::string, int> keys_of_step;
  for (const auto& [line, times] : keyed_.read()) {
    auto key = line.substr(0, line.find(' '));
    ++all.effects;
    all.keys_again += times > 1;
    // `log/step/attempt`
    all.doubled_by_key += ++keys_of_step[key.substr(0, key.rfind('/'))] == 2;
  }
  return all;
}

} // namespace shannon::bench
