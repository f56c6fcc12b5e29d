// What every store must do (the cases are in store_contract.cc). A store's test instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(StoreMaker{[] { return std::make_unique<MemoryWorld>(); }}));
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kv/store.h"

namespace forebay::kv {

// Where a store lives: opened, closed and opened again, with or without the death of its process in between.
class StoreWorld {
 public:
  virtual ~StoreWorld() = default;
  virtual Result<std::unique_ptr<Store>> open() = 0;
};

struct StoreMaker {
  std::function<std::unique_ptr<StoreWorld>()> make;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline Pairs all_in(const Reader& reader, std::string_view begin, std::string_view end) {
  Pairs pairs;
  auto scanned = reader.scan(begin, end, [&](std::string_view key, std::string_view value) {
    pairs.emplace_back(key, value);
    return true;
  });
  EXPECT_TRUE(scanned) << scanned.error().to_string();
  return pairs;
}

inline std::optional<std::string> value_of(const Reader& reader, std::string_view key) {
  auto value = reader.get(key);
  EXPECT_TRUE(value) << value.error().to_string();
  return value ? *value : std::nullopt;
}

class StoreContract : public testing::TestWithParam<StoreMaker> {
 protected:
  void SetUp() override {
    world_ = GetParam().make();
    reopen();
  }
  void reopen() {
    store_.reset();
    auto opened = world_->open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
  }
  void put(std::string_view key, std::string_view value) {
    WriteBatch batch;
    batch.put(key, value);
    write(batch);
  }
  void erase(std::string_view key) {
    WriteBatch batch;
    batch.erase(key);
    write(batch);
  }
  void write(const WriteBatch& batch) {
    auto written = store_->write(batch);
    ASSERT_TRUE(written) << written.error().to_string();
  }

  std::unique_ptr<StoreWorld> world_;
  std::unique_ptr<Store> store_;
};

}  // namespace forebay::kv
