#pragma once

#include "actors/gateway/openai/answer_writer.hpp"
#include "actors/gateway/openai/told_answer.hpp"
#include "actors/gateway/routes/call.hpp"
#include "metrics/gateway_metrics.hpp"

#include <functional>
#include <memory>
#include <string>

namespace shannon::gateway::chat {

/// The way back to one client: a whole answer, or a stream that opens with its
/// first words. Used from one actor; `gone` is called on the server's loop.
class chat_answer {
public:
  chat_answer(call_ptr request, dialect speaks,
              metrics::gateway_metrics& metrics, std::function<void()> gone);
  ~chat_answer();

  /// The request is read: from here on this is how to answer.
  void begin(answer_head head, bool stream);
  /// Sent with the head; the last of a name counts.
  void set_field(std::string name, std::string value);

  void take(const remote::LlmDelta& piece);
  void event(const run_event& what);
  /// Says something if nothing was said since it was called last.
  void keep_alive();
  /// Opens the stream, if it is one, before there is anything to say.
  void open();

  void end(const remote::LlmResponse& whole);
  void refuse(const error& why);

  /// Answered, or nobody is there any more.
  bool over() const noexcept {
    return over_;
  }

private:
  void say(std::string bytes);
  void say(const told_answer::news& news);
  void close();

  call_ptr request_;
  dialect speaks_;
  metrics::gateway_metrics& metrics_;
  std::function<void()> gone_;
  std::unique_ptr<answer_writer> writer_;
  told_answer told_;
  http_fields fields_;
  std::shared_ptr<response_stream> out_;
  bool streams_ = false;
  bool quiet_ = true; ///< Since `keep_alive` was called last.
  bool over_ = false;
};

} // namespace shannon::gateway::chat
