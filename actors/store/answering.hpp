#pragma once

#include "actors/kit/actor_base.hpp"
#include "actors/kit/directory.hpp"
#include "protocols/envelope.hpp"
#include "protocols/errc.hpp"

#include <memory>
#include <utility>

namespace shannon::store {

/// Answers an ask from any thread: an answer need not pass the asked actor
/// again. To be called once; does nothing for a tell.
class answering {
public:
  answering(const kit::directory& addresses, const envelope& request)
      : addresses_(&addresses) {
    mail_.to = request.from;
    mail_.from = request.to;
    mail_.correlation = request.correlation;
    mail_.is_reply = true;
    mail_.traceparent = request.traceparent;
  }

  template <class T>
  void operator()(result<T> what) {
    if (mail_.correlation == 0)
      return; // It was told, not asked.
    if (what)
      mail_.body = std::move(*what);
    else
      mail_.status = std::move(what.error());
    mail_.sent = kit::coarse_now();
    addresses_->deliver(std::make_shared<const envelope>(std::move(mail_)));
  }

private:
  const kit::directory* addresses_;
  envelope mail_;
};

} // namespace shannon::store
