// Random operations by several sessions, against a model of each file's bytes and of the names; the metadata is checked all
// along.
#include <map>
#include <random>

#include "base/crc32c.h"
#include "master/ops/content_world.h"

namespace forebay::master {
namespace {

// What a file should hold: for each byte the object and the offset in it; a hole is object 0.
using ModelFile = std::vector<std::pair<uint64_t, uint64_t>>;

struct OpenHandle {
  HandleId handle;
  InodeId inode;
  SessionId session;
  struct Object {
    uint64_t id, size, used;
  };
  std::vector<Object> objects;  // granted and not sealed
};

class RandomTest : public ContentWorld, public testing::WithParamInterface<uint32_t> {
 protected:
  uint64_t below(uint64_t limit) { return random_() % limit; }
  std::string directory() { return below(3) == 0 ? "" : "/d" + std::to_string(below(4)); }
  std::string path() { return directory() + "/n" + std::to_string(below(6)); }
  bool exists(const std::string& path) { return inode_of(path).value != 0; }
  // Directories come and go: only paths whose directory is there are tried.
  std::optional<std::string> reachable_path() {
    std::string candidate = path();
    size_t slash = candidate.rfind('/');
    if (slash != 0 && !exists(candidate.substr(0, slash))) return std::nullopt;
    return candidate;
  }

  void step();
  void open_some();
  void write_some(OpenHandle& open);
  void write_inline(const OpenHandle& open);
  void truncate_some();
  void fallocate_some();
  void change_xattrs();
  void end_some(size_t index);
  void compact_some();
  void change_names();
  void verify(InodeId inode);

