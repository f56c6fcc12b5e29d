// What a page store tells about itself.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace forebay::worker {

// Called on the page store's executor, at the moment it happens: an implementation only counts. Outlives the store.
class PageEvents {
 public:
  virtual ~PageEvents() = default;
  virtual void page_hit(uint64_t /*bytes*/) {}                      // from memory or disk
  virtual void page_fetched(uint64_t /*bytes*/, bool /*ahead*/) {}  // from the under store
  virtual void fetch_failed() {}
  virtual void page_damaged() {}  // on disk: fetched again
  virtual void pages_dropped(size_t /*pages*/) {}
  virtual void page_directory_failed() {}
  virtual void page_space(uint64_t /*used*/, uint64_t /*quota*/, size_t /*pages*/) {}
};

PageEvents& no_page_events();  // drops everything

}  // namespace forebay::worker
