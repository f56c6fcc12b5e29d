// The program `forebay`.
#pragma once

namespace forebay::cli {

// Parses the command line, runs what it asks for, and returns the process' exit code (docs/reference/cli.md).
int run_forebay(int argc, char** argv);

}  // namespace forebay::cli
