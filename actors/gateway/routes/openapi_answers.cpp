#include "actors/gateway/routes/openapi_answers.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace shannon::gateway {

namespace {

using names = std::vector<std::string_view>;

struct header {
  std::string_view name;
  std::string_view type;
  std::string_view text;
};

constexpr header headers[]{
    {"X-Trace-ID", "string",
     "By which the request is found in logs and traces: of `traceparent`, "
     "`X-Trace-ID` or `X-Request-ID`, else a fresh one"},
    {"X-Span-ID", "string", "14 hex digits"},
    {"X-RateLimit-Limit-Minute", "integer", "Requests of the caller a minute"},
    {"X-RateLimit-Remaining-Minute", "integer", "What is left of them"},
    {"X-RateLimit-Limit-Hour", "integer", "Requests of the caller an hour"},
    {"X-RateLimit-Remaining-Hour", "integer", "What is left of them"},
    {"X-RateLimit-Reset", "integer",
     "When all of the minute's are back, or the refused one is; seconds since "
     "1970"},
    {"RateLimit-Policy", "string",
     "Every bucket with its quota and window "
     "(draft-ietf-httpapi-ratelimit-headers-10)"},
    {"RateLimit", "string", "What is left in each, and when it is full again"},
    {"Retry-After", "integer", "Seconds to wait"},
    {"WWW-Authenticate", "string", "`Bearer realm=\"Shannon API\"`"},
    {"X-Idempotency-Cached", "string", "`true`: it was answered before"},
    {"X-Idempotency-Key", "string", "Under this key"},
    {"X-Workflow-ID", "string", "The task"},
    {"X-Session-ID", "string", "Its session, as the client calls it"},
    {"X-Shannon-Session-ID", "string", "Its session, as tasks are filed"},
    {"X-Model-Description", "string", "What the agent is for"},
    {"Link", "string", "Where the task streams, `rel=stream`"},
    {"Location", "string", "Where the task streams"},
};

/// Whose words its refusals are in.
enum class surface : std::uint8_t {
  native,
  auth,
  openai,
  anthropic,
  completions,
  models,
};

surface surface_of(const route& line) noexcept {
  switch (line.leads_to) {
  case endpoint::chat_completions:
    return surface::openai;
  case endpoint::messages:
    return surface::anthropic;
  case endpoint::completions:
    return surface::completions;
  case endpoint::list_models:
  case endpoint::get_model:
  case endpoint::list_llm_models:
    return surface::models;
  default:
    return line.tag == "auth" ? surface::auth : surface::native;
  }
}

/// One of these, as the surface and the layer that refuses have it.
names errors_of(surface which, int status) {
  switch (which) {
  case surface::auth:
    // Credentials are refused before anything knows the route.
    return status == 401 || status == 503 ? names{"Error", "AuthError"}
                                          : names{"AuthError"};
  case surface::openai:
    return {"OpenAiError"};
  case surface::anthropic:
    return {"AnthropicError"};
  case surface::completions:
    return {"OpenAiError", "DetailError"};
  case surface::models: // As its client's other requests show.
    return {"OpenAiError", "AnthropicError"};
  case surface::native:
    break;
  }
  if (status == 429)
    return {"RateLimited"};
  return {"Error"};
}

bool is_chat(surface which) noexcept {
  return which == surface::openai || which == surface::anthropic
         || which == surface::completions;
}

json_out schema_of(const names& any) {
  auto reference = [](std::string_view name) {
    json_out out;
    out["$ref"] = "#/components/schemas/" + std::string{name};
    return out;
  };
  if (any.size() == 1)
    return reference(any.front());
  json_out out;
  for (auto name : any)
    out["anyOf"].push_back(reference(name));
  return out;
}

void add(names& to, const names& more) {
  to.insert(to.end(), more.begin(), more.end());
}

/// What a success of this route alone tells.
names told_by(const route& line) {
  switch (line.leads_to) {
  case endpoint::submit_task:
    return {"X-Workflow-ID", "X-Session-ID"};
  case endpoint::submit_task_stream:
    return {"X-Workflow-ID", "X-Session-ID", "Link"};
  case endpoint::get_task:
    return {"X-Workflow-ID"};
  case endpoint::redirect_stream:
    return {"Location"};
  case endpoint::chat_completions:
  case endpoint::messages:
    return {"X-Workflow-ID", "X-Session-ID", "X-Shannon-Session-ID"};
  case endpoint::get_model:
    return {"X-Model-Description"};
  default:
    return {};
  }
}

names headers_of(const route& line, int status) {
  names out;
  if (line.traced)
    add(out, {"X-Trace-ID", "X-Span-ID"});
  // Who is not known, or not let in, is not counted.
  bool counted = line.counted != rate::none && status != 401 && status != 403
                 && status != 413;
  if (counted && line.counted == rate::caller)
    add(out, {"X-RateLimit-Limit-Minute", "X-RateLimit-Remaining-Minute",
              "X-RateLimit-Limit-Hour", "X-RateLimit-Remaining-Hour",
              "X-RateLimit-Reset"});
  if (counted)
    add(out, {"RateLimit-Policy", "RateLimit"});
  if (status == 429 || status == 503)
    add(out, {"Retry-After"});
  if (status == 401)
    add(out, {"WWW-Authenticate"});
  if (status == line.success) {
    add(out, told_by(line));
    if (line.repeated != repeats::as_new)
      add(out, {"X-Idempotency-Cached", "X-Idempotency-Key"});
  }
  return out;
}

json_out answer_of(const route& line, int status, std::string_view text) {
  json_out answer;
  answer["description"] = text;
  for (auto name : headers_of(line, status))
    answer["headers"][std::string{name}]["$ref"]
        = "#/components/headers/" + std::string{name};
  return answer;
}

json_out success_of(const route& line) {
  auto answer = answer_of(line, line.success, reason_phrase(line.success));
  if (!line.gives.empty())
    answer["content"]["application/json"]["schema"] = schema_of({line.gives});
  if (!line.streams.empty())
    answer["content"][std::string{line.streams}]["schema"]["type"] = "string";
  return answer;
}

} // namespace

