#pragma once

#include "tests/gateway/raw_client.hpp"
#include "tests/nodes/own_node.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace shannon::test {

using nlohmann::json;

/// The answer to one request.
struct answered {
  int status = 0;
  json body;
  std::string text;
  std::map<std::string, std::string> fields;
};

/// The real program, which asks for credentials, and its commands.
struct credentials_node : own_node {
  credentials_node() {
    dev = false;
  }

  void start_up(environment extra = {}) {
    start(std::move(extra));
    std::ifstream note{data + "/node.json"};
    admin_url = json::parse(note).at("admin").get<std::string>();
  }

  static std::uint16_t port_of(const std::string& at) {
    return static_cast<std::uint16_t>(std::stoi(at.substr(at.rfind(':') + 1)));
  }

  /// The credential's field; empty without one.
  static std::string shown(const std::string& credential) {
    if (credential.empty())
      return {};
    return credential.find('.') == std::string::npos
               ? "X-API-Key: " + credential + "\r\n"
               : "Authorization: Bearer " + credential + "\r\n";
  }

  answered ask(std::string_view method, const std::string& path,
               const std::string& credential, const std::string& body = {},
               bool on_admin = false) {
    raw_client one{port_of(on_admin ? admin_url : url)};
    std::string request{method};
    request += " " + path + " HTTP/1.1\r\nHost: node\r\n" + shown(credential);
    if (!body.empty())
      request += "Content-Type: application/json\r\nContent-Length: "
                 + std::to_string(body.size()) + "\r\n";
    one.send(request + "\r\n" + body);
    auto got = one.response();
    INFO(method << " " << path);
    REQUIRE(got);
    return {got->status, json::parse(got->body, nullptr, false), got->body,
            got->fields};
  }

  answered post_admin(const std::string& path, const json& body) {
    return ask("POST", path, {}, body.dump(), true);
  }

  outcome keys(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "keys");
    arguments.insert(arguments.end(), {"--data", data});
    return run_shannon(std::move(arguments),
                       {"SHANNON_DATABASE_URL=", "SHANNON_API_KEY="});
  }

  /// A key made by `shannon keys create`.
  std::string new_key(std::vector<std::string> more = {}) {
    more.insert(more.begin(), "create");
    auto made = keys(std::move(more));
    INFO(made.err);
    REQUIRE(made.code == 0);
    return made.out.substr(0, made.out.find('\n'));
  }

  /// The id that it said on stderr.
  static std::string id_in(const std::string& err) {
    return err.substr(err.find("key ") + 4, 36);
  }

  /// Asks until it gets `status`; how long that took.
  std::chrono::milliseconds await_status(int status,
                                         const std::string& credential,
                                         std::chrono::milliseconds most) {
    auto since = std::chrono::steady_clock::now();
    for (;;) {
      auto got = ask("GET", "/api/v1/auth/me", credential).status;
      auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - since);
      if (got == status || took > most)
        return took;
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
  }

  std::string admin_url;
};

} // namespace shannon::test
