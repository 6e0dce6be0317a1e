#pragma once

#include "actors/browser/egress/body_end.hpp"

#include <tl/expected.hpp>

#include <cstddef>
#include <string>
#include <string_view>

/// A server's answer on its way to a browser. Servers are many and old, so
/// more is taken than of a request; what is passed on is written anew, so that
/// the browser reads what was understood here. Pure.
namespace shannon::browser {

/// Where the head ends, with its empty line; 0 while it is incomplete. Lines
/// may end in LF alone.
std::size_t find_answer_end(std::string_view bytes, std::size_t from) noexcept;

/// What the answer was asked for with.
struct asked {
  bool head = false;      ///< HEAD: whatever it says, no body follows.
  bool keep_alive = true; ///< The browser would ask again.
  bool upgrade = false;   ///< 101 is expected.
};

struct answer_head {
  int status = 0;
  /// As it goes to the browser.
  std::string bytes;
  body_end body = body_end::none();
  /// The server's connection can carry another request behind the body.
  bool server_keeps = false;
  /// The browser's connection can.
  bool client_keeps = false;

  /// Another answer follows.
  bool is_interim() const noexcept {
    return status / 100 == 1 && status != 101;
  }
};

/// Reads one whole head. Fails with why it cannot be passed on.
tl::expected<answer_head, std::string> parse_answer(std::string_view head,
                                                    const asked& how);

} // namespace shannon::browser