json_out answers_of(const route& line) {
  json_out all;
  auto which = surface_of(line);
  all[std::to_string(line.success)] = success_of(line);
  auto refusal = [&](int status, std::string_view text) {
    auto answer = answer_of(line, status, text);
    answer["content"]["application/json"]["schema"]
        = schema_of(errors_of(which, status));
    all[std::to_string(status)] = std::move(answer);
  };
  bool repeats_named = line.repeated != repeats::as_new;
  refusal(400, "A parameter or the body is wrong");
  if (line.who == access::client || line.who == access::stream_client) {
    refusal(401, "No credential, or not a good one");
    if (!line.scope.empty())
      refusal(403, "The credential does not allow it");
  } else if (line.tag == "auth") {
    refusal(401, "Nobody is let in by it");
  }
  if (line.pattern.find('{') != std::string_view::npos)
    refusal(404, "Nothing of this name, or not the caller's");
  else if (is_chat(which))
    refusal(404, "No such model");
  if (line.leads_to == endpoint::register_with_provider)
    refusal(409, "Another account has the e-mail address");
  if (!line.takes.empty())
    refusal(413, "The body is longer than it may be");
  if (repeats_named)
    refusal(422, "The Idempotency-Key came with another body before");
  if (line.counted != rate::none)
    refusal(429, "Too many requests: see Retry-After");
  if (is_chat(which)) {
    refusal(500, "The model or the agent failed");
    if (which == surface::completions)
      refusal(502, "No model answers now");
    refusal(504, "No answer in time");
  }
  refusal(503, "Not now: see Retry-After");
  return all;
}

json_out header_components() {
  json_out all;
  for (const auto& one : headers) {
    auto& out = all[std::string{one.name}];
    out["description"] = one.text;
    out["schema"]["type"] = one.type;
  }
  return all;
}

} // namespace shannon::gateway
