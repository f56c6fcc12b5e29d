#include "cli/commands/commands.h"
#include "cli/format.h"
#include "cli/persist/control.h"

namespace forebay::cli {
namespace {

std::string policies(const v1::MappingRecord& record) {
  std::string text;
  auto add = [&](const std::string& name, const std::string& value, bool is_default) {
    if (!is_default) text += (text.empty() ? "" : ", ") + name + " " + value;
  };
  const Json json = to_json(record);
  add("onDelete", json["onDelete"], record.on_delete() == v1::ON_DELETE_KEEP);
  add("onConflict", json["onConflict"], record.on_conflict() == v1::ON_CONFLICT_FAIL);
  add("settle", json["settle"], record.settle_ns() == 0);
  add("order", json["order"], record.order() == v1::PERSIST_ORDER_NONE);
  add("evict", json["evict"], record.evict() == v1::EVICT_NEVER);
  add("exclude", json["exclude"].dump(), record.exclude().empty());
  add("blackList", json["blackList"].dump(), record.black_list().empty());
  return text.empty() ? "-" : text;
}

Result<int> show(Shell& shell, client::PersistControl& control) {
  ASSIGN_OR_RETURN(const v1::GetMappingReply reply, shell.wait(control.mapping(shell.who())));
  if (shell.json()) {
    Json mappings = Json::array();
    for (const v1::MappingRecord& record : reply.mappings()) mappings.push_back(to_json(record));
    Json json = {{"file", reply.file()}, {"problem", reply.problem()}, {"mappings", mappings}};
    if (!reply.problem().empty()) json["problem_since"] = format_iso_time(reply.problem_since_ns());
    print_json(json);
    return 0;
  }
  Table table({"PATH", "UNDER STORE", "POLICIES"});
  for (const v1::MappingRecord& record : reply.mappings()) table.add({record.path(), record.target(), policies(record)});
  print_line(reply.file().empty() ? "no mapping file is configured (forebay.persist.mapping_file)" : "file " + reply.file());
  if (!reply.problem().empty())
    print_line("NOT IN FORCE as it is now, since " + age_since(reply.problem_since_ns()) + ": " + reply.problem());
  print_line(reply.mappings().empty() ? "nothing is mapped" : table.text());
  return 0;
}

Result<int> reload(Shell& shell, client::PersistControl& control) {
  ASSIGN_OR_RETURN(const v1::ApplyMappingReply reply, shell.wait(control.reload_mapping(shell.who())));
  if (shell.json()) {
    print_json({{"added", reply.added()}, {"changed", reply.changed()}, {"removed", reply.removed()}});
    return 0;
  }
  print_line("in force: " + std::to_string(reply.added()) + " added, " + std::to_string(reply.changed()) + " changed, " +
             std::to_string(reply.removed()) + " removed");
  return 0;
}

}  // namespace

void add_persist_mapping(Command persist, Shell& shell) {
  Command command = persist.add("mapping", "Which directories are persisted where, and what is wrong with the file");
  Command reloading = command.add("reload", "Put the mapping file in force now, as it is");
  shell.on(command, [reloading](Shell& shell) -> Result<int> {
    ASSIGN_OR_RETURN(const auto control, persist_control(shell));
    return reloading.is_chosen() ? reload(shell, *control) : show(shell, *control);
  });
}

}  // namespace forebay::cli
