#pragma once

#include "actors/store/records/subject.hpp"

namespace shannon::store::records {

/// What RECORD STORE answers about requests that may be repeated:
/// protocols/answers.hpp.
subject answer_lines();

} // namespace shannon::store::records
