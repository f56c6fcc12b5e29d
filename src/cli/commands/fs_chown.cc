// chown and chgrp: one change of owners, spelled in two ways.
#include "cli/commands/commands.h"
#include "cli/done.h"
#include "cli/format.h"

namespace forebay::cli {
namespace {

struct Options {
  std::string owner;
  std::vector<std::string> paths;
  bool recursive = false;
};

struct Owner {
  std::optional<uint32_t> uid, gid;
};

// "user", "user:group", "user:" (the user alone), ":group".
Result<Owner> parse_owner(const std::string& text) {
  Owner owner;
  size_t colon = text.find(':');
  std::string user = text.substr(0, colon), group = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (user.empty() && group.empty()) return invalid("'" + text + "' names neither a user nor a group");
  if (!user.empty()) {
    ASSIGN_OR_RETURN(owner.uid, user_id(user));
  }
  if (!group.empty()) {
    ASSIGN_OR_RETURN(owner.gid, group_id(group));
  }
  return owner;
}

Result<void> change(Shell& shell, const Entry& entry, const Owner& owner) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  v1::SetAttrRequest request;
  request.set_inode(entry.attr.inode());
  if (owner.uid) request.set_uid(*owner.uid);
  if (owner.gid) request.set_gid(*owner.gid);
  Result<v1::Attr> set = shell.wait(client->set_attr(shell.who(), std::move(request), nullptr));
  if (!set) return std::unexpected(std::move(set).error().with_context(entry.path));
  return {};
}

Result<int> run(Shell& shell, const Options& options, Result<Owner> owner) {
  if (!owner) return std::unexpected(std::move(owner).error());
  return for_each_path(shell, options.paths, true, "changed", [&](const std::string& path) -> Result<void> {
    ASSIGN_OR_RETURN(Entry entry, get(shell, path, Links::kFollow));
    if (!options.recursive) return change(shell, entry, *owner);
    return walk(shell, entry, [&](const Entry& each) { return change(shell, each, *owner); });
  });
}

Command add(Command fs, const char* name, const char* what, const char* owner, const std::shared_ptr<Options>& options) {
  Command command = fs.add(name, what);
  command.option(owner, options->owner, "name or number").required();
  command.option("PATH", options->paths, "files and directories").required();
  command.flag("-R", options->recursive, "and all that is below");
  return command;
}

}  // namespace

void add_fs_chown(Command fs, Shell& shell) {
  auto chown = std::make_shared<Options>(), chgrp = std::make_shared<Options>();
  shell.on(add(fs, "chown", "Change owners", "OWNER[:GROUP]", chown),
           [chown](Shell& shell) { return run(shell, *chown, parse_owner(chown->owner)); });
  shell.on(add(fs, "chgrp", "Change groups", "GROUP", chgrp),
           [chgrp](Shell& shell) { return run(shell, *chgrp, parse_owner(":" + chgrp->owner)); });
}

}  // namespace forebay::cli
