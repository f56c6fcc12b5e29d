// What is known of a method without its messages. The generated *.rpc.h files hold one struct per method:
//   struct Lookup { using Request = …; using Reply = …; static constexpr rpc::Method kMethod{…}; };
// in namespace forebay::v1::namespace_service (cluster_service, worker_service, admin_service), and kMethods, all of a service's.
#pragma once

#include <cstdint>
#include <string_view>

namespace forebay::rpc {

// See forebay.v1.Retry.
enum class Retry : uint8_t { kRead = 1, kSameId, kAbsolute, kNever };

struct Method {
  uint16_t number;
  std::string_view name;     // snake_case: "lookup"; the label in metrics and logs
  std::string_view service;  // "NamespaceService"
  Retry retry;
  uint32_t deadline_ms;  // default for one attempt
  uint32_t max_payload;  // bytes
};

}  // namespace forebay::rpc
