#include "records.h"

#include <algorithm>
#include <vector>

#include "master/schema.h"

namespace forebay::model {
namespace {

using namespace forebay::master;

constexpr uint64_t kNone = 0;

class Printer {
 public:
  Printer(const Records& records, Ranks& ranks, bool collecting, std::string& out)
      : records_(records), ranks_(ranks), collecting_(collecting), out_(out) {}
  void run();

 private:
  template <class Record>
  static Record parse(std::string_view value) {
    Record record;
    record.ParseFromArray(value.data(), static_cast<int>(value.size()));
    return record;
  }
  static uint64_t number(std::string_view key, size_t index) { return read_big_endian(key.substr(1 + 8 * index, 8)); }
  void id(Kind kind, uint64_t value) {
    if (value == kNone) {
      out_ += "- ";
    } else if (collecting_) {
      ranks_.name(kind, value);
    } else {
      out_ += ranks_.text(kind, value) + " ";
    }
  }
  void plain(uint64_t value) { out_ += std::to_string(value) + " "; }
  void text(std::string_view value) { (out_ += value) += ' '; }
  void content(const v1::OwnContent& content) {
    id(Kind::kInode, content.inode());
    plain(content.version());
    plain(content.identity().empty() ? 0 : content.identity()[0] == 'F' ? 2 : 1);
  }
  void record(std::string_view key, std::string_view value);
  void inode(std::string_view key, const v1::InodeRecord& record);
  void version(std::string_view key);
  void binding(std::string_view key, const v1::BindingRecord& record);
  void stored_key(std::string_view key, const v1::KeyRecord& record);
  void intent(const v1::IntentRecord& record);
  void operation(std::string_view key, const v1::OperationRecord& record);

