#include "tests/bench/whole_node.hpp"

#include "tests/bench/load_client.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <utility>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;

std::uint16_t port_of(const std::string& url) {
  auto colon = url.rfind(':');
  return static_cast<std::uint16_t>(std::atoi(url.c_str() + colon + 1));
}

std::string ask(std::uint16_t port, const std::string& bytes) {
  std::string body;
  load_client one{port, 1};
  load_work work;
  bool asked = false;
  work.next = [&]() -> std::optional<load_request> {
    if (std::exchange(asked, true))
      return std::nullopt;
    return load_request{bytes};
  };
  work.answered
      = [&](const load_request&, const http_reply& got) { body = got.body; };
  one.run(work, std::chrono::steady_clock::now() + 10s);
  return body;
}

} // namespace

whole_node::whole_node(const std::string& shannon, const std::string& dir,
                       const std::vector<std::string>& environment)
    : folder_(dir + "/shannon-bench-XXXXXX") {
  if (!::mkdtemp(folder_.data()))
    throw std::runtime_error{"no folder " + folder_};
  std::vector<std::string> all{
      "OPENAI_API_KEY=", "ANTHROPIC_API_KEY=", "GEMINI_API_KEY=",
      "SHANNON_HTTP__CONNECTIONS_PER_IP_MAX=8192",
      "SHANNON_HTTP__REQUESTS_PER_CONNECTION_MAX=1000000000"};
  all.insert(all.end(), environment.begin(), environment.end());
  process_ = std::make_unique<child_process>(
      std::vector<std::string>{shannon, "up", "--dev", "--data",
                               folder_ + "/data", "--http", "127.0.0.1:0",
                               "--admin", "127.0.0.1:0"},
      all, folder_ + "/node.log");
  port_ = port_of(process_->await("ready http://", 120s));
  // `up` notes where it listens beside its data.
  std::ifstream file{folder_ + "/data/node.json"};
  admin_ = port_of(nlohmann::json::parse(file).at("admin").get<std::string>());
}

whole_node::~whole_node() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

double whole_node::counter(const std::string& name,
                           const std::string& part) const {
  auto text = ask(admin_, "GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n");
  double sum = 0;
  for (auto at = text.find("\n" + name); at != std::string::npos;
       at = text.find("\n" + name, at + 1)) {
    auto line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    if (line.find(part) != std::string::npos)
      sum += std::atof(line.c_str() + line.rfind(' '));
  }
  return sum;
}

} // namespace shannon::bench
