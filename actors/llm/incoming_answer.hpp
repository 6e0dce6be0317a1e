#pragma once

#include "actors/kit/http_client.hpp"
#include "actors/llm/models/catalogue.hpp"
#include "actors/llm/wire/sse_parser.hpp"
#include "actors/llm/wire/wire_format.hpp"
#include "config/settings.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

/// One answer of a provider on its way: what comes from the socket goes in,
/// deltas and the answer with its usage and price come out. Pure: who owns it
/// has the socket and the timers, and tells the time.
class incoming_answer {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using milliseconds = std::chrono::milliseconds;

  /// Text that comes within this time travels as one delta, but for what would
  /// wait for less than a quarter of it: a timer costs more than that is worth.
  static constexpr milliseconds delta_interval{20};

  struct asked {
    const remote::LlmCall& call;
    const provider_entry& provider;
    const model_entry& model;
    const config::llm_settings& settings;
  };
  /// What `what` names must outlive this. It is asked now.
  incoming_answer(const asked& what, time_point now);

  void head(const kit::http_head& head);
  /// Some of its body. A failure is how the exchange has ended.
  result<void> take(std::string_view bytes, time_point now);

  /// Is there something to tell, and how long from now should it wait? Zero:
  /// tell it now.
  std::optional<milliseconds> delta_due_in(time_point now) const;
  /// All that is new; nothing if there is nothing.
  std::optional<remote::LlmDelta> delta(time_point now);

  /// How long until tokens are late, of a stream. A failure is how the exchange
  /// has ended: they are.
  result<milliseconds> patience(time_point now) const;

  /// The exchange has ended so. Afterwards `delta` has what was not told yet.
  result<remote::LlmResponse> end(result<void> how, time_point now,
                                  std::chrono::system_clock::time_point date);

private:
  bool is_good() const noexcept {
    return status_ >= 200 && status_ < 300;
  }
  bool is_stream() const {
    return what_.call.request().stream();
  }
  error upstream_error(error why) const;
  void take_fresh();
  bool has_fresh() const noexcept {
    return !fresh_.empty() || !fresh_calls_.empty();
  }

  asked what_;
  std::unique_ptr<answer_reader> reader_;
  sse_parser events_;
  time_point since_;
  time_point last_token_;
  std::int64_t first_token_us_ = 0;

  int status_ = 0;
  bool is_events_ = false;
  std::string retry_after_;
  std::string body_;

  std::uint64_t pieces_ = 0;
  std::string fresh_;
  std::vector<remote::ToolCallDelta> fresh_calls_;
  std::uint32_t delta_index_ = 0;
  time_point last_delta_;
};

} // namespace shannon::llm