  std::mt19937 random_{GetParam()};
  std::vector<OpenHandle> open_;
  std::map<InodeId, ModelFile> files_;
  std::map<InodeId, std::map<std::string, std::string>> xattrs_;
};

void RandomTest::open_some() {
  auto where = reachable_path();
  if (!where) return;
  v1::CreateRequest request;
  request.set_mode(0644);
  request.set_access(v1::ACCESS_READ_WRITE);
  request.set_truncate(below(5) == 0);
  if (below(2) == 0) request.mutable_placement()->set_bytes(1 + below(300));
  auto reply = create(request, *where);
  if (!reply) return;
  OpenHandle opened{HandleId{reply->handle()}, InodeId{reply->attr().inode()}, as.session, {}};
  for (const v1::Grant& grant : reply->grants()) opened.objects.push_back({grant.object(), grant.bytes(), 0});
  ModelFile& file = files_[opened.inode];
  if (request.truncate()) file.clear();
  open_.push_back(std::move(opened));
  verify(open_.back().inode);
}

void RandomTest::write_some(OpenHandle& open) {
  as.session = open.session;
  if (open.objects.empty() || below(4) == 0) {
    auto grant = allocate(open.handle, 1 + below(300));
    if (!grant) return;
    open.objects.push_back({grant->object(), grant->bytes(), 0});
  }
  v1::CommitRequest request;
  request.set_handle(open.handle.value);
  ModelFile& file = files_[open.inode];
  for (uint64_t i = 1 + below(4); i > 0; --i) {
    auto& object = open.objects[below(open.objects.size())];
    if (object.used == object.size) continue;
    uint64_t length = 1 + below(std::min<uint64_t>(object.size - object.used, 60));
    v1::NewExtent& added = *request.add_extents();
    added.set_at_end(below(3) == 0);
    uint64_t at = added.at_end() ? file.size() : below(400);
    *added.mutable_extent() = extent(added.at_end() ? 0 : at, length, object.id, object.used);
    if (file.size() < at + length) file.resize(at + length);
    for (uint64_t b = 0; b < length; ++b) file[at + b] = {object.id, object.used + b};
    object.used += length;
  }
  for (size_t i = 0; i < open.objects.size();) {
    auto object = open.objects[i];
    bool seal = object.used != 0 && below(3) == 0;
    bool unused = object.used == 0 && below(6) == 0;
    if (seal) add_sealed(request, object.id, object.used);
    if (unused) request.add_unused(object.id);
    if (seal || unused) {
      open.objects.erase(open.objects.begin() + static_cast<ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  auto reply = commit(request);
  ASSERT_TRUE(reply) << reply.error().to_string();
  ASSERT_EQ(reply->attr().size(), file.size());
  verify(open.inode);
}

// Bytes that the commit carries, in pieces that may lie over each other.
void RandomTest::write_inline(const OpenHandle& open) {
  as.session = open.session;
  v1::CommitRequest request = request_of(open.handle);
  request.set_inline_content(std::string(1 + below(100), static_cast<char>('a' + below(26))));
  request.set_inline_crc32c(crc32c(as_bytes(request.inline_content())));
  ModelFile& file = files_[open.inode];
  struct Shown {
    uint64_t at, from, length;
  };
  std::vector<Shown> shown;
  for (uint64_t i = below(4); i > 0; --i) {
    const uint64_t from = below(request.inline_content().size()), length = 1 + below(request.inline_content().size() - from);
    v1::NewExtent& added = *request.add_extents();
    added.set_inlined(true);
    added.set_at_end(below(3) == 0);
    const uint64_t at = added.at_end() ? file.size() : below(400);
    *added.mutable_extent() = extent(added.at_end() ? 0 : at, length, 0, from);
    if (file.size() < at + length) file.resize(at + length);
    shown.push_back({at, from, length});
  }
  auto reply = commit(request);
  ASSERT_TRUE(reply) << reply.error().to_string();
  for (const Shown& each : shown) {
    for (uint64_t b = 0; b < each.length; ++b) file[each.at + b] = {reply->inline_object(), each.from + b};
  }
  verify(open.inode);
}

void RandomTest::truncate_some() {
  uint64_t size = below(500);
  if (!open_.empty() && below(2) == 0) {
    const OpenHandle& open = open_[below(open_.size())];
    as.session = open.session;
    v1::SetAttrRequest request;
    request.set_inode(open.inode.value);
    request.set_handle(open.handle.value);
    request.set_size(size);
    ASSERT_TRUE(run(ops::set_attr, request));
    files_[open.inode].resize(size);
    verify(open.inode);
  } else if (auto where = reachable_path(); where && truncate(*where, size)) {
    files_[inode_of(*where)].resize(size);
    verify(inode_of(*where));
  }
}

void RandomTest::fallocate_some() {
  const OpenHandle& open = open_[below(open_.size())];
  as.session = open.session;
  const uint64_t offset = below(400), end = offset + 1 + below(150);
  v1::FallocateRequest request;
  request.set_handle(open.handle.value);
  request.set_offset(offset);
  request.set_length(end - offset);
  request.set_zero(below(4) != 0);
  request.set_keep_size(request.zero() && below(2) == 0);
  ASSERT_TRUE(run(ops::fallocate, request));
  ModelFile& file = files_[open.inode];
  if (!request.keep_size() && file.size() < end) file.resize(end);
  for (uint64_t at = offset; request.zero() && at < std::min<uint64_t>(end, file.size()); ++at) file[at] = {0, 0};
  verify(open.inode);
}

void RandomTest::change_xattrs() {
  auto where = reachable_path();
  const InodeId inode = where ? inode_of(*where) : InodeId{};
  if (inode.value == 0) return;
  std::map<std::string, std::string>& model = xattrs_[inode];
  const std::string name = "user." + std::to_string(below(3));
  if (below(3) == 0) {
    v1::RemoveXattrRequest request;
    request.set_inode(inode.value);
    request.set_name(name);
    ASSERT_EQ(error_of(run(ops::remove_xattr, request)), model.erase(name) == 0 ? ENODATA : 0);
  } else {
    v1::SetXattrRequest request;
    request.set_inode(inode.value);
    request.set_name(name);
    request.set_value(std::string(below(100), static_cast<char>('a' + below(26))));
    ASSERT_TRUE(run(ops::set_xattr, request));
    model[name] = request.value();
  }
  std::map<std::string, std::string> stored;
  ASSERT_TRUE(store_->scan(key::xattrs(inode), kv::prefix_end(key::xattrs(inode)), [&](auto key, auto value) {
    stored[std::string(key.substr(9))] = std::string(value);
    return true;
  }));
  ASSERT_EQ(stored, model);
}

void RandomTest::end_some(size_t index) {
  OpenHandle open = open_[index];
  open_.erase(open_.begin() + static_cast<ptrdiff_t>(index));
  as.session = open.session;
  if (below(2) == 0) {
    ASSERT_TRUE(close(open.handle));
  } else {
    ASSERT_TRUE(change([&](MutationContext& context) { return close_handle(context, open.inode, open.handle); }));
  }
  verify(open.inode);
}

// The same bytes, in a new object: the model only learns where they are now.
void RandomTest::compact_some() {
  OpenHandle& open = open_[below(open_.size())];
  as.session = open.session;
  ModelFile& file = files_[open.inode];
  if (file.empty()) return;
  uint64_t begin = below(file.size()), end = begin + 1 + below(file.size() - begin);
  auto grant = allocate(open.handle, end - begin);
  if (!grant) return;
  v1::CommitRequest request = request_of(open.handle);
  request.set_same_bytes_at_layout(get_attr(open.inode)->layout());
  *request.add_extents()->mutable_extent() = extent(begin, end - begin, grant->object());
  add_sealed(request, grant->object(), end - begin);
  auto done = commit(request);
  ASSERT_TRUE(done) << done.error().to_string();
  for (uint64_t at = begin; at < end; ++at) file[at] = {grant->object(), at - begin};
  verify(open.inode);
}

void RandomTest::change_names() {
  auto from = reachable_path(), to = reachable_path();
  std::string name = "/d" + std::to_string(below(4));
  switch (below(9)) {
    case 0: (void)mkdir(name); break;
    case 1: (void)rmdir(name); break;
    case 2:
      if (below(4) == 0) (void)remove_tree(name);
      break;
    case 3:
      if (from) (void)unlink(*from);
      break;
    case 4:
      if (from && to && exists(*from)) (void)link(*from, *to);
      break;
    case 5:
      if (from && to) (void)exchange(*from, *to);
      break;
    case 6: (void)rename(name, "/d" + std::to_string(below(4))); break;
    case 7:
      if (exists(name)) (void)mkdir(name + "/n" + std::to_string(below(6)));
      break;
    default:
      if (from && to) (void)rename(*from, *to);
      break;
  }
}

void RandomTest::verify(InodeId inode) {
  auto attr = get_attr(inode);
  if (!attr) {
    ASSERT_EQ(error_of(attr), ESTALE);
    files_.erase(inode);
    return;
  }
  const ModelFile& file = files_[inode];
  ASSERT_EQ(attr->size(), file.size());
  ModelFile stored(file.size());
  uint64_t bytes = 0;
  auto page = layout(inode);
  ASSERT_TRUE(page) << page.error().to_string();
  ASSERT_FALSE(page->more());
  for (const v1::Extent& each : page->extents()) {
    bytes += each.length();
    for (uint64_t i = 0; i < each.length(); ++i) stored.at(each.file_offset() + i) = {each.object(), each.object_offset() + i};
  }
  ASSERT_EQ(stored, file);
  ASSERT_EQ(attr->stored_bytes(), bytes);
}

void RandomTest::step() {
  tick();
  as.session = SessionId{1 + below(3)};
  reads.open.clear();
  if (below(3) == 0) reads.open.insert(InodeId{1 + below(50)});
  uint64_t choice = below(23);
  if (choice < 4) {
    open_some();
  } else if (choice < 9) {
    if (!open_.empty() && below(3) == 0)
      write_inline(open_[below(open_.size())]);
    else if (!open_.empty())
      write_some(open_[below(open_.size())]);
  } else if (choice < 11) {
    truncate_some();
  } else if (choice < 13 || open_.size() > 12) {
    if (!open_.empty()) end_some(below(open_.size()));
  } else if (choice == 13) {
    if (!open_.empty()) compact_some();
  } else if (choice == 14) {
    reclaim(1 + below(5));
  } else if (choice == 15) {
    if (!open_.empty()) fallocate_some();
  } else if (choice <= 17) {
    change_xattrs();
  } else {
    change_names();
  }
}

TEST_P(RandomTest, every_object_is_in_a_file_or_on_its_way_out) {
  for (int i = 0; i < 3000; ++i) {
    step();
    ASSERT_FALSE(HasFatalFailure()) << "seed " << GetParam() << ", step " << i;
    if (i % 20 == 0) ASSERT_EQ(problems(), Texts{}) << "seed " << GetParam() << ", step " << i;
  }
  while (!open_.empty()) end_some(0);
  reads.open.clear();
  for (const std::string& name : names("/")) ASSERT_TRUE(remove_tree("/" + name));
  reclaim();
  EXPECT_EQ(count("I"), 1u);
  EXPECT_EQ(count("O") + count("J") + count("V") + count("W") + count("H") + count("h") + count("N") + count("D") + count("Y") +
                count("x"),
            0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTest, testing::Range(1u, 9u));

}  // namespace
}  // namespace forebay::master
