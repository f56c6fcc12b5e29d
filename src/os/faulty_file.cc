#include "os/faulty_file.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace forebay::os {
namespace {

Error injected(const SeamFate& fate, const SeamCall& call) {
  return from_errno(fate.error, std::string(call.name) + " '" + std::string(call.object) + "'");
}

// One call that moves no bytes: done or not, as the fate says.
template <class Do>
std::invoke_result_t<Do> ask(SeamWatch& watch, const SeamCall& call, Do perform) {
  SeamFate fate = watch.before(call);
  if (fate.is_plain()) return perform();
  using Value = std::invoke_result_t<Do>;
  if (fate.lie) {
    if constexpr (std::is_same_v<Value, Result<void>>) return {};
  }
  if (fate.error == 0) {
    Value value = perform();
    if (fate.then) fate.then();
    return value;
  }
  if (fate.done_bytes == SeamFate::kAll) (void)perform();
  if (fate.then) fate.then();
  return injected(fate, call);
}

void flip(MutableBytes bytes, int bit) {
  if (bit < 0 || bytes.empty()) return;
  bytes[static_cast<size_t>(bit / 8) % bytes.size()] ^= static_cast<std::byte>(1 << (bit % 8));
}

class FaultyFile final : public File {
 public:
  FaultyFile(std::unique_ptr<File> inner, SeamWatch& watch, std::string path)
      : inner_(std::move(inner)), watch_(watch), path_(std::move(path)) {}

  Result<size_t> read_at(MutableBytes into, uint64_t offset) override {
    const SeamCall call{"file.read", path_, into.size()};
    SeamFate fate = watch_.before(call);
    if (fate.then) fate.then();
    if (fate.error != 0) return injected(fate, call);
    ASSIGN_OR_RETURN(size_t got, inner_->read_at(into, offset));
    flip(into.first(got), fate.flip_bit);
    return got;
  }

  Result<void> write_at(Bytes data, uint64_t offset) override {
    const SeamCall call{"file.write", path_, data.size()};
    SeamFate fate = watch_.before(call);
    if (fate.is_plain()) return inner_->write_at(data, offset);
    std::string changed(as_text(data));
    flip(std::as_writable_bytes(std::span(changed)), fate.flip_bit);
    const uint64_t done = fate.error == 0 ? changed.size() : std::min<uint64_t>(fate.done_bytes, changed.size());
    Result<void> written = inner_->write_at(as_bytes(std::string_view(changed).substr(0, done)), offset);
    if (fate.then) fate.then();
    if (fate.error != 0) return injected(fate, call);
    return written;
  }

  Result<void> sync_data() override {
    return ask(watch_, {"file.sync", path_}, [&] { return inner_->sync_data(); });
  }
  Result<void> sync_all() override {
    return ask(watch_, {"file.sync", path_}, [&] { return inner_->sync_all(); });
  }
  Result<void> truncate(uint64_t size) override {
    return ask(watch_, {"file.truncate", path_}, [&] { return inner_->truncate(size); });
  }
  Result<void> allocate(uint64_t offset, uint64_t length) override {
    return ask(watch_, {"file.allocate", path_, length}, [&] { return inner_->allocate(offset, length); });
  }
  Result<uint64_t> size() override {
    return ask(watch_, {"file.size", path_}, [&] { return inner_->size(); });
  }
  Result<uint64_t> allocated_bytes() override {
    return ask(watch_, {"file.size", path_}, [&] { return inner_->allocated_bytes(); });
  }
  Result<FileStatus> status() override {
    return ask(watch_, {"file.status", path_}, [&] { return inner_->status(); });
  }
  Result<std::optional<StoredRange>> next_stored(uint64_t from) override {
    return ask(watch_, {"file.next_stored", path_}, [&] { return inner_->next_stored(from); });
  }
  Result<bool> has_writers() override {
    return ask(watch_, {"file.has_writers", path_}, [&] { return inner_->has_writers(); });
  }
  int descriptor() const override { return inner_->descriptor(); }

 private:
  const std::unique_ptr<File> inner_;
  SeamWatch& watch_;
  const std::string path_;
};

}  // namespace

Result<std::unique_ptr<File>> FaultyFileSystem::wrap(Result<std::unique_ptr<File>> file, const std::string& path) {
  if (!file) return file;
  return std::make_unique<FaultyFile>(*std::move(file), watch_, path);
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, OpenMode mode) {
  return ask(watch_, {"file.open", path}, [&] { return wrap(inner_.open(path, mode), path); });
}

Result<std::unique_ptr<File>> FaultyFileSystem::adopt(int descriptor) {
  const std::string name = "descriptor " + std::to_string(descriptor);
  return ask(watch_, {"file.adopt", name}, [&] { return wrap(inner_.adopt(descriptor), name); });
}

Result<std::unique_ptr<File>> FaultyFileSystem::reopen(int descriptor) {
  const std::string name = "descriptor " + std::to_string(descriptor);
  return ask(watch_, {"file.reopen", name}, [&] { return wrap(inner_.reopen(descriptor), name); });
}

Result<void> FaultyFileSystem::make_directories(const std::string& path) {
  return ask(watch_, {"file.make_directories", path}, [&] { return inner_.make_directories(path); });
}

Result<void> FaultyFileSystem::remove(const std::string& path) {
  return ask(watch_, {"file.remove", path}, [&] { return inner_.remove(path); });
}

Result<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  return ask(watch_, {"file.rename", to}, [&] { return inner_.rename(from, to); });
}

Result<void> FaultyFileSystem::sync_directory(const std::string& path) {
  return ask(watch_, {"file.sync_directory", path}, [&] { return inner_.sync_directory(path); });
}

Result<void> FaultyFileSystem::list(const std::string& path, const std::function<bool(const DirectoryEntry&)>& each) {
  return ask(watch_, {"file.list", path}, [&] { return inner_.list(path, each); });
}

Result<bool> FaultyFileSystem::exists(const std::string& path) {
  return ask(watch_, {"file.exists", path}, [&] { return inner_.exists(path); });
}

Result<FileStatus> FaultyFileSystem::status(const std::string& path) {
  return ask(watch_, {"file.status", path}, [&] { return inner_.status(path); });
}

Result<void> FaultyFileSystem::change_status(const std::string& path, const StatusChange& change) {
  return ask(watch_, {"file.change_status", path}, [&] { return inner_.change_status(path, change); });
}

Result<void> FaultyFileSystem::link(const std::string& from, const std::string& to) {
  return ask(watch_, {"file.link", to}, [&] { return inner_.link(from, to); });
}

Result<std::string> FaultyFileSystem::attribute(const std::string& path, const std::string& name) {
  return ask(watch_, {"file.attribute", path}, [&] { return inner_.attribute(path, name); });
}

Result<void> FaultyFileSystem::set_attribute(const std::string& path, const std::string& name, std::string_view value) {
  return ask(watch_, {"file.set_attribute", path, value.size()}, [&] { return inner_.set_attribute(path, name, value); });
}

Result<Space> FaultyFileSystem::space(const std::string& path) {
  return ask(watch_, {"file.space", path}, [&] { return inner_.space(path); });
}

Result<std::unique_ptr<File>> FaultyFileSystem::lock(const std::string& path) {
  return ask(watch_, {"file.lock", path}, [&] { return wrap(inner_.lock(path), path); });
}

}  // namespace forebay::os
