// Seam: the store below the cache (S3, a NAS). Memory, posix, s3; faulty around any of them. One contract suite:
// store_contract.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/status.h"
#include "os/clock.h"
#include "ufs/body.h"
#include "ufs/capabilities.h"
#include "ufs/failure.h"
#include "ufs/identity.h"
#include "ufs/key.h"
#include "ufs/stamp.h"

namespace forebay::ufs {

// How long the caller waits. At the deadline a read is `busy`, a write that may have reached the store `unknown`.
struct Call {
  os::Instant deadline = os::Instant::max();
  std::stop_token stop;
};

struct Attributes {
  std::optional<uint32_t> mode;
  std::optional<uint32_t> uid, gid;
  std::optional<int64_t> mtime_ns;
};

struct ObjectStat {
  uint64_t length = 0;
  int64_t mtime_ns = 0;  // as the store says: S3 in seconds, and never the stamp's
  Identity identity;
  std::optional<Stamp> stamp;  // nothing: foreign
};

struct Range {
  uint64_t offset = 0;
  uint64_t length = UINT64_MAX;  // to the end
};

struct ListRequest {
  std::string prefix;        // of keys, not a directory: "a/b" finds "a/bc"; "" everything
  bool by_directory = true;  // one entry for all that is below the next '/' after the prefix; else every object below it
  std::string start_after;   // only keys greater than this (bytewise), of a directory what follows all of it; not with `cursor`
  std::string cursor;        // from the page before, with the same prefix and by_directory
  uint32_t most = 1000;      // 1 to 1,000 entries a page
};
struct ListEntry {
  std::string key;  // a directory's ends in '/'
  bool is_directory = false;
  uint64_t length = 0;  // this and the following: of objects only
  int64_t mtime_ns = 0;
  Identity identity;
  Attributes attributes = {};  // as far as the store keeps any (kAttributes), of directories too
};
struct ListPage {
  std::vector<ListEntry> entries;  // in byte order of the keys
  std::string cursor;              // empty: this was the last page
};

// What is at a path.
struct Place {
  bool is_directory = false;
  ObjectStat object;      // of a directory only its mtime, where the store keeps one
  Attributes attributes;  // as of a ListEntry
};

// A write in one go.
struct PutRequest {
  std::string key;
  Stamp stamp;
  Condition condition;
  std::string operation;  // see key.h; names what it leaves in the store while it runs
};

// An upload in parts. Nothing is visible at the key before complete_upload().
struct Upload {
  std::string key;
  std::string id;  // the store's
  int64_t started_ns = 0;
};
struct UploadRequest {
  std::string key;
  Stamp stamp;
  std::string operation;
};
struct Part {
  uint32_t number = 0;  // from 1
  uint64_t offset = 0;  // the length of all parts before it
  uint64_t length = 0;
  std::string tag;  // the store's proof of the bytes
};
struct UploadsPage {
  std::vector<Upload> uploads;
  std::string cursor;
};

struct CopyRequest {
  std::string from;
  Condition source;  // none() or is(): nothing but this identity is copied
  std::string to;
  Condition target;
  std::optional<Stamp> stamp;  // written instead of the source's
  std::string operation;
};

// What every store checks before it sends anything. Numbers from 1 to limits.parts, sizes within the limits (EINVAL, E2BIG,
// EFBIG) …
Result<void> check_part(uint32_t number, uint64_t offset, uint64_t length, const Limits& limits);
// … and all of an object's parts there, in order, each beginning where the one before it ends; at least one (it may be empty).
Result<void> check_parts(const std::vector<Part>& parts);

// A store below one mount; keys are relative to the mount's URI. Any number of calls at a time, from any executor; a caller
// resumes on its own. Outlives its calls. What the caller passes by pointer it keeps until the call has returned, and a call
// returns, whatever happens, soon after its deadline or its token.
//
// Errors say what to do next (failure.h). A call that changes something and fails otherwise than with kUnknown or kCancelled
// changed nothing that a reader sees. Keys change atomically: a reader sees one whole object, the old or the new. After success
// the change is as durable as the store makes it. Bad names and sizes are refused before anything is sent.
//
// Memory: each call holds at most the store's configured buffers, never a body. Nothing is retried here but reads (a few times).
class UnderStore {
 public:
  virtual ~UnderStore() = default;

