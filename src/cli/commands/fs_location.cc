#include <map>

#include "cli/commands/commands.h"
#include "cli/format.h"
#include "cli/names.h"

namespace forebay::cli {
namespace {

using Addresses = std::map<uint64_t, std::string>;

Result<Addresses> worker_addresses(Shell& shell) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  ASSIGN_OR_RETURN(std::vector<v1::WorkerAddress> workers, shell.wait(client->workers()));
  Addresses addresses;
  for (const v1::WorkerAddress& worker : workers)
    addresses[worker.worker()] = worker.address() + (worker.live() ? "" : " (lost)");
  return addresses;
}

// One row for each extent: where in the file, how long, which object, on which workers.
Result<Json> locate(Shell& shell, const Entry& entry, const Addresses& addresses) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  Json extents = Json::array();
  uint64_t offset = 0;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(v1::Layout layout, shell.wait(client->layout(shell.who(), entry.inode(), offset)));
    std::map<uint64_t, const v1::ObjectLocation*> objects;
    for (const v1::ObjectLocation& object : layout.objects()) objects[object.object()] = &object;
    for (const v1::Extent& extent : layout.extents()) {
      Json workers = Json::array();
      const v1::ObjectLocation* object = objects[extent.object()];
      if (object != nullptr)
        for (uint64_t worker : object->workers()) {
          auto known = addresses.find(worker);
          workers.push_back(known == addresses.end() ? "worker " + std::to_string(worker) : known->second);
        }
      extents.push_back({{"offset", extent.file_offset()},
                         {"length", extent.length()},
                         {"object", extent.object()},
                         {"workers", workers},
                         {"inline", object != nullptr && object->inlined()}});
      offset = extent.file_offset() + extent.length();
    }
    more = layout.more() && layout.extents_size() > 0;
  }
  return Json{{"path", entry.path}, {"extents", extents}};
}

void print_table(const Json& located) {
  Table table({"OFFSET", "LENGTH", "OBJECT", "WORKERS"});
  for (size_t column : {0, 1, 2}) table.right_align(column);
  for (const Json& extent : located["extents"]) {
    std::string workers;
    for (const Json& worker : extent["workers"]) workers += (workers.empty() ? "" : ", ") + worker.get<std::string>();
    if (workers.empty()) workers = extent["inline"].get<bool>() ? "inline, at the master" : "none: LOST";
    table.add({extent["offset"].dump(), extent["length"].dump(), extent["object"].dump(), workers});
  }
  print_line(located["path"].get<std::string>());
  print(table.text());
}

Result<int> run(Shell& shell, const std::vector<std::string>& patterns) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, expand(shell, patterns));
  ASSIGN_OR_RETURN(Addresses addresses, worker_addresses(shell));
  shell.single_object(paths.size() == 1);
  JsonArray array;
  for (const std::string& path : paths) {
    Result<Entry> entry = get(shell, path, Links::kFollow);
    if (entry && entry->is_directory()) entry = rejected(EISDIR, path);
    Result<Json> located = entry ? locate(shell, *entry, addresses) : std::unexpected(entry.error());
    if (!located)
      shell.fail(located.error());
    else if (shell.json())
      array.add(*located);
    else
      print_table(*located);
  }
  if (shell.json()) array.finish();
  return shell.exit_code();
}

}  // namespace

void add_fs_location(Command fs, Shell& shell) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command = fs.add("location", "Which workers hold a file's bytes");
  command.option("PATH", *paths, "files").required();
  shell.on(command, [paths](Shell& shell) { return run(shell, *paths); });
}

}  // namespace forebay::cli
