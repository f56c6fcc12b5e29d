// fuse_fake_mount MOUNTPOINT: mounts a namespace that lives in this process' memory, until SIGTERM or SIGINT. Lets programs test
// the mount without a cluster.
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "async/loop.h"
#include "fuse/fake_client.h"
#include "fuse/mount.h"

namespace {

class StderrLog : public forebay::obs::Log {
 public:
  void write(forebay::obs::Level, std::string_view message, std::initializer_list<forebay::obs::Field> fields) override {
    std::string line(message);
    for (const auto& field : fields) {
      line += ' ' + std::string(field.key) + '=';
      std::visit(
          [&line](const auto& value) {
            if constexpr (requires { line += value; } && !std::is_arithmetic_v<std::decay_t<decltype(value)>>)
              line += value;
            else
              line += std::to_string(value);
          },
          field.value);
    }
    std::fprintf(stderr, "%s\n", line.c_str());
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuse_fake_mount MOUNTPOINT\n");
    return 2;
  }
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  sigprocmask(SIG_BLOCK, &ending, nullptr);  // before any thread exists, so that only sigwait sees them

  StderrLog log;
  forebay::async::Loop loop("serve", 2);
  forebay::fuse::FakeClient client;
  forebay::fuse::MountConfig config;
  config.mount_point = argv[1];
  config.when_unmounted = [] { kill(getpid(), SIGTERM); };
  auto mount = forebay::fuse::FuseMount::start(client, log, std::move(config), {loop.executor()});
  if (!mount) {
    std::fprintf(stderr, "%s\n", mount.error().message().c_str());
    return 1;
  }
  int signal = 0;
  sigwait(&ending, &signal);
  (*mount)->stop();
  loop.stop();
  return 0;
}