  // "s3://bucket/prefix", for messages; never with secrets.
  virtual const std::string& uri() const = 0;
  virtual const Limits& limits() const = 0;
  // What is known: nothing before probe(), unless the store was opened with capabilities found earlier.
  virtual Capabilities capabilities() const = 0;
  // Finds out, at mount time, by trying every condition with a wrong value and a right one on keys of its own below the mount;
  // they are removed again. Fails as the first failing call does: wrong credentials, no such bucket, no permission to write.
  virtual Task<Result<Capabilities>> probe(Call call) = 0;

  virtual Task<Result<ObjectStat>> head(std::string key, Call call) = 0;
  // An object at this path, or a directory; an object hides the directory of its name. kNotFound. On a store without kDirectories
  // a directory is what some key lies below, or a marker. "": the mount itself, which has to be there.
  virtual Task<Result<Place>> look(std::string path, Call call) = 0;
  // Sends the bytes of the range, as far as the object has them, to `sink`; the stat is of the same moment as the bytes. With
  // is(): kConflict if the key holds anything else. ERANGE is not an error: a range behind the end is empty.
  virtual Task<Result<ObjectStat>> get(std::string key, Range range, Condition condition, BodySink* sink, Call call) = 0;
  // A missing prefix is an empty listing. Reserved names are left out: a page may be empty and still have a cursor.
  virtual Task<Result<ListPage>> list(ListRequest request, Call call) = 0;

  // kNotFound: it was fenced meanwhile (kFencedPut).
  virtual Task<Result<Identity>> put(PutRequest request, BodySource* body, Call call) = 0;

  // Give the id to whoever has to abort it one day before the first part. With the same operation twice: two uploads on S3, on a
  // NAS the same one, emptied.
  virtual Task<Result<Upload>> create_upload(UploadRequest request, Call call) = 0;
  // Parts may be sent in any order and at a time; a number sent again replaces the part. kNotFound: the upload is gone (fenced).
  virtual Task<Result<Part>> put_part(Upload upload, uint32_t number, uint64_t offset, BodySource* body, Call call) = 0;
  // Parts that surely are there: to be resumed with. May leave out some (a NAS forgets with the process): those are sent again.
  virtual Task<Result<std::vector<Part>>> list_parts(Upload upload, Call call) = 0;
  // `parts`: all of them, by number from 1, without a gap; exactly these become the object. An upload that met kConflict is still
  // there. kNotFound: it is gone: aborted, or completed earlier, or by this call if its answer was lost: look at the key.
  virtual Task<Result<Identity>> complete_upload(Upload upload, std::vector<Part> parts, Condition condition, Call call) = 0;
  // The fence: after success no part of it can ever become visible (unless complete_upload() had succeeded before). Also stops a
  // put() of the operation `upload.id` where the store has kFencedPut. No such upload: success.
  virtual Task<Result<void>> abort_upload(Upload upload, Call call) = 0;
  // Uploads whose keys begin with `prefix`, foreign ones too. A NAS may not know the name: the key is then its directory with
  // '/'.
  virtual Task<Result<UploadsPage>> list_uploads(std::string prefix, std::string cursor, Call call) = 0;

  virtual Task<Result<Identity>> copy(CopyRequest request, Call call) = 0;
  // No such key: success, whatever the condition.
  virtual Task<Result<void>> remove(std::string key, Condition condition, Call call) = 0;
  // Only with kRename, else EOPNOTSUPP. The identity does not change.
  virtual Task<Result<void>> rename(std::string from, Condition source, std::string to, Condition target, Call call) = 0;
  // The whole tree below it. `to` must be free: kConflict if not.
  virtual Task<Result<void>> rename_directory(std::string from, std::string to, Call call) = 0;

  // Directories above a key come by themselves. On a store without kDirectories these keep a marker where the mount's option
  // `dirs` says so, else do nothing. An existing directory: success, attributes set.
  virtual Task<Result<void>> make_directory(std::string path, Attributes attributes, Call call) = 0;
  // No such directory: success. Not empty: `rejected` ENOTEMPTY.
  virtual Task<Result<void>> remove_directory(std::string path, Call call) = 0;
  // Of a key or a directory, with kAttributes; else EOPNOTSUPP. Setting the mtime changes a file's identity: it is returned.
  virtual Task<Result<Identity>> set_attributes(std::string path, Attributes attributes, Call call) = 0;
};

}  // namespace forebay::ufs
