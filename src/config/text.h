// Small pieces of text handling that the parsers share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace forebay::config {

std::string_view trim(std::string_view text);  // spaces, tabs, line ends

// Items between commas, trimmed; empty ones are skipped (charts render leading commas).
std::vector<std::string_view> split_list(std::string_view text);

// Insertions, deletions and replacements between the two; texts beyond 256 bytes are compared by their beginning.
size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace forebay::config
