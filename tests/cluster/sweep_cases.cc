#include "sweep_cases.h"

#include <utility>

#include "observe.h"

namespace forebay::cluster {
namespace {

using client::Client;

// /t/f, 10,000 bytes, linked as /t/h; /t/d with a file g; /t/empty; /t/s, a symbolic link.
constexpr const char* kSmall = "a few bytes";
std::string long_text(char letter) { return std::string(10'000, letter); }

Task<Result<InodeId>> find(Client* client, std::string path) {
  CO_ASSIGN_OR_RETURN(v1::ResolveReply found, co_await client->resolve(kSuperuser, "/t" + path, false));
  if (!found.has_attr()) co_return rejected(ENOENT, path);
  co_return InodeId{found.attr().inode()};
}

Task<Result<void>> write_new(Client* client, InodeId parent, std::string name, std::string text) {
  CO_ASSIGN_OR_RETURN(client::Created created, co_await client->create(kSuperuser, parent, name, 0644, {.write = true}, true));
  CO_TRY(co_await created.file->pwrite(as_bytes(text), 0));
  co_return co_await created.file->close();
}

Task<Result<std::unique_ptr<client::File>>> open_f(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId inode, co_await find(client, "/f"));
  co_return co_await client->open(kSuperuser, inode, {.write = true});
}

Task<Result<void>> done(Result<v1::Attr> result) {
  if (!result) co_return std::unexpected(std::move(result).error());
  co_return Result<void>{};
}

Task<Result<void>> make_dir(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, ""));
  Result<v1::Attr> made = co_await client->make_dir(kSuperuser, parent, "new", 0755);
  co_return co_await done(std::move(made));
}
Task<Result<void>> create_and_close(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, ""));
  co_return co_await write_new(client, parent, "new", long_text('n'));
}
Task<Result<void>> overwrite_and_fsync(Client* client) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await open_f(client));
  CO_TRY(co_await file->pwrite(as_bytes(long_text('o')), 5'000));
  CO_TRY(co_await file->fsync(v1::DURABILITY_FSYNC));
  co_return co_await file->close();
}
Task<Result<void>> append_and_close(Client* client) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await open_f(client));
  CO_TRY(co_await file->append(as_bytes(long_text('p'))));
  co_return co_await file->close();
}
Task<Result<void>> truncate_open(Client* client) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await open_f(client));
  CO_TRY(co_await file->truncate(77));
  co_return co_await file->close();
}
Task<Result<void>> grow_open(Client* client) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await open_f(client));
  CO_TRY(co_await file->truncate(20'000));
  co_return co_await file->close();
}
Task<Result<void>> punch_open(Client* client) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await open_f(client));
  CO_TRY(co_await file->fallocate(2'000, 5'000, {.zero = true, .keep_size = true}));
  co_return co_await file->close();
}
Task<Result<void>> name_unnamed(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, ""));
  CO_ASSIGN_OR_RETURN(client::Created created, co_await client->create_unnamed(kSuperuser, parent, 0644, {.write = true}, true));
  const std::string text = long_text('v');
  CO_TRY(co_await created.file->pwrite(as_bytes(text), 0));
  CO_TRY(co_await created.file->fsync(v1::DURABILITY_FSYNC));
  Result<v1::Attr> named = co_await client->link(kSuperuser, created.file->inode(), parent, "new");
  CO_TRY(co_await done(std::move(named)));
  co_return co_await created.file->close();
}
// Many small extents, and then what the client makes of them in the background.
constexpr uint64_t kPieces = 12;
uint64_t piece_at(uint64_t i) { return i * 800; }
std::string piece(uint64_t i) { return std::string(100, static_cast<char>('0' + i)); }
Task<Result<void>> fragment_and_compact(Client* client) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await open_f(client));
  for (uint64_t i = 0; i < kPieces; ++i) {
    const std::string text = piece(i);
    CO_TRY(co_await file->pwrite(as_bytes(text), piece_at(i)));
  }
  CO_TRY(co_await file->close());
  for (int look = 0; look < 300; ++look) {
    Result<v1::Layout> layout = co_await client->layout(kSuperuser, file->inode(), 0);
    if (layout && layout->extents_size() < static_cast<int>(kPieces)) break;
  }
  co_return Result<void>{};
}
Task<Result<void>> unlink_open(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, "/d"));
  CO_ASSIGN_OR_RETURN(InodeId inode, co_await find(client, "/d/g"));
  CO_ASSIGN_OR_RETURN(std::unique_ptr<client::File> file, co_await client->open(kSuperuser, inode, {.write = true}));
  CO_TRY(co_await client->unlink(kSuperuser, parent, "g"));
  const std::string text = long_text('u');
  CO_TRY(co_await file->pwrite(as_bytes(text), 0));
  CO_TRY(co_await file->fsync(v1::DURABILITY_FSYNC));
  std::string seen(text.size(), '#');
  CO_ASSIGN_OR_RETURN(const size_t length, co_await file->pread(std::as_writable_bytes(std::span(seen)), 0));
  if (length != text.size() || seen != text) co_return corrupt("read " + difference(text, seen));
  co_return co_await file->close();
}
Task<Result<void>> truncate_by_name(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId inode, co_await find(client, "/f"));
  v1::SetAttrRequest request;
  request.set_inode(inode.value);
  request.set_size(77);
  Result<v1::Attr> changed = co_await client->set_attr(kSuperuser, std::move(request), nullptr);
  co_return co_await done(std::move(changed));
}
Task<Result<void>> set_mode(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId inode, co_await find(client, "/d"));
  v1::SetAttrRequest request;
  request.set_inode(inode.value);
  request.set_mode(0700);
  Result<v1::Attr> changed = co_await client->set_attr(kSuperuser, std::move(request), nullptr);
  co_return co_await done(std::move(changed));
}
Task<Result<void>> rename_between(Client* client, std::string from, std::string to_directory, std::string to, bool exchange) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, ""));
  CO_ASSIGN_OR_RETURN(InodeId target, co_await find(client, to_directory));
  v1::RenameRequest request;
  request.set_parent(parent.value);
  request.set_name(from);
  request.set_new_parent(target.value);
  request.set_new_name(to);
  request.set_exchange(exchange);
  co_return co_await client->rename(kSuperuser, std::move(request));
}
Task<Result<void>> rename_away(Client* client) { return rename_between(client, "f", "/empty", "moved", false); }
Task<Result<void>> rename_over(Client* client) { return rename_between(client, "f", "/d", "g", false); }
Task<Result<void>> exchange(Client* client) { return rename_between(client, "d", "", "f", true); }
Task<Result<void>> unlink(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, "/d"));
  co_return co_await client->unlink(kSuperuser, parent, "g");
}
Task<Result<void>> remove_dir(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, ""));
  co_return co_await client->remove_dir(kSuperuser, parent, "empty");
}
Task<Result<void>> remove_tree(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, ""));
  co_return co_await client->remove_tree(kSuperuser, parent, "d");
}
Task<Result<void>> symlink(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, ""));
  Result<v1::Attr> made = co_await client->make_symlink(kSuperuser, parent, "new", "elsewhere");
  co_return co_await done(std::move(made));
}
Task<Result<void>> link(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId parent, co_await find(client, "/d"));
  CO_ASSIGN_OR_RETURN(InodeId file, co_await find(client, "/f"));
  Result<v1::Attr> linked = co_await client->link(kSuperuser, file, parent, "new");
  co_return co_await done(std::move(linked));
}
Task<Result<void>> read(Client* client) {
  CO_ASSIGN_OR_RETURN(InodeId inode, co_await find(client, "/f"));
  CO_ASSIGN_OR_RETURN(std::string text, co_await read_file(client, inode));
  if (text != long_text('f')) co_return corrupt("read " + difference(long_text('f'), text));
  co_return Result<void>{};
}

