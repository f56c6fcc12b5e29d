// Directories that have to be there.
#pragma once

#include <string>
#include <string_view>

#include "master/operation.h"

namespace forebay::master {

// The directory at an absolute path; what is missing of it is made, each with the rights of the one that it is made in. `where`
// begins the messages. `invalid`: something on the way is no directory, or no name.
Result<InodeId> make_path(MutationContext& context, std::string_view path, const std::string& where);

}  // namespace forebay::master
