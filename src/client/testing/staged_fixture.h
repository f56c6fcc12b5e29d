// A client on the host of a worker that stages.
#pragma once

#include "client/testing/client_fixture.h"
#include "os/memory_file.h"

namespace forebay::client {

inline constexpr OpenFlags kStage{.read = true, .write = true, .stage = true};

class StagedTest : public ClientTest {
 protected:
  StagedTest() {
    add_worker(3, "c");  // on the client's own host
    master().workers.front().set_live(false);
    master().full = {1, 2};
  }

  // What the kernel, or a mapping, does with the file that the client named.
  std::unique_ptr<os::File> kernel(File& file) {
    std::optional<Backing> backing = run(file.backing());
    EXPECT_TRUE(backing && backing->writable);
    if (!backing) return nullptr;
    return *client_process->env().files.open(worker(3).path_of(backing->object.value), os::OpenMode::kReadWrite);
  }
  uint64_t object_of(InodeId inode) {
    auto extents = master().files.at(inode.value).extents.all();
    return extents.empty() ? 0 : extents.front().object.value;
  }
  Result<void> close(std::unique_ptr<File>& file) { return run(file->close()); }
  // Lets what runs in the background come to its end.
  static Task<bool> pause(os::Clock* clock, Duration time) {
    co_await clock->sleep(time, {});
    co_return true;
  }
  void wait(Duration time) { run(pause(&client_process->env().clock, time)); }
};

}  // namespace forebay::client
