#include "cli/copy.h"

#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "cli/path.h"
#include "cli/progress.h"

namespace forebay::cli {
namespace {

constexpr size_t kBuffer = 1 << 20;
constexpr uint64_t kShort = 16 << 10;  // bytes of a file that is copied as a whole …
constexpr size_t kMostShort = 63;      // … with so many others: they fit in a buffer
constexpr size_t kMostQueued = 4096;   // files; the walk waits then

struct FileTask {
  std::string from, to;
  Node node;
};

uint32_t process_umask() {
  mode_t mask = umask(0);
  umask(mask);
  return mask;
}

// The walk runs on the calling thread and makes directories and links; `threads` copy the files it finds.
class Copying {
 public:
  Copying(Shell& shell, Endpoint& source, Endpoint& target, const CopyOptions& options)
      : shell_(shell),
        source_(source),
        target_(target),
        options_(options),
        mask_(process_umask()),
        progress_("copying", shell.json()) {
    for (int i = 0; i < std::max(options.threads, 1); ++i) threads_.emplace_back([this] { work(); });
  }

  void add(const std::string& from, const std::string& to) {
    Result<std::optional<Node>> node = source_.look(from, true);
    if (node && !*node) node = rejected(ENOENT, from);
    if (!node) return fail(node.error());
    if (Result<void> walked = walk(from, to, **node, 0); !walked) fail(walked.error());
  }

  Copied finish() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    // Deepest first: filling a directory changes its times.
    for (auto made = made_.rbegin(); made != made_.rend(); ++made)
      if (Result<void> set = target_.set_attributes(made->first, made->second); !set) fail(set.error());
    copied_.bytes = progress_.bytes();
    copied_.seconds = progress_.seconds();
    return copied_;
  }

 private:
  Result<void> walk(const std::string& from, const std::string& to, const Node& node, int depth) {
    switch (node.type) {
      case v1::FILE_TYPE_REGULAR:
        if (options_.force) TRY(refuse_same(from, to, node));  // it would be emptied first; otherwise what exists is refused
        enqueue({from, to, node});
        return {};
      case v1::FILE_TYPE_SYMLINK: return copy_link(to, node);
      case v1::FILE_TYPE_DIRECTORY: break;
      default: return rejected(EINVAL, from + " is neither a file nor a directory nor a symbolic link and is left out");
    }
    if (!options_.recursive) return rejected(EISDIR, from + " (-R copies directories)");
    if (depth > 2048) return rejected(ELOOP, from + ": deeper than 2048 levels");
    if (is_top(node)) return rejected(EINVAL, from + " cannot be copied into itself");
    // The owner has to be able to fill it.
    Result<void> made = target_.make_directory(to, (node.mode & ~mask_) | 0700);
    if (!made && !made.error().is_errno(EEXIST)) return made;
    TRY(refuse_same(from, to, node));
    if (depth == 0) TRY(note_top(to));
    if (made && options_.preserve) made_.emplace_back(to, node);
    count(&Copied::directories);
    return source_.list(from, [&](const std::string& name, const Node& child) -> Result<void> {
      if (Result<void> walked = walk(join_path(from, name), join_path(to, name), child, depth + 1); !walked) fail(walked.error());
      return {};
    });
  }

  bool is_within_one() const { return &source_ == &target_; }

  // Another path may lead to the same file: an alias, a symbolic or a hard link, "..".
  Result<void> refuse_same(const std::string& from, const std::string& to, const Node& node) {
    if (!is_within_one()) return {};
    ASSIGN_OR_RETURN(const std::optional<Node> there, target_.look(to, true));
    if (there && there->is_same_as(node)) return rejected(EINVAL, from + " and " + to + " are the same");
    return {};
  }

  // What is copied to may lie below what is copied; the walk must not go on in its own copy.
  Result<void> note_top(const std::string& to) {
    if (!is_within_one()) return {};
    ASSIGN_OR_RETURN(std::optional<Node> made, target_.look(to, true));
    if (made) tops_.push_back(*std::move(made));
    return {};
  }
  bool is_top(const Node& node) const {
    return std::ranges::any_of(tops_, [&](const Node& top) { return top.is_same_as(node); });
  }

  Result<void> copy_link(const std::string& to, const Node& node) {
    Result<void> made = target_.make_link(to, node.target);
    if (!made && made.error().is_errno(EEXIST) && options_.force) {
      TRY(target_.remove(to));
      made = target_.make_link(to, node.target);
    }
    if (made && options_.preserve) made = target_.set_attributes(to, node);
    if (made) count(&Copied::links);
    return made;
  }

