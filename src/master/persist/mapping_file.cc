#include "master/persist/mapping_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/units.h"
#include "master/persist/paths.h"

namespace forebay::master {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxPatterns = 1'000;
constexpr size_t kMaxPathBytes = 4'096;
constexpr Duration kLongestSettle = std::chrono::hours(24);

constexpr std::string_view kMountPoint = "cacheOnlyMountPoint";
constexpr std::string_view kMapping = "asyncUploadPathMapping";
constexpr std::string_view kBlackList = "blackList";

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

template <class Enum>
struct Word {
  const char* text;
  Enum value;
};
constexpr Word<v1::OnDelete> kOnDelete[] = {{"keep", v1::ON_DELETE_KEEP}, {"delete", v1::ON_DELETE_DELETE}};
constexpr Word<v1::OnConflict> kOnConflict[] = {{"fail", v1::ON_CONFLICT_FAIL},
                                                {"keep-both", v1::ON_CONFLICT_KEEP_BOTH},
                                                {"cache-wins", v1::ON_CONFLICT_CACHE_WINS},
                                                {"ufs-wins", v1::ON_CONFLICT_UFS_WINS}};
constexpr Word<v1::PersistOrder> kOrder[] = {{"none", v1::PERSIST_ORDER_NONE}, {"directory", v1::PERSIST_ORDER_DIRECTORY}};
constexpr Word<v1::Evict> kEvict[] = {{"never", v1::EVICT_NEVER}, {"clean", v1::EVICT_CLEAN}};

class Parser {
 public:
  Parser(std::string_view file, std::string_view text) : file_(file), text_(text) {}
  Result<MappingFile> run();

 private:
  template <class... Parts>
  Error problem(const Parts&... parts) const {
    std::string message = "mapping file " + file_ + ": ";
    (message += ... += parts);
    return invalid(std::move(message));
  }
  Result<Json> parse_text();
  Result<std::string> path_of(std::string_view what, const std::string& path) const;
  Result<void> read_black_list(const Json& list);
  Result<void> read_mapping(const Json& object);
  Result<void> read_entry(const std::string& path, const Json& value);
  Result<void> read_policies(const Json& object, v1::MappingRecord& record);
  Result<void> read_settle(const Json& value, v1::MappingRecord& record);
  Result<void> read_exclude(const Json& list, v1::MappingRecord& record);
  template <class Enum, size_t kCount, class Set>
  Result<void> read_word(const std::string& name, const Json& value, const Word<Enum> (&words)[kCount], Set set) const;
  Result<void> check_against_others() const;
  std::string entry() const { return "entry " + in_quotes(entry_); }

  const std::string file_;
  const std::string_view text_;
  MappingFile mapping_;
  std::vector<std::string> black_list_;
  std::string entry_;  // being read
};

// Repeated names are an error: with JSON's silence one of two mappings would be lost.
Result<Json> Parser::parse_text() {
  std::vector<std::set<std::string>> names;
  std::string repeated;
  auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second) {
      repeated = parsed.get<std::string>();
    }
    return true;
  };
  try {
    Json json = Json::parse(text_, watch);
    if (!repeated.empty()) return problem(in_quotes(repeated), " occurs twice in one object; remove one of them");
    return json;
  } catch (const Json::parse_error& error) {
    const size_t end = std::min(error.byte, text_.size());
    const auto line = 1 + std::ranges::count(text_.substr(0, end > 0 ? end - 1 : 0), '\n');
    return problem("line ", std::to_string(line), ": not JSON; mend what is near byte ", std::to_string(error.byte));
  } catch (const Json::out_of_range&) {
    return problem("a number in it is too large; no entry has one, remove it");
  }
}

// Without '/' at its end.
Result<std::string> Parser::path_of(std::string_view what, const std::string& path) const {
  std::string clean = path;
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  const bool impossible = !clean.starts_with('/') || clean.contains("//") || clean.contains('\0') || clean.size() > kMaxPathBytes;
  const std::string closed = clean + "/";
  if (impossible || closed.contains("/./") || closed.contains("/../")) {
    return problem(what, " ", in_quotes(path), " is no absolute path; write it from '/' on, without '.', '..' and '//'");
  }
  return clean;
}

Result<void> Parser::read_black_list(const Json& list) {
  if (!list.is_array() || list.size() > kMaxPatterns) return problem(kBlackList, " has to be an array of at most 1000 strings");
  for (const Json& part : list) {
    if (!part.is_string() || part.get_ref<const std::string&>().empty()) {
      return problem(kBlackList, ": each item has to be a part of a file's name, and not empty");
    }
    black_list_.push_back(part.get<std::string>());
  }
  return {};
}

template <class Enum, size_t kCount, class Set>
Result<void> Parser::read_word(const std::string& name, const Json& value, const Word<Enum> (&words)[kCount], Set set) const {
  std::string known;
  for (const Word<Enum>& word : words) {
    if (value.is_string() && value.get_ref<const std::string&>() == word.text) {
      set(word.value);
      return {};
    }
    known += (known.empty() ? "" : ", ") + std::string(word.text);
  }
  return problem(entry(), ": ", name, " has to be one of ", known);
}

Result<void> Parser::read_settle(const Json& value, v1::MappingRecord& record) {
  Result<Duration> settle =
      value.is_string() ? parse_duration(value.get<std::string>()) : Result<Duration>(invalid("not a string"));
  if (!settle || *settle < Duration{} || *settle > kLongestSettle) {
    return problem(entry(), ": settle has to be a time of at most 24h, such as \"2s\"");
  }
  record.set_settle_ns(settle->count());
  return {};
}

