// Bodies of POST /api/v1/tasks. What holds: an input that is taken is within
// its bound, and is read back from disk as it was written.

#include "actors/gateway/resources/submit_request.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace shannon;
using namespace shannon::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gateway::http_request request;
  request.method = "POST";
  request.path = "/api/v1/tasks";
  request.fields = {{"content-type", "application/json"}};
  request.body = text_of(data, size);
  gateway::identity who;
  who.tenant.value = "t";
  who.user.value = "u";
  auto got = gateway::read_submit(request, who, 64);
  if (!got) {
    expect(got.error().status >= 400 && got.error().status < 500,
           "what is wrong is the client's");
    expect(!got.error().body.empty(), "a refusal says why");
    return 0;
  }
  std::string stored;
  const auto& input = got->input();
  expect(input.SerializeToString(&stored), "an input can be stored");
  expect(stored.size() <= gateway::task_input_bytes_max,
         "an input has its bound");
  expect(!input.query().empty(), "a task has a query");
  expect(input.query().find('\0') == std::string::npos,
         "a text has no NUL, which Postgres cannot store");
  std::size_t files = 0;
  for (const auto& body : got->bodies())
    files += body.size();
  expect(files <= 25u * 1024 * 1024, "files have their bound");
  expect(got->bodies_size() <= input.attachments_size(),
         "each file is named by an attachment");
  remote::TaskInput read;
  // Fails for a text that is not UTF-8.
  expect(read.ParseFromString(stored), "an input can be read again");
  return 0;
}
