// What the copying commands share.
#pragma once

#include "cli/copy.h"
#include "cli/format.h"
#include "cli/names.h"

namespace forebay::cli {

void add_copy_options(Command command, CopyOptions& options);
Result<int> print_copied(Shell& shell, const Copied& copied);  // the exit code

}  // namespace forebay::cli
