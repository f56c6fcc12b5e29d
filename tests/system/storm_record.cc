#include "storm_record.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace forebay::storm {

std::string stream_bytes(uint64_t seed, uint64_t length) {
  std::string bytes(length, '\0');
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (uint64_t i = 0; i < length; i += 8) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    std::memcpy(bytes.data() + i, &state, std::min<uint64_t>(8, length - i));
  }
  return bytes;
}

void apply(Tree& tree, const Operation& operation) {
  switch (operation.kind) {
    case Kind::kCreate: tree.files[operation.path]; break;
    case Kind::kWrite: {
      std::string& content = tree.files[operation.path];
      if (content.size() < operation.offset + operation.length) content.resize(operation.offset + operation.length);
      content.replace(operation.offset, operation.length, stream_bytes(operation.seed, operation.length));
      break;
    }
    case Kind::kTruncate: tree.files[operation.path].resize(operation.length); break;
    case Kind::kRename: {
      auto node = tree.files.extract(operation.path);
      tree.files[operation.to] = std::move(node.mapped());
      break;
    }
    case Kind::kUnlink: tree.files.erase(operation.path); break;
    case Kind::kMakeDir: tree.directories.insert(operation.path); break;
    case Kind::kRemoveDir: tree.directories.erase(operation.path); break;
  }
}

std::vector<Tree> possible(const Tree& before, const Operation& operation) {
  std::vector<Tree> states{before};
  if (operation.kind == Kind::kWrite && !before.files.contains(operation.path)) {
    Tree empty = before;
    empty.files[operation.path];
    states.push_back(std::move(empty));
  }
  Tree after = before;
  apply(after, operation);
  states.push_back(std::move(after));
  return states;
}

Recorder::Recorder(const std::string& path) : fd_(::open(path.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0644)) {
  if (fd_ < 0) std::perror(path.c_str()), std::abort();
}

Recorder::~Recorder() { ::close(fd_); }

void Recorder::line(const std::string& text) {
  std::string whole = text + "\n";
  if (::write(fd_, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size())) std::perror("storm record"), std::abort();
}

void Recorder::intend(const Operation& operation) {
  std::ostringstream text;
  text << "I " << static_cast<char>(operation.kind) << ' ' << operation.path << ' ' << (operation.to.empty() ? "-" : operation.to)
       << ' ' << operation.offset << ' ' << operation.length << ' ' << operation.seed;
  line(text.str());
}

void Recorder::acknowledge() { line("A"); }
void Recorder::refuse() { line("R"); }

Promise read_record(const std::string& path) {
  Promise promise;
  std::ifstream file(path);
  std::string text;
  while (std::getline(file, text)) {
    if (text == "A" && promise.open) {
      apply(promise.tree, *promise.open);
      promise.open.reset();
      ++promise.acknowledged;
    } else if (text == "R") {
      promise.open.reset();
    } else if (text.starts_with("I ")) {
      Operation operation{};
      char tag = 0, kind = 0;
      std::istringstream parts(text);
      parts >> tag >> kind >> operation.path >> operation.to >> operation.offset >> operation.length >> operation.seed;
      operation.kind = static_cast<Kind>(kind);
      promise.open = operation;
    }
  }
  return promise;
}

}  // namespace forebay::storm
