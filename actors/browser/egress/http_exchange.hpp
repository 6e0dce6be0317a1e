#pragma once

#include "actors/browser/egress/answer_head.hpp"
#include "actors/browser/egress/pump.hpp"
#include "actors/browser/egress/request_head.hpp"
#include "actors/browser/egress/two_ends.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::browser {

/// How an exchange ended that left the browser's connection open.
struct exchange_end {
  enum class outcome : std::uint8_t {
    answered, ///< And the browser may ask again.
    last,     ///< Answered, and the browser was told that this is the end.
    refused,  ///< Nothing was answered: `why`.
  };
  outcome how = outcome::answered;
  std::string why;
};

/// One request to a connected server and its answer, both ways at once: bodies
/// go by as they come, and a server that answers before it has read all is
/// heard. Closes both sides when there is nothing left that could be said.
class http_exchange : public std::enable_shared_from_this<http_exchange> {
public:
  using done_fn = std::function<void(exchange_end)>;

  /// `reused`: the server's connection has carried an answer before.
  http_exchange(two_ends_ptr ends, request_head request, bool reused,
                done_fn done);

  void start();

private:
  void send();
  void on_sent(pump::outcome how, std::string rest);
  void read_answer();
  void on_answer_bytes(std::size_t bytes);
  void on_answer_head(std::size_t size);
  void pass_interim();
  void become_relay();
  void on_answered(pump::outcome how, const std::string& rest);
  void lost();
  void finish(exchange_end::outcome how, std::string why = {});

  two_ends_ptr ends_;
  request_head request_;
  bool reused_;
  done_fn done_;
  /// Of the server; `used_` bytes of it are what has come.
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::size_t scanned_ = 0;
  std::uint32_t interims_ = 0;
  answer_head answer_;
  bool sent_ = false;
  bool heard_ = false;
};

} // namespace shannon::browser
