// The places settings come from, read into plain (key, value, where) rows. Nothing here knows which keys exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace forebay::config {

inline constexpr size_t kMostFileBytes = 1 << 20;  // of a configuration file

struct Entry {
  std::string key, value;
  std::string where;  // for people: "/etc/forebay/forebay.toml:12", "environment FOREBAY_LOG_LEVEL", "-D", "ALLUXIO_JAVA_OPTS"
};

// forebay.toml: tables give dotted names, "forebay." in front may be left out; lists become values separated by commas. Errors
// name file and line.
Result<std::vector<Entry>> parse_toml(std::string_view text, const std::string& file);

// A Java properties file: '=' or ':' or space after the key, '#' and '!' comments, '\' at a line's end, \uXXXX. A value with ${…}
// is an error: nothing is substituted.
Result<std::vector<Entry>> parse_properties(std::string_view text, const std::string& file);

// The -Dkey=value words of a *_JAVA_OPTS variable; all others (-Xmx24g, -XX:…, -server) are ignored. Quotes join words as in a
// shell.
std::vector<Entry> parse_java_options(std::string_view text, const std::string& where);

// "key=value" behind -D.
Result<Entry> parse_define(std::string_view text);

}  // namespace forebay::config
