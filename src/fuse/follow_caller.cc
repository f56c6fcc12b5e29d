#include "fuse/follow_caller.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

namespace forebay::fuse {
namespace {

constexpr int kFieldsBeforeCpu = 36;  // of /proc/THREAD/stat behind the name, which may hold anything and ends with the last ')'

// -1: not there, as for a thread of another pid namespace.
int cpu_of(pid_t thread) {
  const std::string path = "/proc/" + std::to_string(thread) + "/stat";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  std::array<char, 1024> text;
  const ssize_t length = ::read(file, text.data(), text.size());
  ::close(file);
  std::string_view rest(text.data(), static_cast<size_t>(std::max<ssize_t>(length, 0)));
  rest.remove_prefix(std::min(rest.rfind(')'), rest.size()));
  for (int i = 0; i <= kFieldsBeforeCpu && !rest.empty(); ++i) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
  int cpu = -1;
  std::from_chars(rest.data(), rest.data() + rest.size(), cpu);
  return cpu;
}

// Where this thread may run afterwards is what it was.
void move_to(int cpu) {
  cpu_set_t before, there;
  if (sched_getaffinity(0, sizeof before, &before) != 0 || cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &before)) return;
  CPU_ZERO(&there);
  CPU_SET(cpu, &there);
  if (sched_setaffinity(0, sizeof there, &there) == 0) sched_setaffinity(0, sizeof before, &before);
}

}  // namespace

void FollowCaller::took(Clock::time_point now, pid_t thread, size_t moves) {
  const bool goes_on = thread != 0 && moves <= kSmall && now - last_ <= kSoon;
  last_ = now;
  in_a_row_ = goes_on ? in_a_row_ + 1 : 0;
  if (in_a_row_ >= kInARow && now >= next_look_) look(now, thread);
}

void FollowCaller::look(Clock::time_point now, pid_t thread) {
  const int cpu = cpus_.of(thread);
  const bool apart = cpu >= 0 && cpu != cpus_.own();
  if (apart) cpus_.move_to(cpu);
  pause_ = apart && moved_ ? std::min(pause_ * 2, kMostPause) : std::max(pause_ / 2, kLeastPause);
  moved_ = apart;
  next_look_ = now + pause_;
}

FollowCaller::Cpus FollowCaller::real_cpus() { return {.of = cpu_of, .own = sched_getcpu, .move_to = move_to}; }

}  // namespace forebay::fuse
