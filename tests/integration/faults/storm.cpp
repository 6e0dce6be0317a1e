#include "tests/integration/faults/storm.hpp"

#include "nodes/commands/api_client.hpp"
#include "protocols/store.hpp"
#include "tests/nodes/process.hpp"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <future>
#include <sstream>
#include <thread>

namespace shannon::test {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

const char* const every_role
    = "gateway, orchestrator, agent, llm, tool, browser, inspector";

std::string tail_of(const std::string& log) {
  constexpr std::size_t most = 2'000;
  return log.substr(log.size() - std::min(log.size(), most));
}

/// How many times as long as alone a thread of this machine takes for what it
/// has to do, twenty at most: others have the processor, too.
double slowness() {
  constexpr auto work = 40ms;
  constexpr double most = 20;
  auto worked = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds{now.tv_sec}
           + std::chrono::nanoseconds{now.tv_nsec};
  };
  auto since = clock::now();
  auto begun = worked();
  while (worked() - begun < work) {
  }
  return std::min(std::chrono::duration<double>(clock::now() - since)
                      / std::chrono::duration<double>(work),
                  most);
}

std::string loopback(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

} // namespace

storm::storm(storm_options options)
    : options_(std::move(options)),
      chance_(static_cast<unsigned>(options_.seed)) {}

storm::~storm() {
  load_.reset();
  cluster_.reset();
  redis_.reset();
  if (!redis_folder_.empty())
    std::filesystem::remove_all(redis_folder_);
}

void storm::run() {
  INFO("repeat: " << SHANNON_STORM_PROGRAM << " " << options_.flags());
  enter("to start");
  prepare();
  play();
  check();
  tell_phases();
}

void storm::enter(const char* phase) {
  phases_.emplace_back(phase, clock::now());
}

void storm::tell_phases() {
  enter("");
  std::ostringstream all;
  for (std::size_t i = 0; i + 1 < phases_.size(); ++i)
    all << (i > 0 ? ", " : "")
        << std::chrono::duration_cast<std::chrono::seconds>(
               phases_[i + 1].second - phases_[i].second)
               .count()
        << " s " << phases_[i].first;
  WARN("it took " << all.str());
}

// -- the world ----------------------------------------------------------------

bool storm::has(std::initializer_list<const char*> any) const {
  return std::any_of(
      options_.faults.begin(), options_.faults.end(), [&](const auto& one) {
        return std::find(any.begin(), any.end(), one) != any.end();
      });
}

bool storm::has_any_but(std::initializer_list<const char*> these) const {
  return std::any_of(
      options_.faults.begin(), options_.faults.end(), [&](const auto& one) {
        return std::find(these.begin(), these.end(), one) == these.end();
      });
}

void storm::prepare() {
  adopt_orphans();
  std::string settings = "run: {iterations_max: 50}\n"; // W3 is long.
  // Who is started again and again would wait long for shards of others.
  if (has({"K1", "K5", "Z2", "M2"}))
    settings += "membership: {settle: 500ms}\n";
  std::vector<std::string> roles(nodes_max, every_role);
  roles.emplace_back("gateway, inspector"); // The door.
  cluster_ = std::make_unique<real_cluster>(roles, settings);
  for (unsigned i = 0; i < nodes_max; ++i)
    cluster_->run_as(i, SHANNON_FAILPOINTS_BINARY);
  orders_ = std::vector<failpoint_order>(nodes_max);
  audit_ = std::make_unique<ownership_audit>(cluster_->dsn());
  for (unsigned i = 0;
       i < nodes_max && has({"N1", "N2", "N2-way", "N6", "D3", "D5"}); ++i)
    wires_.push_back(std::make_unique<cut_wire>(cluster_->dsn()));
  if (has({"N1", "N2-peers", "N3", "N4", "N5", "N6", "N7"}))
    prepare_detours();
  if (has({"D4"}))
    prepare_failing_statements();
  if (has({"R1", "R1-slow", "R1-late", "R1-full", "R1-flush"}))
    prepare_redis();
  for (unsigned i = 0; i < nodes_max && moved_clock::possible() && has({"T1"});
       ++i)
    clocks_.emplace_back();
  for (unsigned i = 0; i < nodes_max; ++i)
    start(i);
  await_ready(nodes_max, 60s);
  if (redis_)
    prepare_door();
  std::vector<std::uint16_t> doors;
  for (unsigned i = 0; i < nodes_max; ++i) {
    doors.push_back(cluster_->port(i));
    fresh_.push_back(holdings_of(cluster_->pid(i), cluster_->upstream_port()));
  }
  load_ = std::make_unique<storm_load>(std::move(doors), options_.seed,
                                       options_.clients);
}

