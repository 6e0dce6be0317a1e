// What the model gateway costs: clients ask a mock model directly, through
// nginx as a plain proxy if it is installed, and through `chat_node`, in one
// run. JSON on stdout, the table of targets on stderr.

#include "tests/bench/child_process.hpp"
#include "tests/bench/costs.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/quantile.hpp"
#include "tests/bench/report.hpp"
#include "tests/bench/stream_load.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

using namespace shannon;
using namespace shannon::bench;
using namespace std::chrono_literals;

namespace {

struct options {
  std::string node;
  std::string mock;
  std::string nginx = "/usr/sbin/nginx";
  std::chrono::milliseconds time{3'000};
  int rounds = 3;
};

std::uint16_t port_of(const std::string& text) {
  std::uint16_t port = 0;
  auto at = text.rfind(':');
  auto from = at == std::string::npos ? 0 : at + 1;
  std::from_chars(text.data() + from, text.data() + text.size(), port);
  return port;
}

/// A folder of its own, removed at the end.
class scratch {
public:
  scratch() {
    auto name = (std::filesystem::temp_directory_path() / "shannon-chat-XXXXXX")
                    .string();
    if (!mkdtemp(name.data()))
      throw std::runtime_error{"no folder for scratch"};
    path_ = name;
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }
  const std::string path() const {
    return path_.string();
  }

private:
  std::filesystem::path path_;
};

/// Somebody who is asked, and whose processor time counts.
struct way {
  std::string name;
  std::uint16_t port = 0;
  pid_t pid = 0; ///< 0: not looked at.
};

/// nginx as people put it before a model: kept-alive on both sides, unbuffered.
constexpr std::uint16_t nginx_port = 18'431;

std::string nginx_conf(const std::string& folder, std::uint16_t upstream) {
  return "daemon off;\nworker_processes 2;\npid " + folder
         + "/nginx.pid;\nerror_log " + folder
         + "/nginx.log;\nevents { worker_connections 4096; }\nhttp {\n"
           "  access_log off;\n  client_body_temp_path "
         + folder + "/body;\n  proxy_temp_path " + folder
         + "/proxy;\n  fastcgi_temp_path " + folder + "/f;\n  uwsgi_temp_path "
         + folder + "/u;\n  scgi_temp_path " + folder
         + "/s;\n  keepalive_requests 1000000000;\n  upstream model {\n"
           "    server 127.0.0.1:"
         + std::to_string(upstream)
         + ";\n    keepalive 512;\n    keepalive_requests 1000000000;\n  }\n"
           "  server {\n    listen 127.0.0.1:"
         + std::to_string(nginx_port)
         + ";\n    location / {\n      proxy_pass http://model;\n"
           "      proxy_http_version 1.1;\n      proxy_set_header Connection "
           "\"\";\n      proxy_buffering off;\n    }\n  }\n}\n";
}

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path
         + " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
           "Content-Length: "
         + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const std::string chat_path = "/v1/chat/completions";

std::string question(const std::string& text, bool stream) {
  return R"({"model":"mock","messages":[{"role":"system","content":"You are a )"
         R"(helpful assistant."},{"role":"user","content":")"
         + text + "\"}]" + (stream ? ",\"stream\":true" : "") + "}";
}

double cpu_of(const way& one) {
  return one.pid == 0 ? 0 : family_cpu_seconds(one.pid);
}

struct whole_figures {
  std::vector<double> per_second;
  std::vector<double> p50_us;
  std::vector<double> cpu_us;
};

struct stream_figures {
  std::vector<double> per_second;
  std::vector<double> cpu_us;
  std::vector<double> first_us;
};

class measuring {
public:
  measuring(const options& what, std::vector<way> ways, report& out)
      : what_(what), ways_(std::move(ways)), out_(out) {}

