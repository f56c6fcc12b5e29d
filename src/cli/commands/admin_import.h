// Adds `admin import` to the command line.
#pragma once

#include "cli/commands/commands.h"

namespace forebay::cli {

void add_admin_import(Command admin, Shell& shell);

}  // namespace forebay::cli
