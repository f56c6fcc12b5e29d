#include "fuse/inode_table.h"

#include <gtest/gtest.h>

namespace forebay::fuse {
namespace {

v1::Attr attr(uint64_t inode, uint64_t layout, int64_t mtime_ns = 1) {
  v1::Attr out;
  out.set_inode(inode);
  out.set_layout(layout);
  out.set_mtime_ns(mtime_ns);
  return out;
}

TEST(InodeTable, an_unchanged_file_stays_cached_from_open_to_open) {
  InodeTable table(10);
  EXPECT_FALSE(table.keep_cache(attr(5, 1)));  // nothing is known yet
  EXPECT_TRUE(table.keep_cache(attr(5, 1)));
  EXPECT_FALSE(table.keep_cache(attr(5, 2)));  // changed by another client
  EXPECT_TRUE(table.keep_cache(attr(5, 2)));
  EXPECT_FALSE(table.keep_cache(attr(5, 2, 9)));  // the same layout, but touched
}

TEST(InodeTable, a_file_changed_here_is_read_again) {
  InodeTable table(10);
  table.keep_cache(attr(5, 1));
  table.content_changed(InodeId{5});
  EXPECT_FALSE(table.keep_cache(attr(5, 1)));
}

TEST(InodeTable, remembers_a_bounded_number_of_files_and_those_opened_last) {
  InodeTable table(2);
  table.keep_cache(attr(1, 1));
  table.keep_cache(attr(2, 1));
  EXPECT_TRUE(table.keep_cache(attr(1, 1)));
  table.keep_cache(attr(3, 1));
  EXPECT_EQ(table.remembered(), 2u);
  EXPECT_FALSE(table.keep_cache(attr(2, 1)));
}

TEST(InodeTable, an_inode_is_open_for_writing_until_its_last_writer_closes) {
  InodeTable table(2);
  table.opened_for_write(InodeId{4});
  table.opened_for_write(InodeId{4});
  table.closed_for_write(InodeId{4});
  EXPECT_TRUE(table.is_open_for_write(InodeId{4}));
  table.closed_for_write(InodeId{4});
  EXPECT_FALSE(table.is_open_for_write(InodeId{4}));
}

}  // namespace
}  // namespace forebay::fuse
