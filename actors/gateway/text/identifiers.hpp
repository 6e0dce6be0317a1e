#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/identity/identity.hpp"
#include "protocols/ids.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// `^[A-Za-z0-9:_\-\.]{1,128}$`
bool is_identifier(std::string_view text) noexcept;

/// 8-4-4-4-12 hex digits, in either case.
bool is_uuid(std::string_view text) noexcept;

/// A random UUID, version 4, lower case.
std::string random_uuid();

/// A UUID in the shape of version 5, from SHA-256 of `name`: the same name
/// always gives the same id.
std::string named_uuid(std::string_view name);

/// `count` random lower-case hex digits; at most 32.
std::string random_hex(std::size_t count);

struct new_task_ids {
  std::string task;
  /// Used if the request names no session.
  std::string session;
};

/// Of a request with an Idempotency-Key: they follow from tenant, user, path
/// and key: the task's log is the claim on the key, made in the transaction
/// that accepts the task, and a repeat meets it.
new_task_ids named_ids(const http_request& request, const identity& who);

/// SHA-256 as 64 hex digits.
std::string content_hash(std::string_view text);

/// What tells two requests under one Idempotency-Key apart: 32 raw bytes.
std::string request_digest(const http_request& request);

/// The key's name among all of its tenant, user and path; 64 hex digits.
std::string idempotency_name(const http_request& request, const identity& who);

} // namespace shannon::gateway
