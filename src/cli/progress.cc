#include "cli/progress.h"

#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "cli/format.h"

namespace forebay::cli {
namespace {
using namespace std::chrono_literals;
constexpr int kBar = 24;  // characters
}  // namespace

Progress::Progress(std::string what, bool quiet) : what_(std::move(what)) {
  if (!quiet && isatty(STDERR_FILENO)) thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

double Progress::seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count(); }

void Progress::run(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any tick;
  std::unique_lock lock(mutex);
  bool shown = false;
  for (auto wait = 1000ms; !tick.wait_for(lock, stop, wait, [&] { return stop.stop_requested(); }); wait = 250ms) {
    draw();
    shown = true;
  }
  if (shown) std::fputs("\r\033[K", stderr);
}

void Progress::draw() const {
  uint64_t bytes = bytes_, of = expected_bytes_;
  double part = of > 0 ? std::min(1.0, static_cast<double>(bytes) / static_cast<double>(of)) : 0;
  auto filled = static_cast<size_t>(part * kBar);
  std::string bar = "[" + std::string(filled, '#') + std::string(kBar - filled, ' ') + "]";
  std::string line = what_ + " " + bar;
  if (of > 0)
    line += " " + std::to_string(static_cast<int>(part * 100)) + "%  " + format_human(bytes) + " of " + format_human(of);
  if (expected_items_ > 1) line += "  " + std::to_string(items_) + " of " + std::to_string(expected_items_);
  line += "  " + format_rate(bytes, seconds());
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
}

}  // namespace forebay::cli
