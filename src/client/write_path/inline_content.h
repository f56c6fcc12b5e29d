// The bytes of a small file on their way into a commit.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/ids.h"
#include "client/byte_budget.h"

namespace forebay::client {

// What a commit carries to the master instead of naming an object (design: way 3). Bytes wait here, wherever they belong in the
// file, under a provisional object's id that extents name until the commit has said which object they have become. Owned by a
// FileWriter, which limits what is given and orders append(), overwrite(), hand_over(), begin_commit() by the file's writing
// lock; committed() by its committing lock; copy() from any thread. The bytes take buffer budget until they are committed or
// gone.
class InlineContent {
 public:
  // `budget`: of the client's buffers. `held`: the part of it that may wait until somebody asks for it.
  InlineContent(ByteBudget& budget, ByteBudget& held) : budget_(budget), held_(held) {}
  ~InlineContent();
  InlineContent(const InlineContent&) = delete;
  InlineContent& operator=(const InlineContent&) = delete;

  static bool is_provisional(ObjectId object) { return object.value >= kFirstProvisional; }

  size_t size() const;
  ObjectId object() const;      // of the bytes that wait
  uint64_t append(Bytes data);  // takes over its budgets, both; where it is
  void overwrite(Bytes data, uint64_t at);
  void discard();  // nothing shows them any more

  // Those that have no other place yet, and where they begin, when the file has become too long; hand_over() tells how many of
  // them have one now, and memory of their own there.
  std::pair<uint64_t, std::string> copy_rest() const;
  void hand_over(size_t bytes);

  // For the commit that is about to be made. `last`: it names all that wait; what is appended from now on waits for the next.
  // Null: nothing waits.
  std::shared_ptr<const std::string> begin_commit(bool last);
  void committed();

  // False: they are not here.
  bool copy(ObjectId object, uint64_t at, MutableBytes into) const;

 private:
  static constexpr uint64_t kFirstProvisional = uint64_t{1} << 63;
  struct Batch {
    ObjectId object;
    std::shared_ptr<std::string> bytes;  // shared with a commit on its way
    size_t charged = 0;
    size_t handed_over = 0;  // so many, the first, are elsewhere
  };
  void drop_locked(Batch& batch);

  ByteBudget& budget_;
  ByteBudget& held_;
  mutable std::mutex mutex_;
  Batch waiting_{ObjectId{kFirstProvisional}, std::make_shared<std::string>()};
  Batch committing_;
};

}  // namespace forebay::client
