#pragma once

#include "protocols/blobs.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

/// Files that a request names instead of holding them: a run's log and what
/// it asks stay small, and the bytes come from the store to who sends them.
namespace shannon::llm {

/// Bytes of all texts among the files of one request; the rest is cut and the
/// model told so.
inline constexpr std::size_t file_text_bytes_max = 256 * 1024;

/// How long one file may take on its way from the database: up to 25 MiB.
inline constexpr std::chrono::milliseconds body_timeout{30'000};

/// The bodies it names, each once.
std::vector<store::blob_hash> bodies_named(const remote::LlmRequest& request);

/// The request with these bodies in it: PNG, JPEG, GIF, WebP and PDF as they
/// are, texts behind the words of their message. Of everything else the model
/// is told that it is there and cannot be shown.
remote::LlmRequest
with_bodies(remote::LlmRequest request,
            const std::map<store::blob_hash, std::string>& bodies);

/// Asks the store for one body.
using body_asker = std::function<void(
    store::get_tenant_blob, std::function<void(result<store::blob_body>)>)>;

/// Reads what the call names, one body after another, and gives `then` its
/// request with them. A body that is kept no longer fails for good; a store
/// that does not answer is no fault of a provider, so it is `overloaded`.
void read_bodies(const remote::LlmCall& call, body_asker ask,
                 std::function<void(result<remote::LlmRequest>)> then);

} // namespace shannon::llm
