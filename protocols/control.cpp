#include "protocols/control.hpp"

#include "protocols/remote/agent.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <algorithm>
#include <array>

namespace shannon {

priority urgency_of(const message_body& body) noexcept {
  static const std::array all{
      remote::CancelTask::descriptor(), remote::CancelAgent::descriptor(),
      remote::SetPaused::descriptor(), remote::CancelEffect::descriptor()};
  const auto* wire = body.wire();
  return wire != nullptr
                 && std::find(all.begin(), all.end(), wire->GetDescriptor())
                        != all.end()
             ? priority::control
             : priority::interactive;
}

} // namespace shannon
