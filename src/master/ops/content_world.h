#pragma once

#include "master/extents/content.h"
#include "master/ops/world.h"

namespace forebay::master {

// A namespace whose files are written piece by piece.
class ContentWorld : public World {
 protected:
  // A file open for writing with one object of `bytes`.
  struct Writing {
    HandleId handle;
    InodeId inode;
    uint64_t object = 0;
  };
  Writing start(std::string_view path, uint64_t bytes = 1000) {
    auto opened = create(path, 0644, v1::ACCESS_READ_WRITE, bytes);
    EXPECT_TRUE(opened && opened->grants_size() == 1) << path;
    if (!opened || opened->grants_size() != 1) return {};
    return {HandleId{opened->handle()}, InodeId{opened->attr().inode()}, opened->grants(0).object()};
  }
  static v1::CommitRequest request_of(HandleId handle) {
    v1::CommitRequest request;
    request.set_handle(handle.value);
    return request;
  }
  static void add_sealed(v1::CommitRequest& request, uint64_t object, uint64_t length, uint32_t crc = 1) {
    v1::SealedObject& sealed = *request.add_sealed();
    sealed.set_object(object);
    sealed.set_length(length);
    sealed.set_crc32c(crc);
  }
  // "offset+length@object:object_offset" of each piece.
  std::vector<std::string> pieces(InodeId inode) {
    auto page = layout(inode);
    EXPECT_TRUE(page);
    std::vector<std::string> texts;
    if (!page) return texts;
    for (const v1::Extent& each : page->extents()) {
      texts.push_back(std::to_string(each.file_offset()) + "+" + std::to_string(each.length()) + "@" +
                      std::to_string(each.object()) + ":" + std::to_string(each.object_offset()));
    }
    return texts;
  }
  static std::string text(uint64_t offset, uint64_t length, uint64_t object, uint64_t object_offset = 0) {
    return std::to_string(offset) + "+" + std::to_string(length) + "@" + std::to_string(object) + ":" +
           std::to_string(object_offset);
  }
  using Texts = std::vector<std::string>;
};

}  // namespace forebay::master
