// All sources of settings, in their order of precedence.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "os/file.h"

namespace forebay::config {

// Who reads the settings: decides which *_JAVA_OPTS variables apply.
enum class Role { kMaster, kWorker, kCoordinator, kFuse, kClient };

// Weakest first: the defaults, alluxio-site.properties, forebay.toml, *_JAVA_OPTS variables, FOREBAY_* variables, -D.
struct Sources {
  Role role = Role::kClient;
  std::optional<std::string> toml;        // a file that was asked for: it has to be there
  std::optional<std::string> properties;  // likewise
  std::map<std::string, std::string> environment;
  std::vector<std::string> defines;  // "key=value" of each -D
};

struct Loaded {
  Settings settings;
  std::vector<std::string> warnings;  // one for each key that is not known or has no effect
};

// Reads everything; the error's message lists all that is wrong, a line each. An unknown forebay.* key is an error, another
// unknown key a warning.
Result<Loaded> load(const Sources& sources, os::FileSystem& files);

// Where files are found when none is named: $FOREBAY_CONF, else /etc/forebay/forebay.toml;
// $ALLUXIO_CONF_DIR/alluxio-site.properties, else $ALLUXIO_HOME/conf/…, else /etc/forebay/alluxio-site.properties. A variable
// that names a missing file is an error later; a missing file in a default place is none.
Result<void> find_files(Sources& sources, os::FileSystem& files);

std::map<std::string, std::string> process_environment();

}  // namespace forebay::config