  void whole_answers() {
    for (int connections : {1, 64}) {
      std::map<std::string, whole_figures> all;
      auto request = post(chat_path, question("hello", false));
      // In turn, so that what the machine does meanwhile meets all of them.
      for (int round = 0; round < what_.rounds; ++round)
        for (const auto& one : ways_) {
          auto before = cpu_of(one);
          auto got = run_load(one.port, request, 200, connections, what_.time);
          if (got.errors > 0)
            throw std::runtime_error{one.name + ": "
                                     + std::to_string(got.errors) + " errors"};
          auto& figures = all[one.name];
          figures.per_second.push_back(got.per_second());
          figures.p50_us.push_back(got.p50_us);
          figures.cpu_us.push_back((cpu_of(one) - before) * 1e6
                                   / static_cast<double>(got.requests));
        }
      auto& lines
          = out_.figures["whole, connections " + std::to_string(connections)];
      for (auto& [name, figures] : all)
        lines[name] = {{"per_second", median(figures.per_second)},
                       {"p50_us", median(figures.p50_us)},
                       {"cpu_us", median(figures.cpu_us)}};
      auto p50 = [&](const char* name) { return median(all[name].p50_us); };
      if (connections == 1)
        out_.at_most("1 connection: added p50, ms",
                     (p50("gateway") - p50("direct")) / 1e3, 0.10);
      if (connections == 64 && all.count("nginx") != 0)
        out_.at_least("64 connections: requests/s of nginx's",
                      median(all["gateway"].per_second)
                          / median(all["nginx"].per_second),
                      0.7);
      if (connections == 64)
        out_.at_most("64 connections: CPU a request, us",
                     median(all["gateway"].cpu_us), 40);
    }
  }

  /// 64 streams at a time, tokens as fast as they come.
  void relay() {
    constexpr int tokens = 200;
    std::map<std::string, stream_figures> all;
    stream_load load;
    load.request
        = post(chat_path,
               question("[[tokens:" + std::to_string(tokens) + ":0]]", true));
    load.connections = 64;
    load.tokens = tokens;
    load.time = what_.time;
    for (int round = 0; round < what_.rounds; ++round)
      for (const auto& one : ways_) {
        load.port = one.port;
        auto before = cpu_of(one);
        auto got = run_streams(load);
        check(one, got);
        auto& figures = all[one.name];
        figures.per_second.push_back(static_cast<double>(got.tokens)
                                     / got.seconds);
        figures.cpu_us.push_back((cpu_of(one) - before) * 1e6
                                 / static_cast<double>(got.tokens));
      }
    auto& lines = out_.figures["relay, 64 streams"];
    for (auto& [name, figures] : all)
      lines[name] = {{"events_per_second", median(figures.per_second)},
                     {"cpu_us", median(figures.cpu_us)}};
    if (all.count("nginx") != 0)
      out_.at_least("relay: events/s of nginx's",
                    median(all["gateway"].per_second)
                        / median(all["nginx"].per_second),
                    0.8);
    out_.at_most("relay: CPU an event, us", median(all["gateway"].cpu_us), 6);
  }

