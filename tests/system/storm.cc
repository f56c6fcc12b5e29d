// A client under storm, and the judge of what it was promised.
//
//   storm write  --masters A,B --root /cache-only/storm/w1 --record FILE --seed N     until SIGTERM; exit 0
//   storm verify --masters A,B --root /cache-only/storm/w1 --record FILE              exit 0 only if the cluster holds what was
//   acknowledged
//
// `write` starts from what the record says, after settling the operation that an earlier, killed writer left open: it looks which
// of the possible outcomes holds, fails if none does, and goes on from there.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/task.h"
#include "client/client.h"
#include "os/env.h"
#include "storm_record.h"

namespace forebay::storm {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

// The cluster seen through the library, one call at a time.
class Cluster {
 public:
  Cluster(const std::string& masters, std::string name)
      : loop_("client", 1), blocking_("blocking", 2), env_{os::real_clock(),   os::real_random(),    os::real_files(),
                                                           os::real_network(), blocking_.executor(), os::real_host_id()} {
    client::ClientConfig config;
    config.name = std::move(name);
    for (size_t begin = 0; begin < masters.size();) {
      size_t end = std::min(masters.find(',', begin), masters.size());
      config.masters.push_back(*os::Address::parse(masters.substr(begin, end - begin), 19998));
      begin = end + 1;
    }
    auto started = wait(client::Client::start(env_, obs::null_log(), std::move(config), {loop_.executor()}));
    if (!started) fail("start", started.error());
    client_ = std::move(*started);
  }
  ~Cluster() { wait(stop(client_.get())); }

  InodeId directory(const std::string& path) {  // made if missing
    InodeId at = kRootInode;
    for (size_t begin = 1; begin < path.size();) {
      size_t end = std::min(path.find('/', begin), path.size());
      std::string name = path.substr(begin, end - begin);
      auto attr = wait(client_->lookup({}, at, name));
      if (!attr && attr.error().is_errno(ENOENT)) attr = wait(client_->make_dir({}, at, name, 0755));
      if (!attr && attr.error().is_errno(EEXIST)) attr = wait(client_->lookup({}, at, name));  // another writer was first
      if (!attr) fail("make " + path, attr.error());
      at = InodeId{attr->inode()};
      begin = end + 1;
    }
    return at;
  }
  Result<void> perform(InodeId root, const Operation& operation) { return wait(run(client_.get(), root, operation)); }
  Tree read_tree(InodeId root) {
    Tree tree;
    read_into(root, "", tree);
    return tree;
  }
  [[noreturn]] static void fail(const std::string& doing, const Status& status) {
    std::fprintf(stderr, "storm: %s: %s\n", doing.c_str(), status.to_string().c_str());
    std::_Exit(3);
  }

 private:
  template <class T>
  T wait(Task<T> task) {
    return async::block_on(loop_.executor(), std::move(task));
  }
  static Task<Result<void>> stop(client::Client* client) {
    co_await client->stop();
    co_return Result<void>{};
  }

