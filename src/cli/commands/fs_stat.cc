#include <set>

#include "cli/commands/commands.h"
#include "cli/format.h"
#include "cli/json_text.h"
#include "cli/listing.h"
#include "cli/path.h"
#include "cli/persist/entries.h"

namespace forebay::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  std::string path_option, format;
  uint64_t inode = 0;
};

struct Stored {
  uint64_t extents = 0, objects = 0, copies = 0;  // copies: of the object that has the fewest
};

Result<Stored> stored(Shell& shell, const Entry& entry) {
  Stored stored;
  if (!entry.is_file()) return stored;
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  std::set<uint64_t> seen;
  uint64_t offset = 0, fewest = UINT64_MAX;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(v1::Layout layout, shell.wait(client->layout(shell.who(), entry.inode(), offset)));
    stored.extents += static_cast<uint64_t>(layout.extents_size());
    for (const v1::ObjectLocation& object : layout.objects())
      if (seen.insert(object.object()).second)
        fewest = std::min(fewest, object.inlined() ? 1 : static_cast<uint64_t>(object.workers_size()));
    more = layout.more() && layout.extents_size() > 0;
    if (more) offset = layout.extents().rbegin()->file_offset() + layout.extents().rbegin()->length();
  }
  stored.objects = seen.size();
  stored.copies = seen.empty() ? 0 : fewest;
  return stored;
}

// %N name, %z bytes, %u owner, %g group, %i inode, %y and %Y time of modification (text, milliseconds), %b extents, %% percent.
std::string formatted(const Entry& entry, const Stored& stored, const std::string& format) {
  std::string text;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      text += format[i];
      continue;
    }
    switch (format[++i]) {
      case 'N': text += split_path(entry.path).second; break;
      case 'z': text += std::to_string(entry.attr.size()); break;
      case 'u': text += user_name(entry.attr.uid()); break;
      case 'g': text += group_name(entry.attr.gid()); break;
      case 'i': text += std::to_string(entry.attr.inode()); break;
      case 'y': text += format_utc(entry.attr.mtime_ns()); break;
      case 'Y': text += std::to_string(entry.attr.mtime_ns() / 1'000'000); break;
      case 'b': text += entry.is_file() ? std::to_string(stored.extents) : "NA"; break;
      case '%': text += '%'; break;
      default: text += '%', text += format[i];
    }
  }
  return text;
}

// Nothing for what has no entry (asked for by inode), or is no file.
Result<v1::EntryPersistence> persistence_of(Shell& shell, const Entry& entry) {
  v1::EntryPersistence none;
  none.set_state(v1::PERSIST_STATE_NOT_PERSISTED);
  if (!entry.is_file() || !entry.parent) return none;
  ASSIGN_OR_RETURN(const auto control, persist_control(shell));
  ASSIGN_OR_RETURN(const StatesByName states, describe(shell, *control, Page{entry.parent, {entry}}));
  return states.empty() ? none : states.begin()->second;
}

void add_persistence(const v1::EntryPersistence& now, const MountNames& names, Json& json) {
  if (now.has_bound()) {
    json["persisted_version"] = now.bound().version();
    json["key"] = names.path(now.bound().mount(), now.bound().key());
    json["stored_at"] = names.uri(now.bound().mount(), now.bound().key());
    json["identity"] = now.bound().identity();
  }
  const bool moves = now.target_mount() != 0 && (now.bound().mount() != now.target_mount() || now.bound().key() != now.target());
  if (moves) json["belongs_at"] = names.path(now.target_mount(), now.target());
  if (now.dirty_since_ns() != 0)
    json["lag_seconds"] = std::chrono::duration<double>(duration_since(now.dirty_since_ns())).count();
  if (now.operation() != 0) json["job"] = now.operation();
  if (now.has_conflict()) json["conflict"] = names.path(now.conflict().mount(), now.conflict().key());
  if (now.error().empty()) return;
  json["persist_error"] = now.error();
  json["persist_attempts"] = now.attempts();
  if (now.next_ns() != 0) json["next_attempt"] = format_iso_time(now.next_ns());
}

