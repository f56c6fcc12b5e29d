// The C++ client: everything that FUSE, the CLI and the bindings do goes through here.
//
// Semantics are POSIX.1-2017's where a call has a namesake. Errors: Status; forebay::to_errno gives what the system call would
// return.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/units.h"
#include "forebay/v1/admin.pb.h"
#include "forebay/v1/namespace.pb.h"
#include "obs/log.h"
#include "os/env.h"
#include "os/file.h"

namespace forebay::client {

// Whose permissions apply, and to which operation. Superuser: uid 0.
struct Identity {
  uint32_t uid = 0, gid = 0;
  std::vector<uint32_t> groups;
  TraceId trace;  // of the operation, for the logs of all roles and for its error; none: each call to a master gets its own
};

class PersistControl;  // client/persist_control.h

// A file of this host's file system that holds the bytes of a whole open file, each at its place, and no others.
struct Backing {
  std::shared_ptr<os::File> file;  // open for reading. Shared with whoever keeps it
  ObjectId object;                 // the same one: the same file
  bool writable = false;           // what is written there is part of the file, once it is flushed
};

// Writing in the background: nothing is written by descriptor or staged, everything goes through buffers of this client.
struct MultipartUpload {
  size_t threads = 16;  // frames of up to 1 MiB on their way to workers at once, of all files
  // All memory that buffered writes take, exactly. It is not dealt out in whole buffers: whichever file is written takes what it
  // needs.
  size_t buffers = 16;
  uint64_t buffer_bytes = 64 * kMiB;
};

struct ClientConfig {
  std::vector<os::Address> masters;  // tried in order; the leader answers
  std::string name;                  // for people: "fuse /mnt/x", "cli put"
  v1::Durability durability = v1::DURABILITY_PAGE_CACHE;
  bool short_circuit = true;                 // write and read local objects by descriptor
  bool verify_reads = false;                 // read local objects through the worker too, which checks them against their seal
  uint64_t object_bytes = 64 * kMiB;         // a new object is begun after so many
  size_t stream_window = 8;                  // frames of up to 1 MiB in flight for one file being streamed
  uint64_t write_buffer_bytes = 256 * kMiB;  // of all files of this client, at least 1 MiB; more writes wait
  std::optional<MultipartUpload> multipart_upload;  // its limits then take the place of write_buffer_bytes and stream_window
  Duration retry_for = std::chrono::seconds(60);    // how long a call is repeated while masters or workers do not answer

