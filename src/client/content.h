// One file's bytes as this client sees them: what is committed, and what it has written since.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/extent_map.h"
#include "client/layout_cache.h"
#include "forebay/v1/namespace.pb.h"

namespace forebay::client {

// A part of a read: bytes of an object, or zeros (object 0). Those of an inline object come along.
struct Piece {
  uint64_t offset = 0, length = 0;
  ObjectId object;
  uint64_t object_offset = 0;
  bool committed = true;
  std::shared_ptr<const std::string> inlined = {};
};

struct Found {
  uint64_t size = 0;                     // of the file
  std::vector<Piece> pieces;             // in order, without gaps, up to the size or `unknown_from`
  std::optional<uint64_t> unknown_from;  // the layout from here on has to be fetched first
  uint64_t moves = 0;                    // see Content::moves()
  uint64_t layout = 0;                   // that the committed pieces are of
};

// Extents in three layers, the upper hiding the lower: written (not committed), being committed, committed. Appended bytes stand
// at provisional offsets until their commit says where they went. Owned by a FileState. Any thread, never blocks. Does no I/O.
// Limits: the committed layer by its cache's; the upper two by the writer, which commits when they grow (ClientConfig).
class Content {
 public:
  explicit Content(size_t max_cached_extents) : committed_(max_cached_extents) {}

  // -- what the master says --
  void adopt(const v1::Layout& page, uint64_t from);
  // A newer layout than the one known makes what is cached out of date.
  void adopt(const v1::Attr& attr);
  void forget_layout();
  void truncated(const v1::Attr& attr);
  // The file was emptied by an open with `truncate`: what was written before is gone.
  void discard_written();

  // -- writing: calls are ordered by the file's writing lock --
  void placed(ObjectId object, const std::vector<WorkerId>& workers);  // where a new object is
  void lay(const Extent& extent);
  void lay_appended(const Extent& extent);  // its offset is end()
  void move(ObjectId from, uint64_t from_offset, uint64_t length, ObjectId to, uint64_t to_offset);
  // Changes whenever bytes that were not acknowledged move to another object: a reader that saw another value reads again.
  uint64_t moves() const;
  bool has_appended() const;
  // The one written extent that holds all of [offset, offset + length), if there is one.
  std::optional<Extent> written_whole(uint64_t offset, uint64_t length) const;
  // Bytes of a written extent became others where they are.
  void overwritten();
  size_t written_extents() const;

  // -- committing: calls are ordered by the file's committing lock --
  // Takes up to `most` written extents, in an order that gives the same content when they are laid one after the other.
  std::vector<v1::NewExtent> begin_commit(size_t most);
  // `inlined`: what the object contains that the reply names, as the extents do by now.
  void finish_commit(const std::vector<v1::NewExtent>& extents, const v1::CommitReply& reply,
                     std::shared_ptr<const std::string> inlined = {});

  // -- reading --
  Found find(uint64_t offset, uint64_t length) const;
  std::vector<WorkerId> locate(ObjectId object) const;
  uint64_t size() const;
  uint64_t committed_size() const;
  size_t known_extents() const;  // of the committed layer
  std::vector<Extent> known_layout() const;
  uint64_t layout() const;
  // Counts what a read could tell: the same value before and after means the same bytes.
  uint64_t changes() const;
  bool has_uncommitted() const;
  // Size as this client sees it.
  void merge_into(v1::Attr& attr) const;

 private:
  uint64_t size_locked() const;
  void find_committed(uint64_t begin, uint64_t end, Found& found) const;

  mutable std::mutex mutex_;
  LayoutCache committed_;
  uint64_t committed_size_ = 0;
  ExtentMap written_, committing_;
  std::optional<uint64_t> append_base_;                    // written extents from here on are appended
  std::map<ObjectId, std::vector<WorkerId>> own_objects_;  // of written and committing extents, and not yet in the layout
  uint64_t moves_ = 0, changes_ = 0;
};

}  // namespace forebay::client
