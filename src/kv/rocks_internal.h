// For rocks_store.cc and its test, which puts a faulty file system below RocksDB.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include "kv/rocks_store.h"

namespace forebay::kv {

// `env` outlives the store.
Result<std::unique_ptr<Store>> open_rocks_store(const RocksConfig& config, rocksdb::Env* env);

rocksdb::Options rocks_options(const RocksConfig& config, rocksdb::Env* env);

}  // namespace forebay::kv
