#include "cli/content.h"

#include <cstdio>

namespace forebay::cli {
namespace {

constexpr size_t kPiece = 1 << 20;

Result<void> read_pieces(Shell& shell, client::File& file, uint64_t offset, uint64_t length,
                         const std::function<Result<void>(Bytes)>& each) {
  std::vector<std::byte> buffer(kPiece);
  while (length > 0) {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(length, buffer.size()));
    ASSIGN_OR_RETURN(size_t got, shell.wait(file.pread(MutableBytes(buffer).first(wanted), offset)));
    if (got > 0) TRY(each(Bytes(buffer).first(got)));
    if (got < wanted) return {};
    offset += got;
    length -= got;
  }
  return {};
}

}  // namespace

Result<void> read_content(Shell& shell, const Entry& entry, uint64_t offset, uint64_t length,
                          const std::function<Result<void>(Bytes)>& each) {
  if (entry.is_directory()) return rejected(EISDIR, entry.path);
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  Result<std::unique_ptr<client::File>> file = shell.wait(client->open(shell.who(), entry.inode(), {.read = true}));
  if (!file) return std::unexpected(std::move(file).error().with_context(entry.path));
  Result<void> read = read_pieces(shell, **file, offset, length, each);
  (void)shell.wait((*file)->close());  // nothing was written
  if (!read) return std::unexpected(std::move(read).error().with_context(entry.path));
  return {};
}

Result<void> print_content(Shell& shell, const Entry& entry, uint64_t offset, uint64_t length) {
  return read_content(shell, entry, offset, length, [](Bytes piece) -> Result<void> {
    if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size()) return from_errno(errno, "standard output");
    return {};
  });
}

}  // namespace forebay::cli
