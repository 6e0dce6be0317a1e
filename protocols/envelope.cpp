#include "protocols/envelope.hpp"

namespace shannon {

std::string to_string(const envelope& mail) {
  std::string text = mail.to.value + " <- " + mail.from.value + " ";
  if (mail.body.wire())
    text += mail.body.wire()->GetTypeName();
  else
    text += mail.body.empty() ? "(empty)" : mail.body.type().name();
  return text;
}

} // namespace shannon
