#pragma once

#include "protocols/remote/llm.pb.h"
#include "tests/gateway/gateway_fixture.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace shannon::test {

/// Whoever carries out model calls, in the hands of a test: calls wait until
/// the test answers them.
class llm_stand_in {
public:
  explicit llm_stand_in(gateway_fixture& world) : world_(world) {
    world.stand_in("llm", [this](const envelope& mail) { return take(mail); });
  }

  /// Waits for the call of this number.
  remote::LlmCall call(std::size_t number = 0) {
    await([&] { return size() > number; });
    std::lock_guard guard{mutex_};
    return *mails_[number].body.get_if<remote::LlmCall>();
  }

  void answer(std::size_t number, result<remote::LlmResponse> how) {
    call(number);
    envelope out;
    {
      std::lock_guard guard{mutex_};
      out.to = mails_[number].from;
      out.correlation = mails_[number].correlation;
    }
    out.is_reply = true;
    if (how)
      out.body = message_body{std::move(*how)};
    else
      out.status = how.error();
    world_.addresses.deliver(std::make_shared<const envelope>(std::move(out)));
  }

  /// The next piece of the answer to this call.
  void delta(std::size_t number, remote::LlmDelta piece) {
    auto context = call(number).context();
    auto to = context.reply_deltas_to();
    to.pop_back(); // What the LLM ROUTER does on the asker's own node.
    piece.set_attempt_key(context.attempt_key());
    envelope out;
    out.to = {to};
    out.body = message_body{std::move(piece)};
    world_.addresses.deliver(std::make_shared<const envelope>(std::move(out)));
  }

  void text(std::size_t number, std::uint32_t index, std::string words) {
    remote::LlmDelta piece;
    piece.set_index(index);
    piece.set_text(std::move(words));
    delta(number, std::move(piece));
  }

  std::size_t size() {
    std::lock_guard guard{mutex_};
    return mails_.size();
  }
  std::vector<std::string> cancelled() {
    std::lock_guard guard{mutex_};
    return cancelled_;
  }

private:
  template <class F>
  static void await(F what) {
    if (!eventually(what))
      throw std::runtime_error{"no such call came"};
  }

  result<message_body> take(const envelope& mail) {
    std::lock_guard guard{mutex_};
    if (const auto* cancel = mail.body.get_if<remote::CancelEffect>())
      cancelled_.push_back(cancel->attempt_key());
    else if (mail.body.get_if<remote::LlmCall>())
      mails_.push_back(mail);
    else
      return message_body{models_};
    return message_body{};
  }

  gateway_fixture& world_;
  std::mutex mutex_;
  std::vector<envelope> mails_;
  std::vector<std::string> cancelled_;

public:
  /// What ListModels is answered; set before anybody asks.
  remote::ModelList models_;
};

} // namespace shannon::test
