#pragma once

#include "actors/gateway/desk.hpp"
#include "actors/gateway/openai/answer_writer.hpp"
#include "actors/gateway/openai/chat.hpp"
#include "config/chat_models.hpp"
#include "metrics/gateway_metrics.hpp"
#include "protocols/remote/llm.pb.h"

#include <functional>
#include <memory>
#include <optional>

namespace shannon::gateway {

/// The chat surface: begins chats straight where that can be, starts CHATs for
/// all others, keeps their time, ends them with the GATEWAY; and lists models.
class chat_handlers {
public:
  chat_handlers(desk& gateway, metrics::gateway_metrics& metrics)
      : gateway_(gateway), metrics_(metrics) {}

  /// Throws if the file of chat models is bad.
  void add_to(handler_table& table);
  void stop();

private:
  void open(const call_ptr& request, chat::dialect speaks);
  void open_straight(const call_ptr& request, chat::dialect speaks,
                     chat::chat_request asks);
  void spawn(const call_ptr& request, chat::dialect speaks,
             std::optional<chat::chat_request> was_read);
  void keep_time();
  void with_models(std::function<void(const result<remote::ModelList>&)> then);
  void list(const call_ptr& request);
  void get(const call_ptr& request);
  void list_llm(const call_ptr& request);

  desk& gateway_;
  metrics::gateway_metrics& metrics_;
  std::shared_ptr<const config::http_settings> settings_;
  std::shared_ptr<const config::chat_models> agents_;
  std::shared_ptr<chat::open_chats> open_
      = std::make_shared<chat::open_chats>();
  bool keeping_time_ = false;
};

} // namespace shannon::gateway
