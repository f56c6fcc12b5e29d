#include "master/namespace/check_sessions.h"

namespace forebay::master {

Result<void> SessionCheck::check_handle(const StoredRecord& stored) {
  auto handle = notes_.parse<v1::HandleRecord>(stored);
  if (!handle) return {};
  uint64_t inode = stored.number(0), id = stored.number(1);
  std::string name = named("handle", id);
  ASSIGN_OR_RETURN(auto record, notes_.find<v1::InodeRecord>(key::inode(InodeId{inode})));
  if (!record || handle->inode() != inode) notes_.problem(name, " is of no inode");
  ASSIGN_OR_RETURN(auto back, notes_.reader.get(key::session_handle(SessionId{handle->session()}, HandleId{id})));
  if (!back) notes_.problem(name, " is not listed by its session");
  for (uint64_t granted : handle->granted()) {
    ASSIGN_OR_RETURN(auto object, notes_.find<v1::ObjectRecord>(key::object(ObjectId{granted})));
    bool writable = object && !object->sealed() && object->handle() == id && object->inode() == inode;
    if (!writable) notes_.problem(name, " lists object ", std::to_string(granted), ", which is not its own");
  }
  return {};
}

Result<void> SessionCheck::check_session_handle(const StoredRecord& stored) {
  uint64_t session = stored.number(0), id = stored.number(1);
  if (stored.value.size() != sizeof(uint64_t)) {
    notes_.problem(corrupt_record(stored.key).message());
    return {};
  }
  InodeId inode{read_big_endian(stored.value)};
  ASSIGN_OR_RETURN(auto handle, notes_.find<v1::HandleRecord>(key::handle(inode, HandleId{id})));
  if (!handle || handle->session() != session)
    notes_.problem(named("session", session), " lists handle ", std::to_string(id), ", which is not");
  return {};
}

Result<void> SessionCheck::check_outcome(const StoredRecord& stored) {
  uint64_t session = stored.number(0);
  auto record = notes_.parse<v1::OutcomeRecord>(stored);
  if (!record) return {};
  std::string name = named("outcome", record->sequence()) + " of " + named("session", session);
  if (stored.key != key::outcome(SessionId{session}, record->sequence())) notes_.problem(name, " is in another one's place");
  return check_session(session, name);
}

Result<void> SessionCheck::check_session(uint64_t session, const std::string& what) {
  if (session == checked_session_) return {};
  ASSIGN_OR_RETURN(auto record, notes_.reader.get(key::session(SessionId{session})));
  if (record)
    checked_session_ = session;
  else
    notes_.problem(what, " is kept, and its ", named("session", session), " has ended");
  return {};
}

}  // namespace forebay::master