void as_it_was(ModelTree&) {}

}  // namespace

ModelTree sweep_tree() {
  ModelTree tree;
  tree.create({"f"}, 0644, true);
  tree.link(tree.find({"f"}), {"h"});
  tree.make_dir({"d"}, 0755);
  tree.create({"d", "g"}, 0644, true);
  tree.make_dir({"empty"}, 0755);
  tree.symlink({"s"}, "target");
  tree.find({"f"})->content.adopt(long_text('f'));
  tree.find({"d", "g"})->content.adopt(kSmall);
  return tree;
}

Task<Result<void>> make_sweep_tree(Client* client) {
  CO_ASSIGN_OR_RETURN(v1::Attr root, co_await client->make_dir(kSuperuser, kRootInode, "t", 0755));
  const InodeId t{root.inode()};
  CO_TRY(co_await write_new(client, t, "f", long_text('f')));
  CO_ASSIGN_OR_RETURN(InodeId f, co_await find(client, "/f"));
  CO_TRY(co_await client->link(kSuperuser, f, t, "h"));
  CO_ASSIGN_OR_RETURN(v1::Attr d, co_await client->make_dir(kSuperuser, t, "d", 0755));
  CO_TRY(co_await write_new(client, InodeId{d.inode()}, "g", kSmall));
  CO_TRY(co_await client->make_dir(kSuperuser, t, "empty", 0755));
  CO_TRY(co_await client->make_symlink(kSuperuser, t, "s", "target"));
  co_return Result<void>{};
}

