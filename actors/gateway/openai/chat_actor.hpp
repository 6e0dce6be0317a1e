#pragma once

#include "actors/gateway/openai/chat.hpp"
#include "actors/gateway/openai/chat_answer.hpp"
#include "actors/gateway/openai/chat_request.hpp"
#include "actors/gateway/placement.hpp"
#include "actors/gateway/streams/stream_cursor.hpp"
#include "actors/kit/mail_context.hpp"
#include "protocols/remote/workflow.pb.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace shannon::gateway::chat {

/// What stands behind `spawn_chat`; the two ways to an answer have a file each.
class chat_actor final : public kit::actor_base {
public:
  chat_actor(caf::actor_config& cfg, chat_args args);

  const char* name() const override {
    return "chat";
  }

protected:
  kit::handlers make_handlers() override;
  void started() override;
  void stopping() override;

private:
  // -- chat.cpp: reading, and the end -----------------------------------------

  void begin();
  void on(const beat&);
  void refuse(const error& why);
  void quit_if_over();

  // -- direct_chat.cpp: the role `llm` is asked
  // --------------------------------

  void ask_model(chat_request request);
  void on(const remote::LlmDelta& msg);

  // -- agent_chat.cpp: a task is started and followed
  // --------------------------

  void start_agent(chat_request request, const config::chat_model& model);
  void start_task(remote::StartTask start);
  void follow();
  void subscribe();
  void subscribed(const result<remote::Subscribed>& got);
  void read_log();
  void look_again_in(std::chrono::milliseconds delay);
  void on(const remote::RunEvent& msg);
  void on(const remote::RunDelta& msg);
  void show(const std::vector<run_event>& events);
  void proceed();
  void tell_end();

  chat_args args_;
  /// Of the GATEWAY when it started this.
  kit::mail_context asked_for_ = kit::current_context();
  chat_answer answer_;
  std::chrono::steady_clock::time_point until_;
  /// Of the direct call under way; empty: none.
  std::string attempt_key_;
  /// Of an agent: what is followed, and how far.
  std::string task_;
  tenant_id tenant_; ///< Whose it is.
  task_placement place_{args_.env.shards};
  std::optional<stream_cursor> cursor_;
  std::chrono::steady_clock::time_point start_until_;
  /// Parts of the agent's plan: with more than one, the answer is what joins
  /// them.
  std::size_t parts_ = 1;
  bool live_ = false;
  bool reading_ = false;
  bool must_look_ = false;
  bool waiting_ = false;
  bool ending_ = false;
};

} // namespace shannon::gateway::chat
