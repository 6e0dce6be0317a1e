#include "protocols/schema_hash.hpp"

#include "protocols/facts/run.pb.h"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/browser.pb.h"
#include "protocols/remote/daemon.pb.h"
#include "protocols/remote/link.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/schedule.pb.h"
#include "protocols/remote/tool.pb.h"
#include "protocols/remote/work.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <google/protobuf/descriptor.pb.h>
#include <xxhash.h>

#include <string_view>

namespace shannon {

std::string wire_schema_hash() {
  std::string all;
  for (const auto* file : {facts::Fact::descriptor()->file(),
                           remote::StartAgent::descriptor()->file(),
                           remote::LlmCall::descriptor()->file(),
                           remote::ToolRun::descriptor()->file(),
                           remote::BrowserRun::descriptor()->file(),
                           remote::StartTask::descriptor()->file(),
                           remote::DaemonsHere::descriptor()->file(),
                           remote::WorkDemand::descriptor()->file(),
                           remote::Schedule::descriptor()->file(),
                           link::Frame::descriptor()->file()}) {
    google::protobuf::FileDescriptorProto text;
    file->CopyTo(&text);
    all += text.DebugString();
  }
  auto hash = XXH3_64bits(all.data(), all.size());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4)
    out.push_back(digits[(hash >> shift) & 0xf]);
  return out;
}

} // namespace shannon