Json described(const Entry& entry, const Stored& stored, int percent, v1::PersistState state) {
  Json json = listing_json(entry.path, entry.attr, percent, state);
  json["changed"] = format_iso_time(entry.attr.ctime_ns());
  json["version"] = entry.attr.version();
  if (entry.attr.ttl_due_ns() != 0) json["ttl_until"] = format_iso_time(entry.attr.ttl_due_ns());
  json["pinned"] = entry.attr.pinned();
  json["open_for_write"] = entry.attr.open_for_write();
  if (!entry.is_file()) return json;
  json["stored_bytes"] = entry.attr.stored_bytes();
  json["extents"] = stored.extents;
  json["objects"] = stored.objects;
  json["copies"] = stored.copies;
  return json;
}

Result<void> show(Shell& shell, const Entry& entry, const Options& options, JsonArray& array) {
  ASSIGN_OR_RETURN(Stored how, stored(shell, entry));
  if (!options.format.empty()) {
    print_line(formatted(entry, how, options.format));
    return {};
  }
  ASSIGN_OR_RETURN(int percent, percent_in_cache(shell, entry));
  ASSIGN_OR_RETURN(const v1::EntryPersistence now, persistence_of(shell, entry));
  Json json = described(entry, how, percent, now.state());
  const bool says_something = now.has_bound() || now.target_mount() != 0;
  if (says_something) add_persistence(now, MountNames::load(shell), json);
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  ASSIGN_OR_RETURN(const std::vector<std::string> xattrs, shell.wait(client->list_xattrs(shell.who(), entry.inode())));
  if (!xattrs.empty()) json["xattrs"] = xattrs;
  if (shell.json()) {
    array.add(json);
    return {};
  }
  Table table({entry.path, ""});
  for (const auto& [key, value] : json.items())
    if (key != "path") table.add({"  " + key, value.is_string() ? value.get<std::string>() : json_text(value)});
  print(table.text());
  return {};
}

Result<Entry> by_inode(Shell& shell, uint64_t inode) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  ASSIGN_OR_RETURN(v1::Attr attr, shell.wait(client->get_attr(shell.who(), InodeId{inode})));
  return Entry{.path = "inode " + std::to_string(inode), .attr = std::move(attr)};
}

Result<int> run(Shell& shell, Options& options) {
  if (!options.path_option.empty()) options.paths.push_back(options.path_option);
  if (options.paths.empty() && options.inode == 0) return invalid("stat needs a path, or --file-id");
  JsonArray array;
  if (options.inode != 0) {
    ASSIGN_OR_RETURN(Entry entry, by_inode(shell, options.inode));
    TRY(show(shell, entry, options, array));
  }
  ASSIGN_OR_RETURN(std::vector<std::string> paths, expand(shell, options.paths));
  shell.single_object(paths.size() == 1);
  for (const std::string& path : paths) {
    Result<Entry> entry = get(shell, path, Links::kKeep);
    Result<void> shown = entry ? show(shell, *entry, options, array) : std::unexpected(entry.error());
    if (!shown) shell.fail(shown.error());
  }
  if (shell.json() && options.format.empty()) array.finish();
  return shell.exit_code();
}

}  // namespace

void add_fs_stat(Command fs, Shell& shell) {
  auto options = std::make_shared<Options>();
  Command command = fs.add("stat", "Show everything about files and directories");
  command.option("PATH", options->paths, "files and directories");
  command.option("--path", options->path_option, "the same, as an option");
  command.option("--file-id", options->inode, "by inode number");
  command.option("-f", options->format, "%N name, %z size, %u owner, %g group, %i inode, %y %Y modified, %b extents");
  shell.on(command, [options](Shell& shell) { return run(shell, *options); });
}

}  // namespace forebay::cli
