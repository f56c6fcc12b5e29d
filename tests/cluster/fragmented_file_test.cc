// A file that is written over in small pieces for a long time.
#include <gtest/gtest.h>

#include <cstdlib>

#include "model_content.h"
#include "os/sim_random.h"
#include "small_cluster.h"

namespace forebay::cluster {
namespace {

const client::Identity kSuperuser;
constexpr uint64_t kFileBytes = 256 * kKiB;
constexpr uint64_t kPieceBytes = 32;

size_t extents_of(SmallCluster& cluster, InodeId inode) {
  size_t extents = 0;
  uint64_t offset = 0;
  for (bool more = true; more;) {
    Result<v1::Layout> page = cluster.run(cluster.client(1).layout(kSuperuser, inode, offset));
    EXPECT_TRUE(page) << page.error().to_string();
    if (!page || page->extents_size() == 0) break;
    extents += static_cast<size_t>(page->extents_size());
    const v1::Extent& last = page->extents(page->extents_size() - 1);
    offset = last.file_offset() + last.length();
    more = page->more();
  }
  return extents;
}

std::string read_all(SmallCluster& cluster, client::File& file) {
  std::string text(kFileBytes + 1, '#');
  Result<size_t> length = cluster.run(file.pread(std::as_writable_bytes(std::span(text)), 0));
  EXPECT_TRUE(length) << length.error().to_string();
  text.resize(length.value_or(0));
  return text;
}

// Without compaction there would be some 10,000 extents, and the space of nearly all that was ever written.
TEST(FragmentedFile, a_million_small_overwrites_leave_it_readable_in_few_extents_and_little_space) {
  SmallCluster cluster(1);
  Result<void> started = cluster.start();
  ASSERT_TRUE(started) << started.error().to_string();
  auto created = cluster.run(cluster.client(0).create(kSuperuser, kRootInode, "f", 0644, {.write = true}, true));
  ASSERT_TRUE(created) << created.error().to_string();
  client::File& file = *created->file;
  std::string model(kFileBytes, '.');
  ASSERT_TRUE(cluster.run(file.pwrite(as_bytes(model), 0)));
  os::SimRandom random(1);
  const char* asked = std::getenv("FOREBAY_OVERWRITES");
  const int overwrites = asked == nullptr ? 1'000'000 : std::atoi(asked);
  for (int i = 1; i <= overwrites; ++i) {
    const uint64_t at = random.below(kFileBytes - kPieceBytes);
    const std::string piece(kPieceBytes, static_cast<char>(random.next()));
    model.replace(at, piece.size(), piece);
    Result<void> written = cluster.run(file.pwrite(as_bytes(piece), at));
    ASSERT_TRUE(written) << written.error().to_string();
    if (i % 100'000 != 0) continue;
    ASSERT_EQ(difference(model, read_all(cluster, file)), "");
    EXPECT_LT(extents_of(cluster, file.inode()), 2'000u) << "after " << i;
  }
  ASSERT_TRUE(cluster.run(file.close()));
  cluster.world().run_for(std::chrono::minutes(1));
  EXPECT_LT(extents_of(cluster, file.inode()), 200u);
  EXPECT_LT(cluster.objects(), 50u);
  auto reader = cluster.run(cluster.client(1).open(kSuperuser, file.inode(), {}));
  ASSERT_TRUE(reader);
  EXPECT_EQ(difference(model, read_all(cluster, **reader)), "");
  ASSERT_TRUE(cluster.run((*reader)->close()));
}

}  // namespace
}  // namespace forebay::cluster
