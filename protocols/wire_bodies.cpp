#include "protocols/wire_bodies.hpp"

#include "protocols/remote/agent.pb.h"
#include "protocols/remote/browser.pb.h"
#include "protocols/remote/daemon.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/tool.pb.h"
#include "protocols/remote/work.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <limits>
#include <memory>
#include <unordered_map>

namespace shannon {

namespace {

using google::protobuf::Message;

std::unordered_map<std::string_view, const Message*> make_prototypes() {
  std::unordered_map<std::string_view, const Message*> all;
  // Named here, so that each is linked into every program.
  for (const auto* file : {remote::StartAgent::descriptor()->file(),
                           remote::LlmCall::descriptor()->file(),
                           remote::ToolRun::descriptor()->file(),
                           remote::BrowserRun::descriptor()->file(),
                           remote::StartTask::descriptor()->file(),
                           remote::DaemonsHere::descriptor()->file(),
                           remote::WorkDemand::descriptor()->file()})
    for (int i = 0; i < file->message_type_count(); ++i) {
      const auto* type = file->message_type(i);
      all.emplace(
          type->full_name(),
          google::protobuf::MessageFactory::generated_factory()->GetPrototype(
              type));
    }
  return all;
}

const Message* prototype_of(std::string_view name) {
  static const auto all = make_prototypes();
  auto at = all.find(name);
  return at == all.end() ? nullptr : at->second;
}

} // namespace

std::string_view wire_name(const message_body& body) {
  if (!body.wire())
    return {};
  std::string_view name = body.wire()->GetDescriptor()->full_name();
  return prototype_of(name) ? name : std::string_view{};
}

result<message_body> body_from_wire(std::string_view name,
                                    std::string_view bytes) {
  constexpr std::size_t name_shown = 100;
  const auto* prototype = prototype_of(name);
  if (!prototype)
    return fail(errc::not_found, "this build knows no message "
                                     + std::string{name.substr(0, name_shown)});
  std::unique_ptr<Message> made{prototype->New()};
  constexpr std::size_t bytes_max = std::numeric_limits<int>::max();
  if (bytes.size() > bytes_max
      || !made->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail(errc::invalid_argument, std::to_string(bytes.size())
                                            + " bytes are no "
                                            + std::string{name});
  return message_body::of_wire(std::move(made));
}

} // namespace shannon
