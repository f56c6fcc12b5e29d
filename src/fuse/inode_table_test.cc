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

TEST(InodeTable, a_removed_is_shown_without_links_as_long_as_it_is_remembered) {
  InodeTable table(2);
  const auto directory_of = [](uint64_t inode) {
    v1::Attr out = attr(inode, 0);
    out.set_type(v1::FILE_TYPE_DIRECTORY);
    out.set_mode(0750);
    out.set_nlink(2);
    return out;
  };
  table.show(directory_of(7));
  table.show(directory_of(7));
  EXPECT_EQ(table.removed(InodeId{7})->mode(), 0750u);
  EXPECT_EQ(table.removed(InodeId{7})->nlink(), 0u);
  table.show(directory_of(8));
  table.show(directory_of(9));
  EXPECT_FALSE(table.removed(InodeId{7}).has_value());
}

TEST(InodeTable, a_file_is_privileged_as_long_as_it_was_shown_so_last) {
  InodeTable table(2);
  v1::Attr file = attr(7, 0);
  file.set_type(v1::FILE_TYPE_REGULAR);
  file.set_nlink(1);
  for (uint32_t mode : {0755u, 04755u, 0755u, 02755u}) {
    file.set_mode(mode);
    table.show(file);
    EXPECT_EQ(table.is_privileged(InodeId{7}), mode != 0755) << mode;
  }
  EXPECT_FALSE(table.removed(InodeId{7}).has_value());
}

TEST(InodeTable, an_open_file_without_a_name_is_privileged_like_any_other) {
  InodeTable table(2);
  v1::Attr file = attr(7, 0);
  file.set_type(v1::FILE_TYPE_REGULAR);
  file.set_nlink(0);
  file.set_mode(06755);
  table.show(file);
  EXPECT_TRUE(table.is_privileged(InodeId{7}));
}

TEST(InodeTable, set_user_id_is_shown_only_by_what_went_to_the_kernel) {
  InodeTable table(10);
  v1::Attr file = attr(7, 0);
  file.set_type(v1::FILE_TYPE_REGULAR);
  file.set_mode(04755);
  table.note_privilege(file);
  EXPECT_FALSE(table.is_set_id_shown(InodeId{7}));
  table.show(file);
  EXPECT_TRUE(table.is_set_id_shown(InodeId{7}));
  table.note_privilege(file);
  EXPECT_TRUE(table.is_set_id_shown(InodeId{7}));
  file.set_mode(02755);
  table.note_privilege(file);
  EXPECT_FALSE(table.is_set_id_shown(InodeId{7})) << "another bit than was shown";
  table.show(file);
  EXPECT_TRUE(table.is_set_id_shown(InodeId{7}));
  file.set_mode(0755);
  table.note_privilege(file);
  EXPECT_FALSE(table.is_set_id_shown(InodeId{7}));
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

TEST(InodeTable, a_capability_is_a_privilege_until_attributes_say_otherwise) {
  InodeTable table(10);
  v1::Attr attr;
  attr.set_inode(7);
  attr.set_type(v1::FILE_TYPE_REGULAR);
  table.show(attr);
  EXPECT_FALSE(table.is_privileged(InodeId{7}));
  attr.set_capability(true);
  table.note_privilege(attr);
  EXPECT_TRUE(table.is_privileged(InodeId{7}));
  attr.set_capability(false);
  table.show(attr);
  EXPECT_FALSE(table.is_privileged(InodeId{7}));
}

}  // namespace
}  // namespace forebay::fuse