  struct Place {
    InodeId parent;
    std::string name;
  };
  // Paths have at most two components: "f3" or "d1/f3".
  static Task<Result<Place>> place(client::Client* client, InodeId root, std::string path) {
    size_t slash = path.find('/');
    if (slash == std::string::npos) co_return Place{root, path};
    CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await client->lookup({}, root, path.substr(0, slash)));
    co_return Place{InodeId{attr.inode()}, path.substr(slash + 1)};
  }
  static Task<Result<void>> run(client::Client* client, InodeId root, Operation operation) {
    CO_ASSIGN_OR_RETURN(Place at, co_await place(client, root, operation.path));
    switch (operation.kind) {
      case Kind::kMakeDir: CO_TRY(co_await client->make_dir({}, at.parent, at.name, 0755)); break;
      case Kind::kRemoveDir: CO_TRY(co_await client->remove_dir({}, at.parent, at.name)); break;
      case Kind::kUnlink: CO_TRY(co_await client->unlink({}, at.parent, at.name)); break;
      case Kind::kRename: {
        CO_ASSIGN_OR_RETURN(Place to, co_await place(client, root, operation.to));
        v1::RenameRequest request;
        request.set_parent(at.parent.value);
        request.set_name(at.name);
        request.set_new_parent(to.parent.value);
        request.set_new_name(to.name);
        CO_TRY(co_await client->rename({}, std::move(request)));
        break;
      }
      case Kind::kTruncate: {
        CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await client->lookup({}, at.parent, at.name));
        v1::SetAttrRequest request;
        request.set_inode(attr.inode());
        request.set_size(operation.length);
        CO_TRY(co_await client->set_attr({}, std::move(request), nullptr));
        break;
      }
      case Kind::kCreate:
      case Kind::kWrite: {
        CO_ASSIGN_OR_RETURN(client::Created made, co_await client->create({}, at.parent, at.name, 0644, {.write = true}, false));
        std::string bytes = stream_bytes(operation.seed, operation.kind == Kind::kWrite ? operation.length : 0);
        if (!bytes.empty()) CO_TRY(co_await made.file->pwrite(as_bytes(bytes), operation.offset));
        CO_TRY(co_await made.file->close());
        break;
      }
    }
    co_return Result<void>{};
  }

  void read_into(InodeId directory, const std::string& prefix, Tree& tree) {
    std::string after;
    for (;;) {
      auto page = wait(client_->read_dir({}, directory, after, 1000, true));
      if (!page) fail("list " + prefix, page.error());
      for (const v1::DirEntry& entry : page->entries) {
        std::string path = prefix + entry.name();
        after = entry.name();
        if (entry.type() == v1::FILE_TYPE_DIRECTORY) {
          tree.directories.insert(path);
          read_into(InodeId{entry.inode()}, path + "/", tree);
        } else {
          tree.files[path] = read_file(InodeId{entry.inode()}, path);
        }
      }
      if (page->end) return;
    }
  }
  std::string read_file(InodeId inode, const std::string& path) {
    auto content = wait(read_all(client_.get(), inode));
    if (!content) fail("read " + path, content.error());
    return std::move(*content);
  }
  static Task<Result<std::string>> read_all(client::Client* client, InodeId inode) {
    CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await client->open({}, inode, {}));
    CO_ASSIGN_OR_RETURN(v1::Attr attr, co_await file->attr());
    std::string content(attr.size(), '\0');
    CO_ASSIGN_OR_RETURN(size_t got, co_await file->pread(std::as_writable_bytes(std::span(content.data(), content.size())), 0));
    CO_TRY(co_await file->close());
    if (got != content.size()) co_return corrupt("short read: " + std::to_string(got) + " of " + std::to_string(content.size()));
    co_return content;
  }

  async::Loop loop_, blocking_;
  os::Env env_;
  std::unique_ptr<client::Client> client_;
};

std::string difference(const Tree& wanted, const Tree& found) {
  for (const std::string& d : wanted.directories)
    if (!found.directories.contains(d)) return "directory " + d + " is missing";
  for (const std::string& d : found.directories)
    if (!wanted.directories.contains(d)) return "directory " + d + " should not be there";
  for (const auto& [path, content] : wanted.files) {
    auto other = found.files.find(path);
    if (other == found.files.end()) return "file " + path + " (" + std::to_string(content.size()) + " bytes) is missing";
    if (other->second == content) continue;
    size_t at = 0;
    while (at < content.size() && at < other->second.size() && content[at] == other->second[at]) ++at;
    return "file " + path + " has " + std::to_string(other->second.size()) + " bytes instead of " +
           std::to_string(content.size()) + ", first difference at " + std::to_string(at);
  }
  for (const auto& [path, content] : found.files)
    if (!wanted.files.contains(path)) return "file " + path + " should not be there";
  return "";
}

// The one of the possible trees that is found; exits with the difference when it is none of them.
Tree judge(const Promise& promise, const Tree& found) {
  std::vector<Tree> states = promise.open ? possible(promise.tree, *promise.open) : std::vector{promise.tree};
  for (Tree& state : states)
    if (state == found) return state;
  std::fprintf(stderr, "storm: promise broken after %llu acknowledged operations%s:\n",
               static_cast<unsigned long long>(promise.acknowledged), promise.open ? " and one open" : "");
  if (promise.open)
    std::fprintf(stderr, "  open: %c %s %s offset %llu length %llu\n", static_cast<char>(promise.open->kind),
                 promise.open->path.c_str(), promise.open->to.c_str(), static_cast<unsigned long long>(promise.open->offset),
                 static_cast<unsigned long long>(promise.open->length));
  for (const Tree& state : states) std::fprintf(stderr, "  not %s\n", difference(state, found).c_str());
  std::_Exit(1);
}

