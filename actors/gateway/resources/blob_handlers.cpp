#include "actors/gateway/resources/blob_handlers.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/kit/bytes_text.hpp"
#include "protocols/blobs.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace shannon::gateway {

namespace {

using store::blob_key_prefix;

/// The hash in `shannon:blob:<64 hex digits>`; empty if that is none.
store::blob_hash hash_in(std::string_view key) {
  if (!key.starts_with(blob_key_prefix))
    return {};
  auto hash = kit::from_hex(key.substr(blob_key_prefix.size()));
  return hash && hash->size() == digest_bytes ? *hash : store::blob_hash{};
}

/// JSON that calls itself text, as the reference platform has it.
http_response blob_refusal(int status, std::string_view why) {
  json_out body;
  body["error"] = why;
  return text_answer(status, go_text(body));
}

http_response blob_answer(const store::blob_body& body) {
  return {200,
          {{"Content-Type", "text/plain"},
           {"Cache-Control", "private, max-age=604800"}},
          kit::to_base64(body.bytes)};
}

void tell_blob(desk& gateway, const call_ptr& request) {
  if (!request->id().starts_with(blob_key_prefix))
    return request->answer(blob_refusal(400, "invalid blob key"));
  auto hash = hash_in(request->id());
  if (hash.empty())
    return request->answer(blob_refusal(404, "blob not found"));
  message_body wanted;
  if (request->is_for_operators())
    wanted = store::get_blob{std::move(hash)};
  else
    wanted = store::get_tenant_blob{request->who().tenant, std::move(hash)};
  gateway.ask_store<store::blob_body>(
      std::move(wanted), [request](const result<store::blob_body>& got) {
        if (got)
          return request->answer(blob_answer(*got));
        got.error().code == errc::not_found
            ? request->answer(blob_refusal(404, "blob not found"))
            : request->answer(got.error());
      });
}

} // namespace

void add_blob_handlers(handler_table& table, desk& gateway) {
  table.set(endpoint::get_blob,
            [&gateway](auto& call) { tell_blob(gateway, call); });
}

} // namespace shannon::gateway
