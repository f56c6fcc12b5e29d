#include "cli/listing.h"

#include <map>

#include "cli/format.h"

namespace forebay::cli {
namespace {

std::string left(const std::string& text, size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text + " ";
}
std::string right(const std::string& text, size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : " " + text;
}

int64_t time_of(const v1::Attr& attr, Timestamp which) {
  switch (which) {
    case Timestamp::kCreated: return attr.birth_ns();
    case Timestamp::kAccessed: return attr.atime_ns();
    default: return attr.mtime_ns();
  }
}

}  // namespace

std::string persistence_state(const v1::Attr& attr, v1::PersistState state) {
  if (state == v1::PERSIST_STATE_PERSISTED) return "PERSISTED";
  if (attr.lost()) return "LOST";
  return state == v1::PERSIST_STATE_TO_BE_PERSISTED ? "TO_BE_PERSISTED" : "NOT_PERSISTED";
}

Result<int> percent_in_cache(Shell& shell, const Entry& entry) {
  if (!entry.attr.lost() && !entry.attr.absent()) return 100;
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  uint64_t all = 0, held = 0, offset = 0;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(v1::Layout layout, shell.wait(client->layout(shell.who(), entry.inode(), offset)));
    std::map<uint64_t, bool> has_copy;
    for (const v1::ObjectLocation& object : layout.objects())
      has_copy[object.object()] = object.inlined() || object.workers_size() > 0;
    for (const v1::Extent& extent : layout.extents()) {
      all += extent.length();
      held += has_copy[extent.object()] ? extent.length() : 0;
      offset = extent.file_offset() + extent.length();
    }
    more = layout.more() && layout.extents_size() > 0;
  }
  return all == 0 ? 100 : static_cast<int>(held * 100 / all);
}

std::string listing_line(const std::string& path, const v1::Attr& attr, int percent, v1::PersistState state,
                         const ListingOptions& options) {
  bool is_directory = attr.type() == v1::FILE_TYPE_DIRECTORY;
  std::string size = options.human && !is_directory ? format_human(attr.size()) : std::to_string(attr.size());
  std::string line = left(format_mode(attr.type(), attr.mode()), 11) + left(user_name(attr.uid()), 15) +
                     left(group_name(attr.gid()), 15) + right(size, 15) + right(persistence_state(attr, state), 16) +
                     right(format_list_time(time_of(attr, options.timestamp)), 24) +
                     right(is_directory ? "DIR" : std::to_string(percent) + "%", 5) + " " + path;
  if (attr.type() == v1::FILE_TYPE_SYMLINK) line += " -> " + attr.target();
  return line;
}

Json listing_json(const std::string& path, const v1::Attr& attr, int percent, v1::PersistState state) {
  Json json = {{"path", path},
               {"type", std::string(type_name(attr.type()))},
               {"mode", format_octal(attr.mode())},
               {"owner", user_name(attr.uid())},
               {"group", group_name(attr.gid())},
               {"uid", attr.uid()},
               {"gid", attr.gid()},
               {"size", attr.size()},
               {"state", persistence_state(attr, state)},
               {"modified", format_iso_time(attr.mtime_ns())},
               {"accessed", format_iso_time(attr.atime_ns())},
               {"created", format_iso_time(attr.birth_ns())},
               {"inode", attr.inode()},
               {"links", attr.nlink()}};
  if (attr.type() == v1::FILE_TYPE_REGULAR) json["percent_in_cache"] = percent;
  if (attr.type() == v1::FILE_TYPE_SYMLINK) json["target"] = attr.target();
  return json;
}

}  // namespace forebay::cli
