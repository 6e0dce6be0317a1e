#pragma once

#include "actors/kit/http_client.hpp"
#include "actors/llm/provider.hpp"
#include "actors/llm/provider_gate.hpp"
#include "protocols/envelope.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace shannon::llm {

/// Calls of one provider that pass its mailbox: each lives on the loop of who
/// asks, so that one thread carries bytes from socket to socket, and is what an
/// LLM CALL is but for the actor. Connections are kept for each loop.
class straight_calls {
public:
  straight_calls(provider_args args, std::shared_ptr<provider_gate> gate);

  /// Begins the call of a `straight_offer`, if the gate lets it in and its
  /// budget pays for it. On the thread of the offer's loop.
  void take(const envelope& mail);

  /// None begins from here on, and those under way end `unavailable`. Any
  /// thread.
  void stop();

private:
  /// Null once stopped.
  std::shared_ptr<kit::http_client> client_of(boost::asio::io_context& loop);

  const std::shared_ptr<const provider_args> args_;
  const std::shared_ptr<provider_gate> gate_;
  std::mutex mutex_;
  std::map<boost::asio::io_context*, std::shared_ptr<kit::http_client>>
      clients_;
  bool stopped_ = false;
};

} // namespace shannon::llm
