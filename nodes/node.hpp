#pragma once

#include "config/settings.hpp"
#include "protocols/errc.hpp"

#include <functional>
#include <string>

namespace shannon::nodes {

/// Where a node listens: `http://ADDR:PORT`, the port really bound.
struct node_urls {
  std::string api;
  std::string admin;
};

/// `--dev` lets everybody in, so nobody but this machine may reach the node.
result<void> check_dev(const config::http_settings& http);

/// Runs one node in this process until SIGTERM or SIGINT; then drains it, which
/// a second signal cuts short.
///
/// `ready` is called once, from another thread, when the node can serve.
/// Returns the process's exit code: 0 after a signal, 1 if the node cannot
/// start or its tree has given up, 6 if what it depends on does not answer.
/// Why stands on stderr in one line.
///
/// An end that is stuck after that is cut short: then `last_resort` is called,
/// to end what stands beside the node, and the process leaves from within.
int run_node(const config::settings& settings,
             std::function<void(const node_urls&)> ready,
             std::function<void()> last_resort = {});

} // namespace shannon::nodes