Operation choose(const Tree& tree, std::mt19937_64& random) {
  auto below = [&](uint64_t bound) { return random() % bound; };
  auto file_name = [&] {
    return (below(3) == 0 && !tree.directories.empty() ? *tree.directories.begin() + "/" : "") + "f" + std::to_string(below(20));
  };
  auto existing = [&]() -> std::string {
    if (tree.files.empty()) return "";
    auto it = tree.files.begin();
    std::advance(it, static_cast<long>(below(tree.files.size())));
    return it->first;
  };
  std::string old = existing();
  switch (below(10)) {
    case 0: return {Kind::kCreate, file_name(), ""};
    case 1:
      if (!old.empty()) return {Kind::kUnlink, old, ""};
      break;
    case 2:
    case 3: {
      std::string to = file_name();
      if (!old.empty() && to != old) return {Kind::kRename, old, to};
      break;
    }
    case 4:
      if (!old.empty()) return {Kind::kTruncate, old, "", 0, below(tree.files.at(old).size() + 10'000)};
      break;
    case 5: {
      std::string directory = "d" + std::to_string(below(3));
      if (!tree.directories.contains(directory)) return {Kind::kMakeDir, directory, ""};
      auto below_it = tree.files.lower_bound(directory + "/");
      if (below_it == tree.files.end() || !below_it->first.starts_with(directory + "/")) return {Kind::kRemoveDir, directory, ""};
      break;
    }
    case 6:
      if (!old.empty()) return {Kind::kWrite, old, "", tree.files.at(old).size(), 1 + below(300'000), random()};  // append
      break;
    default: break;
  }
  return {Kind::kWrite, file_name(), "", below(4) == 0 ? below(100'000) : 0, 1 + below(below(8) == 0 ? 5'000'000 : 60'000),
          random()};
}

int write_until_stopped(const std::string& masters, const std::string& root_path, const std::string& record, uint64_t seed) {
  Cluster cluster(masters, "storm");
  InodeId root = cluster.directory(root_path);
  Promise promise = read_record(record);
  Tree tree = judge(promise, cluster.read_tree(root));
  Recorder recorder(record);
  if (promise.open) {
    // The record's open operation is settled by what was found, so that the record alone stays the truth.
    if (tree == promise.tree)
      recorder.refuse();
    else
      recorder.acknowledge();
    Promise settled = read_record(record);
    if (!(settled.tree == tree)) {  // created, but without its content: say so as an operation of its own
      recorder.intend({Kind::kTruncate, promise.open->path, "", 0, 0});
      recorder.acknowledge();
      tree = read_record(record).tree;
    }
  }
  std::mt19937_64 random(seed);
  while (!stop_requested) {
    Operation operation = choose(tree, random);
    recorder.intend(operation);
    Result<void> done = cluster.perform(root, operation);
    if (!done) Cluster::fail(std::string("operation ") + static_cast<char>(operation.kind) + " " + operation.path, done.error());
    recorder.acknowledge();
    apply(tree, operation);
  }
  return 0;
}

int verify(const std::string& masters, const std::string& root_path, const std::string& record) {
  Cluster cluster(masters, "storm verify");
  Promise promise = read_record(record);
  judge(promise, cluster.read_tree(cluster.directory(root_path)));
  std::printf("storm: %llu acknowledged operations, %zu files: all there\n",
              static_cast<unsigned long long>(promise.acknowledged), promise.tree.files.size());
  return 0;
}

}  // namespace
}  // namespace forebay::storm

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 2; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  std::string mode = argc > 1 ? argv[1] : "";
  if ((mode != "write" && mode != "verify") || !options.contains("--masters") || !options.contains("--root") ||
      !options.contains("--record")) {
    std::fprintf(stderr, "usage: storm write|verify --masters A,B --root /PATH --record FILE [--seed N]\n");
    return 2;
  }
  std::signal(SIGTERM, [](int) { forebay::storm::stop_requested = 1; });
  if (mode == "verify") return forebay::storm::verify(options["--masters"], options["--root"], options["--record"]);
  return forebay::storm::write_until_stopped(options["--masters"], options["--root"], options["--record"],
                                             std::strtoull(options["--seed"].c_str(), nullptr, 10));
}
