#include "cli/commands/commands.h"
#include "cli/persist/control.h"

namespace forebay::cli {
namespace {

struct Options {
  std::string path, uri;
  std::vector<std::string> options;
};

Result<int> run(Shell& shell, const Options& options) {
  ASSIGN_OR_RETURN(const std::string uri, normal_ufs_uri(options.uri));
  ASSIGN_OR_RETURN(MountOptions store, parse_mount_options(options.options));
  ASSIGN_OR_RETURN(const Access access, access_of(shell));
  TRY(mount_store(access, options.path, uri, std::move(store)));
  if (shell.json())
    print_json({{"path", options.path}, {"uri", uri}});
  else
    print_line("mounted " + uri + " at " + options.path);
  return 0;
}

}  // namespace

void add_mount_options(Command command, std::vector<std::string>& options) {
  command.option("--option", options, "name=value (docs/reference/under-stores.md); repeat it for several").one_value_each();
}

void add_mount_add(Command mount, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = mount.add("add", "Mount an under store; a worker finds out first what it can do");
  command.option("--path", options->path, "where, from the root of the namespace").required();
  command.option("--ufs-uri", options->uri, "s3://bucket/prefix, or file:///directory on every worker").required();
  add_mount_options(command, options->options);
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
