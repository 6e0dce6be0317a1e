#pragma once

#include "protocols/ids.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

/// What is said to the RECORD STORE about requests under an Idempotency-Key:
/// one row a key, claimed before the work is done, settled with its answer.
/// They are kept for a day.
namespace shannon::answers {

struct answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

/// Answers claimed. A claim that is not settled in `lease` may be taken over:
/// its node has died.
struct claim {
  tenant_id tenant;
  std::string name; ///< Of the key among all of its tenant.
  std::string digest;
  std::string claimer; ///< One request; told again it meets its own claim.
  std::chrono::milliseconds lease{60'000};
};

struct claimed {
  enum class outcome : std::uint8_t {
    mine,       ///< The work is this request's.
    settled,    ///< `what` is the answer.
    under_way,  ///< Another request does it.
    other_body, ///< The key stands for another request.
  };
  outcome how = outcome::mine;
  answer what;
};

/// Answers settled_ack; nothing is changed if the claim is another's by now.
struct settle {
  tenant_id tenant;
  std::string name;
  std::string claimer;
  answer what;
};

/// The work came to nothing: who repeats the request does it. Answers
/// settled_ack.
struct give_up {
  tenant_id tenant;
  std::string name;
  std::string claimer;
};

struct settled_ack {};

} // namespace shannon::answers
