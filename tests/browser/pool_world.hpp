#pragma once

#include "actors/browser/browser_pool.hpp"
#include "actors/kit/io_loop.hpp"
#include "protocols/browser.hpp"
#include "protocols/cluster.hpp"
#include "protocols/remote/browser.pb.h"
#include "tests/browser/site.hpp"
#include "tests/kit/temp_folder.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <string>

namespace shannon::test {

/// A BROWSER POOL with real browsers, on real time; the site is the one host
/// that its pages reach.
class pool_world {
public:
  using answer = result<remote::BrowserResult>;

  explicit pool_world(config::browser_settings settings = quick());
  ~pool_world();

  static config::browser_settings quick();

  /// Every action is a step of its own, unless `key` says which.
  std::future<answer>
  begin(const std::string& session, const std::string& action,
        const std::string& arguments, const std::string& holder = "",
        const std::string& key = "", const std::string& state = "",
        const std::string& tenant = "t");
  answer act(const std::string& session, const std::string& action,
             const std::string& arguments, const std::string& holder = "",
             const std::string& key = "", const std::string& state = "");
  /// To a page of the site; throws if that fails.
  remote::BrowserResult visit(const std::string& session,
                              const std::string& path);
  void cancel(const std::string& key);
  /// Told, as to all nodes.
  void close(const std::string& session);
  browser::pool_report report();
  /// As when its node ends in order.
  std::future<result<cluster::drained>> drain();
  bool until(const std::function<bool()>& holds,
             std::chrono::milliseconds patience = std::chrono::seconds{20});

  std::string url(const std::string& path) const {
    return web.url(path, "127.0.0.1");
  }

  site web;
  temp_folder folder;

private:
  class voice;
  struct system_config : caf::actor_system_config {
    system_config();
  };

  template <class Answer>
  std::future<result<Answer>> ask(message_body body);

  kit::io_loop loop_{"browser"};
  kit::directory addresses_;
  kit::actor_env env_{addresses_};
  metrics::registry numbers_;
  metrics::browser_metrics metrics_{numbers_};
  system_config config_;
  caf::actor_system system_{config_};
  caf::actor pool_;
  caf::actor voice_handle_;
  voice* voice_ = nullptr;
  std::atomic<int> keys_{0};
};

/// What an action told, or why it did not.
std::string text_of(const pool_world::answer& got);

} // namespace shannon::test