Result<void> Parser::read_exclude(const Json& list, v1::MappingRecord& record) {
  if (!list.is_array() || list.size() > kMaxPatterns)
    return problem(entry(), ": exclude has to be an array of at most 1000 patterns");
  for (const Json& pattern : list) {
    const bool good = pattern.is_string() && !pattern.get_ref<const std::string&>().empty() &&
                      !pattern.get_ref<const std::string&>().contains('/');
    if (!good) return problem(entry(), ": each pattern of exclude is of one name: with * and ?, without '/'");
    record.add_exclude(pattern.get<std::string>());
  }
  return {};
}

Result<void> Parser::read_policies(const Json& object, v1::MappingRecord& record) {
  for (const auto& [name, value] : object.items()) {
    Result<void> read;
    if (name == "path") continue;
    if (name == "onDelete")
      read = read_word(name, value, kOnDelete, [&](auto word) { record.set_on_delete(word); });
    else if (name == "onConflict")
      read = read_word(name, value, kOnConflict, [&](auto word) { record.set_on_conflict(word); });
    else if (name == "order")
      read = read_word(name, value, kOrder, [&](auto word) { record.set_order(word); });
    else if (name == "evict")
      read = read_word(name, value, kEvict, [&](auto word) { record.set_evict(word); });
    else if (name == "settle")
      read = read_settle(value, record);
    else if (name == "exclude")
      read = read_exclude(value, record);
    else
      read = problem(entry(), ": unknown name ", in_quotes(name),
                     "; known are path, onDelete, onConflict, settle, order, exclude, evict");
    TRY(read);
  }
  return {};
}

Result<void> Parser::read_entry(const std::string& path, const Json& value) {
  entry_ = path;
  MappingEntry made;
  ASSIGN_OR_RETURN(made.path, path_of(entry(), path));
  if (!is_at_or_below(made.path, mapping_.mount_point)) {
    return problem(entry(), " is not below ", kMountPoint, " ", in_quotes(mapping_.mount_point),
                   "; only what is there is persisted");
  }
  const bool is_object = value.is_object() && value.contains("path") && value["path"].is_string();
  if (!value.is_string() && !is_object) return problem(entry(), ": the value has to be a path, or an object with \"path\"");
  const std::string target = is_object ? value["path"].get<std::string>() : value.get<std::string>();
  ASSIGN_OR_RETURN(const std::string clean, path_of(entry() + ": the target", target));
  if (is_at_or_below(clean, mapping_.mount_point) || is_at_or_below(mapping_.mount_point, clean)) {
    return problem(entry(), " is mapped onto the cache itself (", in_quotes(target),
                   "); the target has to be in a mounted under store");
  }
  made.record.set_path(made.path);
  made.record.set_target(clean);
  made.record.mutable_black_list()->Assign(black_list_.begin(), black_list_.end());
  if (is_object) TRY(read_policies(value, made.record));
  mapping_.entries.push_back(std::move(made));
  return {};
}

Result<void> Parser::read_mapping(const Json& object) {
  if (!object.is_object()) return problem(kMapping, " has to be an object: path below the mount point → path in an under store");
  if (object.size() > kMaxMappings) return problem(kMapping, " has more than 1000 entries; map a directory above them");
  for (const auto& [path, value] : object.items()) TRY(read_entry(path, value));
  return check_against_others();
}

Result<void> Parser::check_against_others() const {
  for (const MappingEntry& one : mapping_.entries) {
    for (const MappingEntry& other : mapping_.entries) {
      if (&one == &other) continue;
      if (is_at_or_below(one.path, other.path)) {
        return problem("entry ", in_quotes(one.path), " overlaps with entry ", in_quotes(other.path), "; keep one of the two");
      }
      if (is_at_or_below(one.record.target(), other.record.target())) {
        return problem("entry ", in_quotes(one.path), " is mapped into the target of entry ", in_quotes(other.path), " (",
                       in_quotes(one.record.target()), "); give it a target of its own");
      }
    }
  }
  return {};
}

Result<MappingFile> Parser::run() {
  if (text_.size() > kMaxMappingFile) return problem("larger than 1 MiB");
  ASSIGN_OR_RETURN(const Json json, parse_text());
  if (!json.is_object()) return problem("has to be a JSON object with ", kMountPoint, " and ", kMapping);
  for (const auto& [name, value] : json.items()) {
    if (name != kMountPoint && name != kMapping && name != kBlackList) {
      return problem("unknown name ", in_quotes(name), "; known are ", kMountPoint, ", ", kMapping, " and ", kBlackList);
    }
  }
  if (!json.contains(kMountPoint) || !json[kMountPoint].is_string()) {
    return problem(kMountPoint,
                   " is missing, or no string; it is the path that the cache is mounted at, such as \"/cache-only\"");
  }
  ASSIGN_OR_RETURN(mapping_.mount_point, path_of(kMountPoint, json[kMountPoint].get<std::string>()));
  if (json.contains(kBlackList)) TRY(read_black_list(json[kBlackList]));
  if (!json.contains(kMapping)) return problem(kMapping, " is missing; {} if nothing is to be persisted");
  TRY(read_mapping(json[kMapping]));
  return std::move(mapping_);
}

}  // namespace

Result<MappingFile> parse_mapping_file(std::string_view file, std::string_view text) { return Parser(file, text).run(); }

}  // namespace forebay::master
