#pragma once

#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

#include <chrono>
#include <memory>

namespace boost::asio {
class io_context;
}

/// A model call of no run, from a client's socket to a provider's on one node,
/// past all mailboxes. What it would be asked on the way is asked on the thread
/// of the loop where the client's socket lives: direct receivers
/// (`kit::directory::bind_direct`) of DISPATCHER, LLM ROUTER and PROVIDER each
/// pass the offer on, or do nothing. Who finds `has_begun` false afterwards
/// asks `llm` as everybody does.
namespace shannon::straight {

/// Under way. Used on the loop.
class call {
public:
  virtual ~call() = default;
  /// Closes the socket. Nothing is heard any more.
  virtual void cancel() = 0;
};

/// Who hears the answer, on the loop.
class listener {
public:
  virtual ~listener() = default;
  /// Somebody has taken it. What comes of it is told later, never from within.
  virtual void begun(std::shared_ptr<call> what) = 0;
  virtual bool has_begun() const noexcept = 0;
  /// Some of the answer; only if the request wants a stream.
  virtual void piece(remote::LlmDelta what) = 0;
  /// Once, unless it was cancelled.
  virtual void end(result<remote::LlmResponse> how) = 0;
};

/// To `llm`, `llm/worker`: carry this out now, or leave it.
struct offer {
  std::shared_ptr<const remote::LlmCall> what;
  boost::asio::io_context* loop = nullptr;
  std::shared_ptr<listener> to;
  /// From now on; less if the provider's own limit is.
  std::chrono::milliseconds within{0};
  /// The DISPATCHER's leave for one call at this node; it counts until this
  /// goes. Null: none was given yet.
  std::shared_ptr<void> place;
};

} // namespace shannon::straight
