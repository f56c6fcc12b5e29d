// The mount table.
#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"
#include "forebay/v1/persist.pb.h"
#include "kv/store.h"
#include "master/persist/paths.h"

namespace forebay::master {

inline constexpr size_t kMaxMounts = 1'000;

Result<std::vector<v1::Mount>> load_mounts(const kv::Reader& reader);

// The mount that a path is at or below, if there is one.
const v1::Mount* mount_of(const std::vector<v1::Mount>& mounts, std::string_view path);

// Options whose values are never shown or logged: by what their names say.
bool is_secret(std::string_view option);

}  // namespace forebay::master
