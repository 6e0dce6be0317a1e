#include "nodes/commands/admin_client.hpp"

#include "config/settings.hpp"
#include "nodes/commands/noted_node.hpp"

#include <cstdlib>

namespace shannon::commands {

void add_admin_option(CLI::App& app, admin_options& options) {
  app.add_option("--admin", options.url,
                 "The node's admin port; else SHANNON_ADMIN_URL,\n"
                 "the node of the data directory, else\n"
                 "http://127.0.0.1:8081")
      ->option_text("URL");
}

void add_admin_options(CLI::App& app, admin_options& options) {
  add_admin_option(app, options);
  app.add_option("--data", options.data,
                 "Or the data directory of the node's `up`\n"
                 "(.shannon)")
      ->option_text("DIR");
}

result<server_url> find_admin(const admin_options& options) {
  if (!options.url.empty())
    return parse_server_url(options.url);
  if (!options.data.empty()) {
    if (auto node = noted_node(options.data))
      return parse_server_url(node->admin);
    return fail(errc::unavailable, "no node runs on " + options.data
                                       + ": start one with \"shannon up --data "
                                       + options.data
                                       + "\" or name another with --admin");
  }
  if (const auto* url = std::getenv("SHANNON_ADMIN_URL"); url && *url)
    return parse_server_url(url);
  if (auto node = noted_node(".shannon"))
    return parse_server_url(node->admin);
  return parse_server_url("http://" + config::http_settings{}.admin_listen);
}

std::string text_at(const nlohmann::json& object, const char* name) {
  if (!object.is_object())
    return {};
  auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>()
                                               : std::string{};
}

std::string place_text(const nlohmann::json& place) {
  auto key = text_at(place, "key");
  if (key.empty())
    return {};
  auto scope = text_at(place, "scope");
  auto number = place.find("occurrence");
  return (scope.empty() ? "" : scope + "/") + key + "#"
         + (number != place.end() && number->is_number() ? number->dump()
                                                         : "1");
}

std::string run_target(const std::string& run) {
  return "/admin/v1/runs/" + url_encoded(run);
}

} // namespace shannon::commands
