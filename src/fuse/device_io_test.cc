#include "fuse/device_io.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>

#include <cstring>
#include <string>

namespace forebay::fuse {
namespace {

template <class Body>
std::string message(uint32_t opcode, const Body& body) {
  const fuse_in_header header{.opcode = opcode, .pid = 77};
  std::string bytes(sizeof header + sizeof body, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, &body, sizeof body);
  return bytes;
}
RequestShape shape(const std::string& bytes) { return shape_of(bytes.data(), bytes.size()); }

TEST(ShapeOfRequest, is_what_it_or_its_answer_moves_and_who_waits_for_it) {
  const RequestShape read = shape(message(FUSE_READ, fuse_read_in{.size = 1 << 20}));
  EXPECT_EQ(read.thread, 77);
  EXPECT_EQ(read.moves, size_t{1} << 20);
  EXPECT_FALSE(read.detached);
  EXPECT_EQ(shape(message(FUSE_READDIRPLUS, fuse_read_in{.size = 4096})).moves, 4096u);
  const std::string write = message(FUSE_WRITE, fuse_write_in{.size = 5000}) + std::string(5000, 'x');
  EXPECT_EQ(shape(write).moves, write.size());
}

TEST(ShapeOfRequest, nobody_waits_for_what_is_forgotten_or_released) {
  for (uint32_t opcode : {FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_RELEASE, FUSE_RELEASEDIR, FUSE_INTERRUPT})
    EXPECT_TRUE(shape(message(opcode, fuse_release_in{})).detached) << opcode;
  EXPECT_TRUE(shape("cut").detached);
  EXPECT_EQ(shape(message(FUSE_READ, uint32_t{0})).thread, 77);  // cut behind its head
}

}  // namespace
}  // namespace forebay::fuse
