#pragma once

namespace forebay::cli {
inline constexpr const char* kVersion = FOREBAY_VERSION;
}
