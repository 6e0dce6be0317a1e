#include "actors/llm/provider_request.hpp"

#include <algorithm>
#include <utility>

namespace shannon::llm {

namespace {

/// Idle connections kept beyond this many would rather time out than be used.
constexpr std::uint32_t idle_connections_max = 64;

/// As a header's value: printable ASCII.
std::string header_text(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < '!' || c > '~'; }, '_');
  return text;
}

} // namespace

const wire_format& wire_of(const provider_entry& provider) {
  return provider.kind == provider_kind::anthropic ? anthropic_wire()
                                                   : openai_wire();
}

kit::http_request provider_request(const provider_entry& provider,
                                   const model_entry& model,
                                   const remote::EffectContext& context,
                                   const remote::LlmRequest& asked,
                                   const std::string& traceparent) {
  const auto& url = provider.url;
  wire_options how;
  how.model = model.id;
  how.api_key = provider.api_key;
  how.output_tokens = model.output_tokens;
  how.fixed_temperature = model.fixed_temperature;
  how.completion_tokens
      = provider.kind == provider_kind::openai && !provider.is_redirected;
  auto words = wire_of(provider).write(asked, how);
  kit::http_request out;
  out.method = "POST";
  out.tls = url.tls;
  out.host = url.host;
  out.port = url.port;
  out.target = url.path + words.path;
  out.headers = std::move(words.headers);
  out.headers.emplace_back("Content-Type", "application/json");
  out.headers.emplace_back("Accept", asked.stream() ? "text/event-stream"
                                                    : "application/json");
  out.headers.emplace_back("User-Agent", "shannon");
  if (auto key = header_text(context.attempt_key()); !key.empty()) {
    out.headers.emplace_back("Idempotency-Key", key);
    out.headers.emplace_back("X-Shannon-Attempt", key);
  }
  if (!traceparent.empty())
    out.headers.emplace_back("traceparent", traceparent);
  out.body = std::move(words.body);
  return out;
}

kit::http_limits provider_limits(const config::llm_settings& settings,
                                 bool stream) {
  kit::http_limits out;
  out.connect = settings.connect_timeout;
  out.total = settings.call_timeout;
  out.body_bytes_max = settings.response_bytes_max;
  // A whole answer comes when it is whole.
  out.first_byte = stream
                       ? settings.connect_timeout + settings.first_token_timeout
                       : settings.call_timeout;
  out.between_bytes
      = std::max(settings.first_token_timeout, settings.between_tokens_timeout);
  return out;
}

kit::http_client_options client_options(const config::llm_settings& settings) {
  kit::http_client_options out;
  out.idle_max = std::min(settings.concurrent_calls_max, idle_connections_max);
  return out;
}

} // namespace shannon::llm
