// Options that the local commands share.
#pragma once

#include "cli/local/plan.h"
#include "cli/shell.h"

namespace forebay::cli {

void add_dir_option(Command command, LocalOptions& options);
void add_local_options(Command command, LocalOptions& options);

}  // namespace forebay::cli