const std::vector<SweepCase>& sweep_cases() {
  static const std::vector<SweepCase> cases = {
      {"make_dir", make_dir, {as_it_was, [](ModelTree& t) { t.make_dir({"new"}, 0755); }}},
      {"create_and_close",
       create_and_close,
       {as_it_was,
        [](ModelTree& t) {
          t.create({"new"}, 0644, true);
          t.find({"new"})->content.write(0, long_text('n'), 1);
        }}},
      {"overwrite_and_fsync", overwrite_and_fsync, {[](ModelTree& t) {
         t.find({"f"})->content.write(5'000, long_text('o'), 1);
       }}},
      {"append_and_close", append_and_close, {[](ModelTree& t) { t.find({"f"})->content.append(long_text('p'), 1); }}},
      {"truncate_open", truncate_open, {[](ModelTree& t) { t.find({"f"})->content.truncate(77, 1); }}},
      {"grow_open", grow_open, {[](ModelTree& t) { t.find({"f"})->content.truncate(20'000, 1); }}},
      {"punch_open", punch_open, {[](ModelTree& t) { t.find({"f"})->content.write(2'000, std::string(5'000, '\0'), 1); }}},
      {"name_unnamed",
       name_unnamed,
       {as_it_was,
        [](ModelTree& t) {
          t.create({"new"}, 0644, true);
          t.find({"new"})->content.write(0, long_text('v'), 1);
        }}},
      {"fragment_and_compact", fragment_and_compact, {[](ModelTree& t) {
         for (uint64_t i = 0; i < kPieces; ++i) t.find({"f"})->content.write(piece_at(i), piece(i), 1);
       }}},
      {"unlink_open", unlink_open, {as_it_was, [](ModelTree& t) { t.unlink({"d", "g"}); }}},
      {"truncate_by_name", truncate_by_name, {[](ModelTree& t) { t.find({"f"})->content.truncate(77, 1); }}},
      {"set_mode", set_mode, {as_it_was, [](ModelTree& t) { t.find({"d"})->mode = 0700; }}},
      {"rename_away", rename_away, {as_it_was, [](ModelTree& t) { t.rename({"f"}, {"empty", "moved"}, false, false); }}},
      {"rename_over", rename_over, {as_it_was, [](ModelTree& t) { t.rename({"f"}, {"d", "g"}, false, false); }}},
      {"exchange", exchange, {as_it_was, [](ModelTree& t) { t.rename({"d"}, {"f"}, false, true); }}},
      {"unlink", unlink, {as_it_was, [](ModelTree& t) { t.unlink({"d", "g"}); }}},
      {"remove_dir", remove_dir, {as_it_was, [](ModelTree& t) { t.remove_dir({"empty"}); }}},
      {"remove_tree", remove_tree, {as_it_was, [](ModelTree& t) { t.remove_tree({"d"}); }}},
      {"symlink", symlink, {as_it_was, [](ModelTree& t) { t.symlink({"new"}, "elsewhere"); }}},
      {"link", link, {as_it_was, [](ModelTree& t) { t.link(t.find({"f"}), {"d", "new"}); }}},
      {"read", read, {as_it_was}},
  };
  return cases;
}

}  // namespace forebay::cluster
