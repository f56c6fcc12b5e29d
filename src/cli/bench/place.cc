#include "cli/bench/place.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "cli/output.h"
#include "cli/path.h"

namespace forebay::cli {

Result<std::unique_ptr<BenchPlace>> BenchPlace::make(std::unique_ptr<Endpoint> endpoint, const std::string& parent, int threads,
                                                     bool keep) {
  const std::string directory = join_path(parent, "forebay-bench-" + std::to_string(getpid()));
  TRY(endpoint->make_directory(directory, 0755));
  std::unique_ptr<BenchPlace> place(new BenchPlace(std::move(endpoint), directory, keep));
  for (int thread = 0; thread < threads; ++thread)
    TRY(place->files().make_directory(join_path(directory, std::to_string(thread)), 0755));
  return place;
}

BenchPlace::~BenchPlace() {
  if (keep_) return;
  if (Result<void> removed = remove_below(directory_); !removed)
    complain("what was measured is still there: " + removed.error().to_string());
}

// Goes on after a failure, so that as little as possible is left; the first one is returned.
Result<void> BenchPlace::remove_below(const std::string& directory) {
  Result<void> outcome;
  auto note = [&](Result<void> step) {
    if (outcome && !step) outcome = std::move(step);
  };
  std::vector<std::pair<std::string, bool>> found;
  note(endpoint_->list(directory, [&](const std::string& name, const Node& node) -> Result<void> {
    found.emplace_back(join_path(directory, name), node.type == v1::FILE_TYPE_DIRECTORY);
    return {};
  }));
  for (const auto& [path, is_directory] : found) note(is_directory ? remove_below(path) : endpoint_->remove(path));
  note(endpoint_->remove_directory(directory));
  return outcome;
}

std::string BenchPlace::file(int thread, uint64_t number) const {
  return directory_ + "/" + std::to_string(thread) + "/" + std::to_string(number);
}

}  // namespace forebay::cli
