#include <string>

#include "base/check.h"
#include "rpc/server.h"

namespace forebay::rpc {

void Router::add(const Method& method, Raw raw) {
  bool added = entries_.emplace(method.number, Entry{method, std::move(raw)}).second;
  FOREBAY_CHECK(added, "two handlers for one method");
}

const Router::Entry* Router::find(uint16_t number) const {
  auto at = entries_.find(number);
  return at == entries_.end() ? nullptr : &at->second;
}

Error Router::malformed(const Method& method) {
  return invalid("the request for " + std::string(method.service) + "." + std::string(method.name) + " cannot be parsed");
}

}  // namespace forebay::rpc
