#include "cli/commands/commands.h"
#include "cli/persist/control.h"
#include "ufs/capabilities.h"

namespace forebay::cli {
namespace {

// Sentences about what the store cannot do; nothing while that is not known.
std::vector<std::string> lost(const v1::MountRecord& record) {
  for (const v1::MountOption& option : record.options()) {
    if (option.name() != "capabilities") continue;
    if (Result<ufs::Capabilities> known = ufs::Capabilities::parse(option.value())) return known->lost();
  }
  return {};
}

Json to_json(const v1::MountRecord& record) {
  Json options = Json::object();
  for (const v1::MountOption& option : record.options()) options[option.name()] = option.value();
  return {{"path", record.path()}, {"uri", record.uri()}, {"options", options}, {"lost", lost(record)}};
}

Result<int> run(Shell& shell) {
  ASSIGN_OR_RETURN(const auto control, persist_control(shell));
  ASSIGN_OR_RETURN(const v1::ListMountsReply mounts, shell.wait(control->list_mounts(shell.who())));
  if (shell.json()) {
    JsonArray array;
    for (const v1::Mount& mount : mounts.mounts()) array.add(to_json(mount.record()));
    array.finish();
    return 0;
  }
  Table table({"PATH", "UNDER STORE", "OPTIONS"});
  for (const v1::Mount& mount : mounts.mounts()) {
    std::string options;
    for (const v1::MountOption& option : mount.record().options())
      if (option.name() != "capabilities") options += (options.empty() ? "" : ", ") + option.name() + "=" + option.value();
    table.add({mount.record().path(), mount.record().uri(), options});
  }
  print(table.text());
  for (const v1::Mount& mount : mounts.mounts())
    for (const std::string& sentence : lost(mount.record())) print_line(mount.record().path() + " cannot: " + sentence);
  return 0;
}

}  // namespace

void add_mount_list(Command mount, Shell& shell) {
  shell.on(mount.add("list", "The under stores, their options without secrets, and what they cannot do"), run);
}

}  // namespace forebay::cli