/// Nodes find each other through the database: there a node is linked where
/// its detour begins.
void storm::prepare_detours() {
  std::string pairs;
  for (unsigned i = 0; i < nodes_max; ++i) {
    detours_.push_back(std::make_unique<tcp_detour>(cluster_->link_port(i)));
    pairs += (i > 0 ? ", ('" : "('") + loopback(cluster_->link_port(i)) + "', '"
             + loopback(detours_.back()->port()) + "')";
  }
  run_sql(audit_->db(), "create table detours (link text, via text);"
                        "insert into detours values "
                            + pairs + R"sql(;
    create function take_detour() returns trigger language plpgsql as $$
    begin
      new.link := coalesce((select via from detours d where d.link = new.link),
                           new.link);
      return new;
    end $$;
    create trigger detour before insert or update on nodes
      for each row execute function take_detour();)sql");
}

void storm::prepare_redis() {
  if (redis_folder_.empty()) {
    std::string name = "/tmp/shannon-storm-XXXXXX";
    REQUIRE(::mkdtemp(name.data()));
    redis_folder_ = name;
  }
  auto made = services::private_redis::start(
      {.dir = redis_folder_, .ends_with_parent = true});
  INFO((made ? std::string{} : made.error().text));
  REQUIRE(made);
  redis_.emplace(std::move(*made));
}

void storm::start(unsigned node, const std::string& order) {
  std::vector<std::string> special;
  if (node < wires_.size())
    special.push_back("SHANNON_DATABASE_URL=" + wires_[node]->dsn());
  if (redis_)
    special.push_back("SHANNON_REDIS_URL=" + redis_->url());
  if (node < clocks_.size())
    for (auto& one : clocks_[node].environment())
      special.push_back(std::move(one));
  if (node < orders_.size()) {
    orders_[node].give(order);
    special.push_back(orders_[node].environment());
  }
  cluster_->start(node, special);
}

int storm::draw(int from, int to) {
  return std::uniform_int_distribution<int>{from, to}(chance_);
}

unsigned storm::draw_ready_node() {
  auto node = draw_node();
  for (unsigned i = 0; i < nodes_max; ++i, node = (node + 1) % nodes_max)
    if (is_ready(node))
      break;
  return node;
}

unsigned storm::draw_node() {
  return static_cast<unsigned>(draw(0, nodes_max - 1));
}

void storm::pause(milliseconds how_long) {
  auto until = clock::now() + how_long;
  do {
    cluster_->listen(2ms);
    std::this_thread::sleep_for(
        std::clamp<clock::duration>(until - clock::now(), 0ms, 20ms));
  } while (clock::now() < until);
}

bool storm::is_ready(unsigned node) const {
  commands::api_client client{
      *commands::parse_server_url("http://" + loopback(cluster_->port(node))),
      {}};
  return client.get("/health/ready", clock::now() + 1s).has_value();
}

std::vector<unsigned> storm::ready_nodes() const {
  std::vector<unsigned> out;
  for (unsigned i = 0; i < nodes_max; ++i)
    if (is_ready(i))
      out.push_back(i);
  return out;
}

void storm::await_ready(std::size_t count, std::chrono::seconds most) {
  auto until = clock::now() + most;
  while (ready_nodes().size() < count) {
    std::string logs;
    for (unsigned i = 0; i < nodes_max; ++i)
      logs += cluster_->name(i) + "\n" + tail_of(cluster_->log(i));
    INFO(logs);
    REQUIRE(clock::now() < until);
    pause(20ms);
  }
}

// -- the faults ---------------------------------------------------------------

