// Agent runs of a whole node: a task is posted, planned and worked on by one
// agent with one call of a model, and its client follows the events to their
// end. Every step is on disk before the next begins.

#include "tests/bench/costs.hpp"
#include "tests/bench/quantile.hpp"
#include "tests/bench/report.hpp"
#include "tests/bench/stamp_reader.hpp"
#include "tests/bench/whole_node.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr double p99_most_ms = 100;

struct options {
  std::string shannon;
  std::string mock;
  std::string dir = "/tmp";
  milliseconds time{6'000};
  std::vector<int> clients{1, 16, 32, 64};
};

/// One connection that asks and waits.
class client {
public:
  explicit client(std::uint16_t port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
      throw std::runtime_error{"the node cannot be reached"};
    int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~client() {
    ::close(socket_);
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// A task from its request to the last of its events. False: refused, failed
  /// or cut off.
  bool run_one(const std::string& submit) {
    stamps_ = {};
    auto head = ask(submit);
    constexpr std::string_view name = "\"task_id\":\"";
    auto at = head.find(name);
    if (!head.starts_with("HTTP/1.1 200") || at == std::string::npos)
      return false;
    at += name.size();
    auto id = head.substr(at, head.find('"', at) - at);
    send("GET /api/v1/stream/sse?workflow_id=" + id
         + " HTTP/1.1\r\nHost: bench\r\n\r\n");
    // The chunk of no bytes ends the stream, and the connection goes on.
    auto events = read_until("\r\n0\r\n\r\n");
    return events.find("WORKFLOW_COMPLETED") != std::string::npos;
  }

  /// Of the last task: how long each word took from the model to here.
  const std::vector<double>& token_ms() const noexcept {
    return stamps_.took_ms();
  }

private:
  std::string ask(const std::string& request) {
    send(request);
    auto text = read_until("\r\n\r\n");
    constexpr std::string_view field = "content-length: ";
    auto lower = text;
    for (auto& c : lower)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    auto at = lower.find(field);
    if (at == std::string::npos)
      return {};
    auto size = std::strtoul(lower.c_str() + at + field.size(), nullptr, 10);
    while (rest_.size() < size && read_more()) {
    }
    text += rest_.substr(0, size);
    rest_.erase(0, size);
    return text;
  }

  void send(const std::string& bytes) {
    if (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL)
        != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error{"the node has closed a connection"};
  }

  std::string read_until(std::string_view end) {
    std::size_t from = 0;
    for (;;) {
      auto at = rest_.find(end, from);
      if (at != std::string::npos) {
        auto text = rest_.substr(0, at + end.size());
        rest_.erase(0, at + end.size());
        return text;
      }
      from = rest_.size() > end.size() ? rest_.size() - end.size() : 0;
      if (!read_more())
        return std::exchange(rest_, {});
    }
  }

  bool read_more() {
    char piece[16 * 1024];
    auto got = ::recv(socket_, piece, sizeof piece, 0);
    if (got > 0) {
      std::string_view bytes{piece, static_cast<std::size_t>(got)};
      stamps_.take(bytes, steady::now());
      rest_ += bytes;
    }
    return got > 0;
  }

  int socket_ = -1;
  std::string rest_;
  stamp_reader stamps_;
};

/// Tasks whose query is `query`, again and again, by so many clients.
json measure(const whole_node& node, int clients, milliseconds time,
             const std::string& query = "[[tokens:20:0]] Say something") {
  const std::string body = R"({"query":")" + query + R"(","mode":"simple"})";
  const auto submit
      = "POST /api/v1/tasks HTTP/1.1\r\nHost: bench\r\nContent-Type: "
        "application/json\r\nContent-Length: "
        + std::to_string(body.size()) + "\r\n\r\n" + body;
  std::mutex guard;
  std::vector<double> took_ms;
  std::vector<double> token_ms;
  std::atomic<int> failed{0};
  auto cpu = family_cpu_seconds(node.pid());
  auto begun = steady::now();
  auto until = begun + time;
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i)
    threads.emplace_back([&] {
      try {
        client one{node.port()};
        std::vector<double> mine;
        std::vector<double> my_tokens;
        while (steady::now() < until) {
          auto since = steady::now();
          failed += !one.run_one(submit);
          mine.push_back(
              std::chrono::duration<double, std::milli>(steady::now() - since)
                  .count());
          my_tokens.insert(my_tokens.end(), one.token_ms().begin(),
                           one.token_ms().end());
        }
        std::lock_guard lock{guard};
        took_ms.insert(took_ms.end(), mine.begin(), mine.end());
        token_ms.insert(token_ms.end(), my_tokens.begin(), my_tokens.end());
      } catch (const std::exception& why) {
        std::fprintf(stderr, "agent_bench: %s\n", why.what());
        ++failed;
      }
    });
  for (auto& one : threads)
    one.join();
  auto seconds = std::chrono::duration<double>(steady::now() - begun).count();
  auto runs = static_cast<double>(took_ms.size());
  json out{
      {"runs_per_s", runs / seconds},
      {"p50_ms", quantile(took_ms, 0.5)},
      {"p99_ms", quantile(took_ms, 0.99)},
      {"cpu_ms_per_run", (family_cpu_seconds(node.pid()) - cpu) * 1'000 / runs},
      {"failed", failed.load()}};
  if (!token_ms.empty()) {
    out["tokens"] = token_ms.size();
    out["token_p50_ms"] = quantile(token_ms, 0.5);
    out["token_p99_ms"] = quantile(token_ms, 0.99);
  }
  return out;
}

void measure(const options& what, report& out) {
  child_process mock{{what.mock}, {}, "/dev/null"};
  auto port = mock.await("listening ", 10s);
  whole_node node{what.shannon,
                  what.dir,
                  {"OPENAI_BASE_URL=http://127.0.0.1:" + port + "/v1",
                   "OPENAI_API_KEY=bench", "SHANNON_OPENAI_MODEL=mock"}};
  measure(node, 16, 2s); // Warms up.
  // As many as can be had without letting one in a hundred wait for long.
  double most = 0;
  int failed = 0;
  for (auto clients : what.clients) {
    auto got = measure(node, clients, what.time);
    if (got["p99_ms"].get<double>() <= p99_most_ms)
      most = std::max(most, got["runs_per_s"].get<double>());
    failed += got["failed"].get<int>();
    out.figures[std::to_string(clients)] = std::move(got);
  }
  // Streams as a model speaks them, far from what the machine can carry.
  constexpr int streams = 64;
  auto paced = measure(node, streams, what.time,
                       "[[stamps]][[tokens:50:20000]] Say something");
  failed += paced["failed"].get<int>();
  if (!paced.contains("token_p99_ms"))
    throw std::runtime_error{"no token reached a client as it came"};
  out.at_most("64 streams of tasks: a token from the model to the client, "
              "p99, ms",
              paced["token_p99_ms"].get<double>(), 50);
  out.figures["paced, 64 streams"] = std::move(paced);
  out.at_least("agent runs/s with a p99 of at most 100 ms", most, 500);
  out.at_most("runs that failed", failed, 0);
}

} // namespace

} // namespace shannon::bench

int main(int argc, char** argv) {
  using namespace shannon::bench;
  options what;
  int time_ms = static_cast<int>(what.time.count());
  CLI::App app{"Measures agent runs of a whole node"};
  app.add_option("--shannon", what.shannon, "The executable")->required();
  app.add_option("--mock", what.mock, "The mock model")->required();
  app.add_option("--dir", what.dir, "Where its data goes");
  app.add_option("--time", time_ms, "Of one measurement, in milliseconds");
  app.add_option("--clients", what.clients, "How many at once");
  CLI11_PARSE(app, argc, argv);
  what.time = std::chrono::milliseconds{time_ms};
  return print_report("agent_bench", [&](report& out) { measure(what, out); });
}
