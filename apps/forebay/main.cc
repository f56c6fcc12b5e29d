// The one program: every role and every command (src/cli/commands/commands.cc lists them; src/cli/roles builds a role's parts).
#include "cli/forebay.h"

int main(int argc, char** argv) { return forebay::cli::run_forebay(argc, argv); }