  uint64_t first_object_bytes = kMiB;  // of a file: most are small. The next ones are 8 times the one before, up to object_bytes
  // Shorter objects go through the socket when they are flushed: in one round trip, with no descriptor passed, and with no more
  // space reserved than they take.
  uint64_t descriptor_from_bytes = 128 * kKiB;
  // Their space is held at their worker in advance, at each so much more than is in use; 0: each reserves its own when it is
  // begun.
  uint64_t hold_bytes = kMiB;
  uint64_t max_hold_bytes = 16 * kMiB;
  size_t staged_ready = 8;  // staged objects that wait for files, while such files are created one after the other; 0: none
  Duration hold_idle = std::chrono::seconds(10);  // a hold that nobody uses is given back
  // Content of a file up to so many bytes is kept by the master: no worker is asked. 0: never; no more than the master takes.
  uint64_t inline_bytes = 0;
  Duration longest_pause = std::chrono::seconds(5);   // of one write, while writers are slowed; 0: none is slowed
  Duration worker_stall = std::chrono::seconds(5);    // a write that a worker did not answer goes elsewhere
  Duration seal_patience = std::chrono::seconds(10);  // then a close leaves sealing to the master
  Duration worker_pause = std::chrono::seconds(10);   // a worker that failed this client gets no new object for so long
  size_t read_window = 8;  // requests of up to 1 MiB in flight for one read, and for one object that is fetched ahead
  uint64_t read_ahead_bytes = 8 * kMiB;          // fetched ahead of one sequential reader; 0: none
  uint64_t read_ahead_most_bytes = 64 * kMiB;    // of one that is faster than that: it reads from several workers at once
  uint64_t read_ahead_total_bytes = 256 * kMiB;  // of all readers; beyond it no further reader gets any
  size_t max_channels = 512;                     // connections; beyond it idle ones are closed
  size_t max_descriptors = 256;  // of local objects open for reading; beyond it the least recently used are closed
  Duration descriptor_idle = std::chrono::seconds(5);  // one not used for this long, at most twice that, is closed
  size_t max_commit_extents = 2048;  // of one file, not committed: then a write commits them. The master takes 4,096 at once
  // Compaction: neighbouring extents shorter than compact_extent_bytes are written together, in slices, when a file has
  // compact_from_extents or more and that halves them; objects that are mostly dead, when they keep compact_dead_bytes.
  size_t compact_from_extents = 512;  // 1 to 1,024; 0: no compaction by this client
  uint64_t compact_extent_bytes = 64 * kKiB;
  uint64_t compact_dead_bytes = 64 * kMiB;
  uint64_t compact_slice_bytes = 8 * kMiB;  // or an eighth of write_buffer_bytes
  size_t max_layout_extents = 64 * 1024;    // cached of one file, 6 MiB; beyond it the cache starts anew
};

struct FallocateMode {
  bool zero = false, keep_size = false;
};

// One open file. All handles of one inode in one client share its state, so each sees the others' writes at once. Any thread;
// calls on one file may run concurrently, overlapping ones in some order. After a failed flush every further write, fsync and the
// close of this handle fail with that error until the file is opened again. close() before destruction: a handle that is only
// destroyed is closed in the background, and its error is logged.
class File {
 public:
  virtual ~File() = default;
  virtual InodeId inode() const = 0;
  // Bytes read; short only at the end of the file. Sees this client's own writes, and what others had committed at the open or
  // since.
  virtual Task<Result<size_t>> pread(MutableBytes into, uint64_t offset) = 0;
  // All of it or an error. Returns when the bytes are stored or buffered; a write that succeeded never fails later for lack of
  // space.
  virtual Task<Result<void>> pwrite(Bytes data, uint64_t offset) = 0;
  // Atomically at the end of the file as the master sees it when the bytes are committed (O_APPEND).
  virtual Task<Result<void>> append(Bytes data) = 0;
  virtual Task<Result<void>> truncate(uint64_t size) = 0;
  // The file grows to the end of the range unless it keeps its size; with `zero` the range becomes a hole. EOPNOTSUPP: neither.
  virtual Task<Result<void>> fallocate(uint64_t offset, uint64_t length, FallocateMode mode) = 0;
  // Stored on all copies and committed, at the durability asked for here or, if stronger, the file's own: also what was written
  // and closed before, through whichever handle, at a weaker one.
  virtual Task<Result<void>> fsync(v1::Durability durability) = 0;
  // What close(2) promises is done here and may be repeated (dup'ed descriptors); the handle stays usable.
  virtual Task<Result<void>> flush() = 0;
  // Flushes, ends the handle; the last handle of all clients seals the version. Idempotent.
  virtual Task<Result<void>> close() = 0;
  // As close(), for a handle that was flushed: its end is told to the master a moment later, with those of others.
  virtual Task<Result<void>> release() = 0;
  // With this client's uncommitted size and times.
  virtual Task<Result<v1::Attr>> attr() = 0;
  // As the open found it, and with what this client has changed since; asks nobody.
  virtual v1::Attr opened_attr() const = 0;
  // Where the kernel may read, or write, the bytes itself from now on until this handle is closed. None: through here only.
  virtual Task<std::optional<Backing>> backing() { co_return std::nullopt; }
};

struct OpenFlags {
  bool read = true, write = false, append = false, truncate = false;
  // If it begins empty: in a file of a worker on this host that has room, which others may write, as File::backing() says.
  bool stage = false;
  // Others have this sealed object's file open as the whole of the file, and are to see what this open writes: its bytes go to
  // that file, if it is still the whole of the file. An open that cannot have it so fails: ENOSPC, or ETXTBSY.
  ObjectId fork_from = {};
};

struct Created {
  std::unique_ptr<File> file;
  v1::Attr attr;
  bool created;  // false: it existed and was opened
};

// A file to be put as a whole.
struct NewFile {
  InodeId parent;
  std::string name;
  uint32_t mode = 0644;    // if it is made; umask applied
  Bytes content;           // stays valid during the call
  bool exclusive = false;  // EEXIST instead of replacing what is there
};

struct EntryName {
  InodeId parent;
  std::string name;
};

struct Listed {
  std::vector<v1::DirEntry> entries;
  bool end;
  InodeId parent;
};

// One per process and cluster. Owned by main() or the mount. Any thread; coroutines resume on the caller's executor.
class Client {
 public:
  // Connects, begins a session, starts its heartbeat on `executors` (each single-threaded). Fails after `retry_for`.
  static Task<Result<std::unique_ptr<Client>>> start(os::Env& env, obs::Log& log, ClientConfig config,
                                                     std::vector<async::Executor> executors);
  virtual ~Client() = default;
  // Closes what is open, ends the session, stops. While no master answers it gives up after `retry_for` and the deadline of one
  // call, however many files are open.
  virtual Task<void> stop() = 0;
  // For an operation of several calls: goes into each one's Identity. What is done for an open file has the trace of its open.
  virtual TraceId new_trace() = 0;

