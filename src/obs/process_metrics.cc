#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "obs/metrics.h"

namespace forebay::obs {
namespace {

double resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long total = 0, resident = 0;
  int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return read == 2 ? static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double open_descriptors() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int count = -3;  // ".", "..", and the listing's own descriptor
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

}  // namespace

void add_process_metrics(Metrics& metrics, const std::string& role, const std::string& version) {
  metrics.sampled("process_resident_memory_bytes", "Resident memory.", {}, resident_bytes);
  metrics.sampled("process_cpu_seconds_total", "Processor time, user and system.", {}, processor_seconds);
  metrics.sampled("process_open_fds", "Open file descriptors.", {}, open_descriptors);
  std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  metrics.gauge("process_start_time_seconds", "Start of the process, seconds since 1970.").set(now.count());
  metrics.gauge("forebay_build_info", "Always 1; the labels say what runs.", {{"role", role}, {"version", version}}).set(1);
}

}  // namespace forebay::obs
