#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the scripted upstream does with a request: pure, no sockets.
namespace shannon::upstream {

enum class api : std::uint8_t { openai, anthropic };

/// The parts of a request that a script looks at.
struct question {
  api language = api::openai;
  std::string model;
  bool stream = false;
  bool has_tools = false;
  /// Assistant messages so far: which turn this is, from 0.
  int turn = 0;
  std::string system;
  /// The last user message with text.
  std::string text;
  std::int64_t input_tokens = 0;
  /// Pictures and documents of the user: an address, or base64.
  std::vector<std::string> files;
};

/// None if the body is no request of that API.
std::optional<question> read_question(api language, std::string_view body);

/// `[[name:1:2]]` in a text, by name, the numbers in order.
using markers = std::map<std::string, std::vector<std::int64_t>>;

markers read_markers(std::string_view text);

/// How an answer is given. Lines `CALL name {"arguments": 1}` of a user's text
/// are tool calls, one a turn; then comes the answer.
struct behaviour {
  std::chrono::milliseconds delay{0};       ///< Before the first byte.
  std::chrono::milliseconds token_pause{0}; ///< Between two tokens.
  int status = 200;
  bool stall = false;   ///< Stops after the first token, for ever.
  bool garbage = false; ///< Bytes that are no answer.
  bool cut = false;     ///< The connection is closed half-way.
  std::string text;
  struct call {
    std::string id;
    std::string name;
    std::string arguments;
  };
  std::vector<call> calls;
};

/// One rule of a script file: requests whose text contains `contains` behave
/// as if `markers` stood in them.
struct rule {
  std::string contains;
  std::string markers;
};

/// `{"rules": [{"contains": "…", "markers": "[[delay:5]]"}]}`. Throws
/// std::runtime_error if the text is anything else.
std::vector<rule> read_rules(std::string_view json);

/// Remembers how often each conversation was failed on purpose.
class script {
public:
  explicit script(std::vector<rule> rules = {}) : rules_(std::move(rules)) {}

  behaviour decide(const question& what);

private:
  /// True for the first `times` requests of this conversation that ask for
  /// `what`; always, if no number stands in the marker.
  bool is_due(const markers& all, const std::string& what,
              const std::string& conversation, std::size_t number_at);

  std::vector<rule> rules_;
  std::map<std::string, std::int64_t> done_;
};

/// The answer's body, when it is not streamed.
std::string whole_answer(const question& to, const behaviour& how);

/// The answer's events, one string per token, when it is.
std::vector<std::string> streamed_answer(const question& to,
                                         const behaviour& how);

/// The body of an error answer.
std::string error_answer(const question& to, const behaviour& how);

} // namespace shannon::upstream
