#pragma once

#include "actors/store/records/subject.hpp"

namespace shannon::store::records {

/// What RECORD STORE answers about sessions: protocols/sessions.hpp.
subject session_lines();

} // namespace shannon::store::records
