#pragma once

#include "actors/gateway/openai/chat.hpp"
#include "actors/gateway/openai/chat_answer.hpp"
#include "actors/gateway/openai/chat_request.hpp"
#include "actors/kit/mail_context.hpp"
#include "protocols/straight_call.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace shannon::gateway::chat {

struct straight_args {
  kit::actor_env& env;
  metrics::gateway_metrics& metrics;
  std::shared_ptr<const config::http_settings> settings;
  dialect speaks = dialect::openai;
  call_ptr request;
  chat_request asks;
  kit::mail_context context; ///< Of whom it is for.
  /// Called on the loop, if nobody takes the call at once: a CHAT is to.
  std::function<void(call_ptr, chat_request)> the_long_way;
};

/// A chat with a model of this node's, without an actor: it lives on the loop
/// of its client's socket, offers its call (protocols/straight_call.hpp), and
/// what comes back is written from there. Else it is as a CHAT is: a client
/// that goes away ends the call and its costs, one that does not read is
/// dropped at `http.sse_buffer_bytes_max`, and a stream that is quiet is kept
/// alive. It does not end with the GATEWAY.
class straight_chat final : public straight::listener,
                            public std::enable_shared_from_this<straight_chat> {
public:
  explicit straight_chat(straight_args args);

  /// On the loop.
  void begin();

  void begun(std::shared_ptr<straight::call> what) override;
  bool has_begun() const noexcept override {
    return has_begun_;
  }
  void piece(remote::LlmDelta what) override;
  void end(result<remote::LlmResponse> how) override;

private:
  void offer(std::shared_ptr<const remote::LlmCall> call);
  void keep_time();
  void client_left();
  void release();

  straight_args args_;
  std::optional<chat_answer> answer_;
  std::shared_ptr<straight::call> call_;
  std::optional<boost::asio::steady_timer> heartbeat_;
  bool has_begun_ = false;
};

} // namespace shannon::gateway::chat
