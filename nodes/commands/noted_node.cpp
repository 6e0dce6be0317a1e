#include "nodes/commands/noted_node.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

namespace shannon::commands {

namespace {

using nlohmann::json;

std::filesystem::path file_in(const std::string& dir) {
  return std::filesystem::path{dir} / "node.json";
}

} // namespace

void note_node(const std::string& dir, const nodes::node_urls& urls) {
  // Whole or not at all: somebody may read it right now.
  auto fresh = file_in(dir).string() + ".new";
  std::ofstream{fresh} << json{{"api", urls.api}, {"admin", urls.admin}}.dump()
                       << "\n";
  std::error_code ec;
  std::filesystem::rename(fresh, file_in(dir), ec);
}

void forget_node(const std::string& dir) {
  std::error_code ec;
  std::filesystem::remove(file_in(dir), ec);
}

std::optional<nodes::node_urls> noted_node(const std::string& dir) {
  std::ifstream file{file_in(dir)};
  auto found = json::parse(file, nullptr, false);
  if (!found.is_object())
    return std::nullopt;
  auto text = [&](const char* name) {
    auto at = found.find(name);
    return at != found.end() && at->is_string() ? at->get<std::string>()
                                                : std::string{};
  };
  return nodes::node_urls{text("api"), text("admin")};
}

} // namespace shannon::commands