  void enqueue(FileTask task) {
    progress_.expect(task.node.size, 1);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return queue_.size() < kMostQueued; });
    queue_.push_back(std::move(task));
    lock.unlock();
    changed_.notify_all();
  }

  void work() {
    std::vector<std::byte> buffer(kBuffer);
    for (;;) {
      const std::vector<FileTask> tasks = take();
      if (tasks.empty()) return;
      if (is_short(tasks.front()))
        copy_short(tasks, buffer);
      else
        copy_long(tasks.front(), buffer);
    }
  }

  static bool is_short(const FileTask& task) { return task.node.size <= kShort; }

  // One file, or several short ones; none at the end.
  std::vector<FileTask> take() {
    std::vector<FileTask> tasks;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !queue_.empty(); });
    while (!queue_.empty() && tasks.size() < kMostShort &&
           (tasks.empty() || (is_short(tasks.front()) && is_short(queue_.front())))) {
      tasks.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    lock.unlock();
    changed_.notify_all();
    return tasks;
  }

  void copy_long(const FileTask& task, std::vector<std::byte>& buffer) {
    Result<void> done = copy_file(task, buffer);
    if (!done) fail(done.error());
    progress_.done(0, 1);
  }

  uint32_t mode_of(const FileTask& task) const { return task.node.mode & (options_.preserve ? 07777 : 0777 & ~mask_); }
  Existing existing() const { return options_.force ? Existing::kTruncate : Existing::kRefuse; }

  // All in one step of the target. One that has grown meanwhile goes the long way.
  void copy_short(const std::vector<FileTask>& tasks, std::vector<std::byte>& buffer) {
    std::vector<WholeFile> files;
    std::vector<const FileTask*> put;
    MutableBytes room(buffer);
    for (const FileTask& task : tasks) {
      const Result<size_t> got = read_whole(task, room.first(kShort + 1));
      if (got && *got > kShort) {
        std::vector<std::byte> own(kBuffer);
        copy_long(task, own);
        continue;
      }
      if (!got) {
        fail(got.error());
        progress_.done(0, 1);
        continue;
      }
      files.push_back({task.to, mode_of(task), existing(), room.first(*got)});
      put.push_back(&task);
      room = room.subspan(*got);
    }
    const std::vector<Result<void>> outcomes = target_.put(files);
    for (size_t i = 0; i < outcomes.size(); ++i) {
      Result<void> done = outcomes[i];
      if (done && options_.preserve) done = target_.set_attributes(put[i]->to, put[i]->node);
      if (outcomes[i] && !done) (void)target_.remove(put[i]->to);
      if (done)
        count(&Copied::files);
      else
        fail(done.error());
      progress_.done(files[i].content.size(), 1);
    }
  }

  Result<size_t> read_whole(const FileTask& task, MutableBytes into) {
    ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> from, source_.open(task.from));
    return from->read_at(into, 0);
  }

  Result<void> copy_file(const FileTask& task, std::vector<std::byte>& buffer) {
    ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> from, source_.open(task.from));
    ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> to, target_.create(task.to, mode_of(task), existing()));
    Result<void> copied = copy_bytes(*from, *to, buffer);
    if (copied) copied = to->finish();
    if (copied && options_.preserve) copied = target_.set_attributes(task.to, task.node);
    if (!copied) {
      to.reset();
      (void)target_.remove(task.to);
      return copied;
    }
    count(&Copied::files);
    return {};
  }

  Result<void> copy_bytes(OpenedFile& from, OpenedFile& to, std::vector<std::byte>& buffer) {
    for (uint64_t offset = 0;;) {
      ASSIGN_OR_RETURN(size_t got, from.read_at(buffer, offset));
      if (got > 0) TRY(to.write_at(Bytes(buffer).first(got), offset));
      offset += got;
      progress_.done(got, 0);
      if (got < buffer.size()) return {};
    }
  }

  void count(uint64_t Copied::* what) {
    std::lock_guard lock(mutex_);
    ++(copied_.*what);
  }
  void fail(const Status& status) {
    std::lock_guard lock(mutex_);
    shell_.fail(status);
  }

  Shell& shell_;
  Endpoint& source_;
  Endpoint& target_;
  const CopyOptions options_;
  const uint32_t mask_;
  Progress progress_;
  std::mutex mutex_;  // everything below
  std::condition_variable changed_;
  std::deque<FileTask> queue_;
  bool closed_ = false;
  Copied copied_;
  std::vector<std::pair<std::string, Node>> made_;  // the walk's alone
  std::vector<Node> tops_;                          // the same: directories that the sources go to
  std::vector<std::thread> threads_;
};

std::string last_name(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return split_path(path).second;
}

}  // namespace

Result<Copied> copy(Shell& shell, Endpoint& source, const std::vector<std::string>& from, Endpoint& target, const std::string& to,
                    const CopyOptions& options) {
  ASSIGN_OR_RETURN(std::optional<Node> existing, target.look(to, true));
  bool into = existing && existing->type == v1::FILE_TYPE_DIRECTORY;
  if (from.size() > 1 && !into)
    return rejected(ENOTDIR, to + " has to be a directory that exists, because there are several sources");
  shell.single_object(from.size() == 1 && !options.recursive);
  Copying copying(shell, source, target, options);
  for (const std::string& path : from) {
    std::string name = last_name(path);
    copying.add(path, into && !name.empty() ? join_path(to, name) : to);
  }
  return copying.finish();
}

}  // namespace forebay::cli