  // -- by inode (FUSE) --
  virtual Task<Result<v1::Attr>> lookup(Identity who, InodeId parent, std::string name) = 0;
  virtual Task<Result<v1::Attr>> get_attr(Identity who, InodeId inode) = 0;  // with uncommitted size and times of files open here
  virtual Task<Result<v1::Attr>> set_attr(Identity who, v1::SetAttrRequest change,
                                          File* handle) = 0;  // handle: for ftruncate, else nullptr
  virtual Task<Result<Listed>> read_dir(Identity who, InodeId inode, std::string after, uint32_t limit, bool attributes) = 0;
  virtual Task<Result<v1::Attr>> make_dir(Identity who, InodeId parent, std::string name, uint32_t mode) = 0;
  virtual Task<Result<v1::Attr>> make_node(Identity who, v1::MakeNodeRequest request) = 0;
  virtual Task<Result<v1::Attr>> make_symlink(Identity who, InodeId parent, std::string name, std::string target) = 0;
  virtual Task<Result<v1::Attr>> link(Identity who, InodeId inode, InodeId parent, std::string name) = 0;
  virtual Task<Result<void>> unlink(Identity who, InodeId parent, std::string name) = 0;
  virtual Task<Result<void>> remove_dir(Identity who, InodeId parent, std::string name) = 0;
  virtual Task<Result<void>> remove_tree(Identity who, InodeId parent, std::string name) = 0;
  virtual Task<Result<void>> rename(Identity who, v1::RenameRequest request) = 0;
  virtual Task<Result<v1::StatFsReply>> stat_fs() = 0;
  virtual Task<Result<Created>> create(Identity who, InodeId parent, std::string name, uint32_t mode, OpenFlags flags,
                                       bool exclusive) = 0;
  virtual Task<Result<std::unique_ptr<File>>> open(Identity who, InodeId inode, OpenFlags flags) = 0;
  // A file without a name, open for writing; gone with its last handle unless link() has named it, which `linkable` allows.
  virtual Task<Result<Created>> create_unnamed(Identity who, InodeId parent, uint32_t mode, OpenFlags flags, bool linkable) = 0;
  virtual Task<Result<v1::Attr>> set_xattr(Identity who, v1::SetXattrRequest request) = 0;
  virtual Task<Result<std::string>> get_xattr(Identity who, InodeId inode, std::string name) = 0;
  virtual Task<Result<std::vector<std::string>>> list_xattrs(Identity who, InodeId inode) = 0;
  virtual Task<Result<v1::Attr>> remove_xattr(Identity who, InodeId inode, std::string name) = 0;

  // Without asking: sizes and times of files open here are put in that the master does not know yet.
  virtual v1::Attr with_local_changes(v1::Attr attr) = 0;
  // Without asking: a directory as a change by this client left it, less than so long ago. Nothing: ask.
  virtual std::optional<v1::Attr> changed_directory(InodeId directory, Duration not_older) const = 0;

  // -- whole files, and many at once: one round trip for small ones (ClientConfig::inline_bytes). A reader sees the old content
  // or the new one. What one item comes to is its own; an error of the call leaves open what has happened to the items not told
  // --
  virtual Task<Result<v1::Attr>> put(Identity who, NewFile file) = 0;
  virtual Task<Result<std::vector<Result<v1::Attr>>>> put_many(Identity who, std::vector<NewFile> files) = 0;
  virtual Task<Result<std::vector<Result<v1::Attr>>>> lookup_many(Identity who, std::vector<EntryName> entries) = 0;
  virtual Task<Result<std::vector<Result<void>>>> unlink_many(Identity who, std::vector<EntryName> entries) = 0;

  // -- the cache and the under store; each a bounded part, as the reply says --
  virtual Task<Result<v1::RestoreReply>> restore(Identity who, InodeId inode, uint64_t offset, uint64_t length) = 0;
  virtual Task<Result<v1::FreeReply>> free(Identity who, InodeId inode, bool force) = 0;
  virtual Task<Result<v1::Attr>> set_pinned(Identity who, InodeId inode, bool pinned) = 0;
  virtual Task<Result<v1::Attr>> set_ttl(Identity who, v1::SetTtlRequest request) = 0;

  // -- by path (CLI, library); absolute, or relative to the root --
  virtual Task<Result<v1::ResolveReply>> resolve(Identity who, std::string path, bool follow) = 0;

  // -- cluster --
  virtual Task<Result<v1::Layout>> layout(Identity who, InodeId inode, uint64_t offset) = 0;  // where the bytes are
  virtual Task<Result<std::vector<v1::WorkerAddress>>> workers() = 0;
  virtual Task<Result<v1::ReportReply>> report() = 0;
  // Writes that are buffered here.
  struct WriteMemory {
    uint64_t limit = 0, used = 0, most_used = 0;  // bytes
    // Between two acknowledgements of frames by workers, while there was something to send.
    Duration longest_gap{};
  };
  virtual WriteMemory write_memory() const { return {}; }
  // What this client has to say of itself, for people, in reports: at most 256 bytes. Told with the next renewal of its session.
  virtual void describe(std::string) {}
  // Called with +1 when a write or flush begins to wait because writers are slowed, and with -1 when it goes on. Set while no
  // call is under way.
  virtual void when_slowed(std::function<void(int)>) {}
  virtual std::unique_ptr<PersistControl> persistence() = 0;  // the client outlives it
  // Of a file that others write as File::backing() says: whether they know that it has set-user-id or set-group-id, and so take
  // them away before somebody unprivileged writes. Then its commits leave them. From any thread; set before the first open.
  virtual void leave_privilege(std::function<bool(InodeId)>) {}
};

}  // namespace forebay::client
