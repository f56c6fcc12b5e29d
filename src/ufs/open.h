// From a mount's URI and options to a store.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "obs/log.h"
#include "os/env.h"
#include "ufs/s3/credentials.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

// As the mount has them: names as in docs/reference/under-stores.md.
using StoreOptions = std::map<std::string, std::string>;

// Opens nothing and asks nobody: a wrong URI or option is `invalid`, naming the nearest option there is; that the store exists
// and lets us in is found by probe(). `env` and `log` outlive the store. With the option "capabilities" (Capabilities::to_text())
// the store need not be probed.
Result<std::unique_ptr<UnderStore>> open_under_store(const std::string& uri, const StoreOptions& options, os::Env& env,
                                                     obs::Log& log, Environment environment = process_environment());

// What roles take, so that a simulation can give them stores in memory.
using StoreOpener = std::function<Result<std::unique_ptr<UnderStore>>(const std::string& uri, const StoreOptions& options)>;

// For `mount list` and logs: the values of secret options replaced.
StoreOptions redacted(StoreOptions options);

}  // namespace forebay::ufs
