#include "cli/bench/place.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "cli/output.h"
#include "cli/path.h"

namespace forebay::cli {

Result<std::unique_ptr<BenchPlace>> BenchPlace::make(std::unique_ptr<Endpoint> endpoint, const std::string& parent, int threads,
                                                     bool keep, MissingParent missing) {
  const std::string directory = join_path(parent, "forebay-bench-" + std::to_string(getpid()));
  std::unique_ptr<BenchPlace> place(new BenchPlace(std::move(endpoint), directory, keep));
  if (missing == MissingParent::kMake) TRY(place->make_parent(parent));
  TRY(place->make_own(threads));
  return place;
}

// Somebody else may make the same at the same time.
Result<void> BenchPlace::make_parent(const std::string& parent) {
  ASSIGN_OR_RETURN(const std::optional<Node> found, endpoint_->look(parent, true));
  if (found && found->type != v1::FILE_TYPE_DIRECTORY) return rejected(ENOTDIR, parent + " is not a directory");
  if (found) return {};
  TRY(make_parent(split_path(parent).first));
  Result<void> made = endpoint_->make_directory(parent, 0755);
  if (made) parents_.push_back(parent);
  return !made && made.error().is_errno(EEXIST) ? Result<void>{} : made;
}

Result<void> BenchPlace::make_own(int threads) {
  TRY(endpoint_->make_directory(directory_, 0755));
  is_made_ = true;
  for (int thread = 0; thread < threads; ++thread)
    TRY(endpoint_->make_directory(join_path(directory_, std::to_string(thread)), 0755));
  return {};
}

BenchPlace::~BenchPlace() {
  if (keep_) return;
  Result<void> removed = is_made_ ? remove_below(directory_) : Result<void>{};
  if (removed) removed = remove_parents();
  if (!removed) complain("what was measured is still there: " + removed.error().to_string());
}

// One in which somebody else has put something meanwhile stays.
Result<void> BenchPlace::remove_parents() {
  for (; !parents_.empty(); parents_.pop_back()) {
    Result<void> removed = endpoint_->remove_directory(parents_.back());
    if (!removed && removed.error().is_errno(ENOTEMPTY)) return {};
    if (!removed && !removed.error().is_errno(ENOENT)) return removed;
  }
  return {};
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