void storm::play() {
  enter("of faults");
  auto since = clock::now();
  since_us_ = unix_now_us();
  std::vector<const fault*> all;
  for (const auto& one : fault_table())
    if (has({one.id}))
      all.push_back(&one);
  REQUIRE(all.size() == options_.faults.size());
  for (int round = 0;
       round < options_.rounds || load_->accepted() < options_.tasks
       || clock::now() - since < std::chrono::seconds{options_.seconds};
       ++round) {
    std::shuffle(all.begin(), all.end(), chance_);
    for (const auto* one : all) {
      pause(milliseconds{draw(200, 1'000)});
      make(*one);
    }
  }
  enter("until all nodes were there");
  // Those that came again soon have settled by then.
  await_ready(nodes_max, 120s);
}

void storm::make(const fault& one) {
  INFO("fault " << one.id << ", the " << spans_.size() + 1 << "th");
  making_ = &one;
  auto since_us = unix_now_us();
  begin_span();
  (this->*one.make)();
  end_span();
  slowness_.push_back(slowness());
  // One that has come again and again waits before it is given anything; the
  // next fault does not wait for it.
  await_ready(nodes_max - 1, 60s);
  auto seconds
      = [](std::int64_t us) { return static_cast<double>(us / 10'000) / 100; };
  std::ostringstream line;
  look_at_counters();
  line << one.id << " at " << seconds(since_us - since_us_) << " s, healed in "
       << seconds(unix_now_us() - since_us) << " s";
  played_.push_back(line.str());
}

void storm::begin_span(const char* kind) {
  span_kind_ = kind ? kind : making_->id;
  from_us_ = unix_now_us();
  until_us_ = able_us_ = 0;
}

void storm::end_span() {
  if (span_kind_.empty())
    return;
  const auto& all = fault_table();
  auto of = std::find_if(all.begin(), all.end(), [this](const auto& one) {
    return one.id == span_kind_;
  });
  spans_.push_back({std::exchange(span_kind_, {}), from_us_,
                    until_us_ != 0 ? until_us_ : unix_now_us(),
                    able_us_ != 0 ? able_us_ : from_us_, of->loses_calls,
                    of->may_be_late});
}

/// From the moment that the database answers until as many nodes are ready as
/// were before.
void storm::time_ready(std::size_t before) {
  auto since = clock::now();
  audit_->reconnect();
  auto answers = clock::now();
  auto meanwhile = std::async(std::launch::async, slowness);
  await_ready(before, 60s);
  ready_seconds_.push_back(
      std::chrono::duration<double>(clock::now() - answers).count());
  INFO("the database answered after "
       << std::chrono::duration<double>(answers - since).count() << " s");
  auto slow = std::max(meanwhile.get(), slowness());
  INFO("everything takes " << slow << " times as long as alone");
  CHECK(ready_seconds_.back() <= 2.0 * slow);
}

double storm::counter(unsigned node, const std::string& name) {
  std::istringstream lines{cluster_->page(node, "/metrics", true)};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + " "))
      return std::stod(line.substr(name.size()));
  return 0;
}

/// Of all nodes, and of all labels that it has if none is named.
double storm::counter_of_all(const std::string& name) {
  double sum = 0;
  for (unsigned i = 0; i < nodes_max; ++i) {
    std::istringstream lines{cluster_->page(i, "/metrics", true)};
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(name + " ") || line.starts_with(name + "{"))
        sum += std::stod(line.substr(line.rfind(' ')));
  }
  return sum;
}

/// Appends that this node did not get through, by its own clock or because the
/// shard was another's.
double storm::refusals(unsigned node) {
  return counter(node, "shannon_store_appends_total{outcome=\"fenced\"}")
         + counter(node,
                   "shannon_store_appends_total{outcome=\"unavailable\"}");
}

/// Of these nodes, appends that were sent and not answered.
double storm::doubts(const std::vector<unsigned>& of) {
  double sum = 0;
  for (auto node : of)
    sum += counter(node, "shannon_store_commits_unclear_total");
  return sum;
}

void storm::await_refusals(unsigned node, double before) {
  ++long_sleeps_;
  auto until = clock::now() + 5s;
  double more = 0;
  while ((more = refusals(node) - before) <= 0 && clock::now() < until)
    pause(20ms);
  refused_ += more;
}

} // namespace shannon::test