  /// 256 streams at a time, a token each 20 ms.
  void paced() {
    constexpr int tokens = 100;
    std::map<std::string, std::vector<double>> first;
    std::map<std::string, std::vector<double>> token;
    double memory = 0;
    stream_load load;
    load.request = post(
        chat_path,
        question("[[stamps]][[tokens:" + std::to_string(tokens) + ":20000]]",
                 true));
    load.connections = 256;
    load.tokens = tokens;
    load.rounds = 2;
    for (const auto& one : ways_) {
      load.port = one.port;
      auto resting = one.pid ? memory_bytes(one.pid) : 0;
      std::atomic<bool> over{false};
      std::uint64_t most = 0;
      std::thread watch{[&] {
        while (one.pid && !over) {
          most = std::max(most, memory_bytes(one.pid));
          std::this_thread::sleep_for(50ms);
        }
      }};
      auto got = run_streams(load);
      over = true;
      watch.join();
      check(one, got);
      if (one.name == "gateway")
        memory
            = static_cast<double>(most - std::min(most, resting)) / 256 / 1024;
      first[one.name] = std::move(got.first_token_us);
      token[one.name] = std::move(got.token_ms);
    }
    auto& lines = out_.figures["paced, 256 streams"];
    for (auto& [name, values] : first)
      lines[name] = {{"first_token_p50_us", quantile(values, 0.5)},
                     {"first_token_p99_us", quantile(values, 0.99)},
                     {"token_p50_ms", quantile(token[name], 0.5)},
                     {"token_p99_ms", quantile(token[name], 0.99)}};
    lines["gateway"]["kib_a_stream"] = memory;
    auto added = [&](double share) {
      return (quantile(first["gateway"], share)
              - quantile(first["direct"], share))
             / 1e3;
    };
    out_.at_most("paced: first token later, p50, ms", added(0.5), 5);
    out_.at_most("paced: first token later, p99, ms", added(0.99), 30);
    out_.at_most("paced: a token from the model to the client, p99, ms",
                 quantile(token["gateway"], 0.99), 50);
    out_.at_most("paced: memory a stream, KiB", memory, 50);
  }

private:
  static void check(const way& one, const stream_result& got) {
    if (got.failed > 0 || got.streams == 0)
      throw std::runtime_error{one.name + ": " + std::to_string(got.failed)
                               + " streams lost something"};
  }

  const options& what_;
  std::vector<way> ways_;
  report& out_;
};

void measure(const options& what, report& out) {
  scratch folder;
  child_process mock{{what.mock}, {}, folder / "mock.log"};
  auto mock_port = port_of(mock.await("listening ", 10s));
  std::vector<way> ways{{"direct", mock_port, 0}};
  std::unique_ptr<child_process> nginx;
  if (std::filesystem::exists(what.nginx)) {
    std::ofstream{folder / "nginx.conf"}
        << nginx_conf(folder.path(), mock_port);
    nginx = std::make_unique<child_process>(
        std::vector<std::string>{what.nginx, "-p", folder.path(), "-c",
                                 folder / "nginx.conf"},
        std::vector<std::string>{}, folder / "nginx.err");
    ways.push_back({"nginx", nginx_port, nginx->pid()});
  }
  child_process node{
      {what.node},
      {"OPENAI_BASE_URL=http://127.0.0.1:" + std::to_string(mock_port) + "/v1",
       "OPENAI_API_KEY=bench", "SHANNON_OPENAI_MODEL=mock",
       "ANTHROPIC_API_KEY=", "GEMINI_API_KEY=", "SHANNON_HTTP=127.0.0.1:0",
       "SHANNON_ADMIN=127.0.0.1:0", "SHANNON_LLM__CONCURRENT_CALLS_MAX=1024",
       "SHANNON_HTTP__CONNECTIONS_PER_IP_MAX=4096",
       "SHANNON_HTTP__REQUESTS_PER_CONNECTION_MAX=1000000000"},
      folder / "node.log"};
  ways.push_back(
      {"gateway", port_of(node.await("ready http://", 60s)), node.pid()});
  measuring jobs{what, std::move(ways), out};
  jobs.whole_answers();
  jobs.relay();
  jobs.paced();
}

} // namespace

int main(int argc, char** argv) {
  options what;
  int time_ms = static_cast<int>(what.time.count());
  CLI::App app{"Measures the model gateway beside nginx"};
  app.add_option("--node", what.node, "chat_node")->required();
  app.add_option("--mock", what.mock, "The mock model")->required();
  app.add_option("--nginx", what.nginx, "Left out if it is not there");
  app.add_option("--time", time_ms, "Of one measurement, in milliseconds");
  app.add_option("--rounds", what.rounds, "Figures are medians of so many");
  CLI11_PARSE(app, argc, argv);
  what.time = std::chrono::milliseconds{time_ms};
  return print_report("chat_bench", [&](report& out) { measure(what, out); });
}
