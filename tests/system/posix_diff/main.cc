// posix_diff LEFT RIGHT [--seed S] [--seeds N] [--ops N] [--trace]
//
// Runs the same random operations in two directories on two file systems and compares every answer: errno, result, bytes,
// attributes, listings; and from time to time everything below both. Run as root, the operations are made by processes of
// three identities. Exit code 0: no difference; 1: a difference, printed with its seed and the operations before it.
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "execute.h"
#include "generate.h"

namespace posix_diff {
namespace {

constexpr int kOpsBetweenTreeChecks = 1000;
constexpr size_t kTraceLines = 60;

struct Arguments {
  std::string left, right;
  uint64_t seed = 1, seeds = 1;
  int ops = 5000;
  bool trace = false;
};

struct Person {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
  mode_t umask;
};

std::vector<Person> people() {
  if (::geteuid() != 0) return {{::geteuid(), ::getegid(), {}, 022}};
  return {{0, 0, {}, 022}, {65533, 65533, {65533, 65534}, 0}, {65534, 65534, {65534}, 027}};
}

// A process that makes the operations of one identity in both trees.
class Actor {
 public:
  Actor(const Person& person, const std::string& left, const std::string& right) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::perror("socketpair"), std::exit(2);
    child_ = ::fork();
    if (child_ == 0) {
      ::close(ends[0]);
      become(person);
      serve(ends[1], left, right);
    }
    ::close(ends[1]);
    socket_ = ends[0];
  }
  Actor(Actor&& other) noexcept : child_(std::exchange(other.child_, -1)), socket_(std::exchange(other.socket_, -1)) {}
  ~Actor() {
    if (socket_ >= 0) {
      ::shutdown(socket_, SHUT_RDWR);  // a later actor inherited it, so closing it would not end the child
      ::close(socket_);
    }
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
  }

  Verdict run(const Op& op) {
    Verdict verdict;
    if (::send(socket_, &op, sizeof op, 0) != static_cast<ssize_t>(sizeof op) ||
        ::recv(socket_, &verdict, sizeof verdict, 0) != static_cast<ssize_t>(sizeof verdict)) {
      verdict.same = 0;
      std::snprintf(verdict.text, sizeof verdict.text, "the actor's process died");
    }
    return verdict;
  }

 private:
  static void become(const Person& person) {
    ::umask(person.umask);
    if (person.uid == 0 || ::geteuid() != 0) return;
    if (::setgroups(person.groups.size(), person.groups.data()) != 0 || ::setresgid(person.gid, person.gid, person.gid) != 0 ||
        ::setresuid(person.uid, person.uid, person.uid) != 0)
      std::perror("become another user"), std::_Exit(2);
  }

  [[noreturn]] static void serve(int socket, const std::string& left_root, const std::string& right_root) {
    std::signal(SIGPIPE, SIG_IGN);  // of a FIFO without readers: EPIPE says it
    Tree left(left_root), right(right_root);
    Op op;
    while (::recv(socket, &op, sizeof op, 0) == static_cast<ssize_t>(sizeof op)) {
      const Outcome a = left.run(op);
      const Outcome b = right.run(op);
      const std::string found = difference(op, a, b);
      Verdict verdict{.same = found.empty(), .error = a.error};
      std::snprintf(verdict.text, sizeof verdict.text, "%s", found.c_str());
      ::send(socket, &verdict, sizeof verdict, 0);
    }
    left.close_all();
    right.close_all();
    std::_Exit(0);
  }

  pid_t child_ = -1;
  int socket_ = -1;
};

std::string make_root(const std::string& parent, uint64_t seed) {
  const std::string root = parent + "/posix_diff-" + std::to_string(seed);
  std::filesystem::remove_all(root);
  if (::mkdir(root.c_str(), 0777) != 0 || ::chmod(root.c_str(), 0777) != 0) std::perror(root.c_str()), std::exit(2);
  return root;
}

void report(uint64_t seed, int index, const std::deque<std::string>& trace, const std::string& what) {
  std::printf("DIFFERENCE seed=%llu operation=%d\n", static_cast<unsigned long long>(seed), index);
  for (const std::string& line : trace) std::printf("  %s\n", line.c_str());
  std::printf("left / right: %s\n", what.c_str());
}

// False after a difference.
bool run_seed(const Arguments& arguments, uint64_t seed, uint64_t* failed_calls) {
  const std::string left = make_root(arguments.left, seed), right = make_root(arguments.right, seed);
  const std::vector<Person> everybody = people();
  std::vector<Actor> actors;
  for (const Person& person : everybody) actors.emplace_back(person, left, right);
  Generator generator(seed, static_cast<int>(actors.size()));
  std::deque<std::string> trace;
  for (int i = 0; i < arguments.ops; ++i) {
    const Op op = generator.next();
    const Verdict verdict = actors[static_cast<size_t>(op.actor)].run(op);
    generator.learn(op, verdict.error);
    trace.push_back("#" + std::to_string(i) + " " + to_text(op) +
                    (verdict.error != 0 ? std::string(": ") + std::strerror(verdict.error) : ""));
    if (trace.size() > kTraceLines) trace.pop_front();
    if (arguments.trace) std::printf("%s\n", trace.back().c_str());
    if (verdict.error != 0) ++*failed_calls;
    std::string found = verdict.same ? "" : verdict.text;
    if (found.empty() && (i + 1) % kOpsBetweenTreeChecks == 0) found = tree_difference(left, right);
    if (!found.empty()) {
      report(seed, i, trace, found);
      return false;
    }
  }
  actors.clear();  // closes every file
  const std::string found = tree_difference(left, right);
  if (!found.empty()) {
    report(seed, arguments.ops, trace, "after everything was closed: " + found);
    return false;
  }
  std::filesystem::remove_all(left);
  std::filesystem::remove_all(right);
  return true;
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> places;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (word == "--seed")
      arguments.seed = number();
    else if (word == "--seeds")
      arguments.seeds = number();
    else if (word == "--ops")
      arguments.ops = static_cast<int>(number());
    else if (word == "--trace")
      arguments.trace = true;
    else
      places.push_back(word);
  }
  if (places.size() != 2) {
    std::fprintf(stderr, "usage: posix_diff LEFT RIGHT [--seed S] [--seeds N] [--ops N] [--trace]\n");
    std::exit(2);
  }
  arguments.left = places[0];
  arguments.right = places[1];
  return arguments;
}

int main_of(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  uint64_t failed_calls = 0;
  for (uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed)
    if (!run_seed(arguments, seed, &failed_calls)) return 1;
  std::printf("%llu operations of %zu users (%llu of them refused alike), no difference\n",
              static_cast<unsigned long long>(arguments.seeds) * static_cast<unsigned long long>(arguments.ops), people().size(),
              static_cast<unsigned long long>(failed_calls));
  return 0;
}

}  // namespace
}  // namespace posix_diff

int main(int argc, char** argv) { return posix_diff::main_of(argc, argv); }
