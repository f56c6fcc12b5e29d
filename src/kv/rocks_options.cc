#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <memory>

#include "kv/rocks_internal.h"

namespace forebay::kv {
namespace {

// By itself RocksDB looks for space every 5 seconds, on a thread of its own; the store looks when it is asked to write.
class NoAutomaticRecovery : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* automatic) override { *automatic = false; }
};

}  // namespace

rocksdb::Options rocks_options(const RocksConfig& config, rocksdb::Env* env) {
  rocksdb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.paranoid_file_checks = config.paranoid_file_checks;

  // Two write buffers and at most one flush at a time: with more, this version can replay a failed flush out of order.
  options.write_buffer_size = config.write_buffer_bytes;
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.level_compaction_dynamic_level_bytes = true;
  options.target_file_size_base = 64 * kMiB;
  options.max_bytes_for_level_base = 256 * kMiB;
  options.bytes_per_sync =
      kMiB;  // table files reach the disk while they are written, not in one burst before the sync of the log

  // One writer: the queue of writers and the concurrent insert only cost.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  // Inodes, handles and outcomes are written in ascending order: each kind goes on where its last one was put.
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  options.memtable_prefix_bloom_size_ratio = 0.05;
  options.memtable_whole_key_filtering = true;  // most creates look for a name that is not there

  // Keys are a tag and numbers of 8 bytes: the first 9 bytes name a directory, a handle, a session (see schema.h of the master).
  options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(9));
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(config.block_cache_bytes, 4, false, 0.3);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.optimize_filters_for_memory = true;
  table.block_size = 8 * kKiB;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  const auto supported = rocksdb::GetSupportedCompressions();
  options.compression = std::ranges::find(supported, rocksdb::kLZ4Compression) != supported.end() ? rocksdb::kLZ4Compression
                                                                                                  : rocksdb::kNoCompression;
  options.keep_log_file_num = 3;
  options.max_log_file_size = 4 * kMiB;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  options.max_bgerror_resume_count = 0;
  options.listeners.push_back(std::make_shared<NoAutomaticRecovery>());
  return options;
}

}  // namespace forebay::kv
