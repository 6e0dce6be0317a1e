#pragma once

#include "tests/upstream/ledger.hpp"
#include "tests/upstream/script.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace shannon::upstream {

struct server_options {
  std::uint16_t port = 0; ///< 0: any free one.
  std::string ledger_file;
  std::vector<rule> rules;
};

/// Speaks OpenAI's chat completions and Anthropic's messages on loopback, as a
/// script says. GET /ledger tells what it saw. All on the loop's one thread.
class server {
public:
  server(boost::asio::io_context& loop, server_options options);
  ~server();

  std::uint16_t port() const noexcept;

  /// What it saw so far. From any thread but the loop's.
  std::vector<ledger_entry> seen() const;
  /// Connections it accepted so far.
  int connections() const noexcept;

private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace shannon::upstream