  const Records& records_;
  Ranks& ranks_;
  const bool collecting_;
  std::string& out_;
  std::vector<std::string> intents_;  // their order in the queue decides nothing
};

void Printer::inode(std::string_view key, const v1::InodeRecord& record) {
  id(Kind::kInode, number(key, 0));
  id(Kind::kInode, record.parent());
  for (uint64_t value : {static_cast<uint64_t>(record.type()), uint64_t{record.nlink()}, record.version(),
                         uint64_t{record.pins()}, record.size()}) {
    plain(value);
  }
}

// Where the bytes are: in the cache or not.
void Printer::version(std::string_view key) {
  id(Kind::kInode, number(key, 0));
  plain(number(key, 1));
  const auto list = parse<v1::ExtentListRecord>(records_.find(key)->second);
  for (uint64_t object : list.object()) {
    auto found = records_.find(key::object(ObjectId{object}));
    const auto record = found == records_.end() ? v1::ObjectRecord() : parse<v1::ObjectRecord>(found->second);
    plain(record.workers().empty() ? 0 : 1);
    plain(record.unverified() ? 1 : 0);
    plain(record.stored_version());
    auto fetch = records_.find(key::fetch(ObjectId{object}));
    plain(fetch == records_.end() ? 0 : 1);
    if (fetch != records_.end()) id(Kind::kOperation, parse<v1::FetchRecord>(fetch->second).operation());
  }
}

void Printer::binding(std::string_view key, const v1::BindingRecord& record) {
  id(Kind::kBinding, number(key, 0));
  id(Kind::kInode, record.inode());
  id(Kind::kInode, record.directory());
  text(record.name());
  text(record.bound().key());
  plain(record.bound().version());
  plain(record.has_intent() ? 1 : 0);
  id(Kind::kOperation, record.operation());
  text(record.conflict().key());
  text(record.conflict().theirs());
  id(Kind::kOrder, record.last_order());
  plain(record.order() != 0 ? 1 : 0);
  plain(record.attributes() ? 1 : 0);
  text(record.aside().key());
  text(record.aside().target());
}

void Printer::stored_key(std::string_view key, const v1::KeyRecord& record) {
  text(key.substr(9));
  id(Kind::kBinding, record.binding());
  id(Kind::kOperation, record.operation());
  content(record.ours());
  text(record.replaceable());
}

void Printer::intent(const v1::IntentRecord& record) {
  std::string whole;
  std::swap(whole, out_);
  // persist and settle are one: they differ in what is shown.
  plain(static_cast<uint64_t>(record.kind() == v1::INTENT_SETTLE ? v1::INTENT_PERSIST : record.kind()));
  id(Kind::kBinding, record.binding());
  id(Kind::kInode, record.directory());
  text(record.key());
  text(record.cursor());
  plain((record.keeps() ? 1 : 0) + (record.lost() ? 2 : 0));
  std::swap(whole, out_);
  intents_.push_back(std::move(whole));
}

void Printer::operation(std::string_view key, const v1::OperationRecord& record) {
  id(Kind::kOperation, number(key, 0));
  plain(record.kind());
  plain(record.epoch());
  id(Kind::kBinding, record.binding());
  id(Kind::kInode, record.inode());
  plain(record.version());
  text(record.key());
  content(record.expected());
  text(record.expected_foreign());
  text(record.source_key());
  content(record.source());
  id(Kind::kInode, record.directory());
  id(Kind::kOrder, record.order());
  auto block = records_.find(key::object(ObjectId{record.object()}));
  plain(block == records_.end() ? 0 : 1 + parse<v1::ObjectRecord>(block->second).stored_offset());
}

void Printer::record(std::string_view key, std::string_view value) {
  switch (key[0]) {
    case 'B': binding(key, parse<v1::BindingRecord>(value)); break;
    case 'D': {
      const auto entry = parse<v1::DentryRecord>(value);
      id(Kind::kInode, number(key, 0));
      text(key.substr(9));
      id(Kind::kInode, entry.inode());
      id(Kind::kBinding, entry.binding());
      break;
    }
    case 'E': operation(key, parse<v1::OperationRecord>(value)); break;
    case 'I': inode(key, parse<v1::InodeRecord>(value)); break;
    case 'K': stored_key(key, parse<v1::KeyRecord>(value)); break;
    case 'N': id(Kind::kInode, number(key, 0)); break;
    case 'Q': intent(parse<v1::IntentRecord>(value)); break;
    case 'V': version(key); break;
    default: return;
  }
  out_ += '\n';
}

void Printer::run() {
  for (const auto& [key, value] : records_) {
    const size_t before = out_.size();
    out_ += key[0];
    record(key, value);
    if (out_.size() == before + 1 || key[0] == 'Q') out_.resize(before);
  }
  std::ranges::sort(intents_);
  for (const std::string& intent : intents_) (out_ += intent) += '\n';
}

}  // namespace

Result<std::optional<std::string>> RecordsReader::get(std::string_view key) const {
  auto found = records_->find(key);
  if (found == records_->end()) return std::optional<std::string>{};
  return found->second;
}

Result<void> RecordsReader::scan(std::string_view begin, std::string_view end,
                                 const std::function<bool(std::string_view, std::string_view)>& each) const {
  for (auto at = records_->lower_bound(begin); at != records_->end() && at->first < end; ++at) {
    if (!each(at->first, at->second)) break;
  }
  return {};
}

Shared with_changes(const Shared& records, kv::WriteBatch batch) {
  if (batch.empty()) return records;
  auto after = std::make_shared<Records>(*records);
  for (const kv::WriteBatch::Change& change : batch.changes()) {
    if (change.value)
      (*after)[change.key] = *change.value;
    else
      after->erase(change.key);
  }
  return after;
}

std::string Ranks::text(Kind kind, uint64_t id) const {
  const std::set<uint64_t>& ids = ids_[static_cast<size_t>(kind)];
  return std::string(1, "ibox"[static_cast<size_t>(kind)]) + std::to_string(std::distance(ids.begin(), ids.find(id)));
}

void print(const Records& records, Ranks& ranks, bool collecting, std::string& out) {
  Printer(records, ranks, collecting, out).run();
}

}  // namespace forebay::model
