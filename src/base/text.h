// Text for people, from bytes that may be anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forebay {

// At most so many bytes of it, '?' for each byte that is no UTF-8. For every `string` of a message that may quote a file's name:
// names are any bytes, and a proto3 string that is not UTF-8 makes the whole message unreadable.
std::string readable_text(std::string_view text, size_t most = 4'096);

}  // namespace forebay
