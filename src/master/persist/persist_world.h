// A namespace with a mapped directory /c, to key prefix k of a mount at /ufs, and the verbs of a coordinator.
#pragma once

#include <algorithm>

#include "master/ops/content_world.h"
#include "master/persist/blocks.h"
#include "master/persist/intent_queue.h"
#include "master/persist/ops.h"
#include "master/persist/stored_content.h"

namespace forebay::master {

class PersistWorld : public ContentWorld {
 protected:
  Result<v1::AddMountReply> add_mount(const std::string& path, bool has_directories = false) {
    v1::AddMountRequest request;
    request.set_path(path);
    request.set_uri("memory://store");
    request.set_has_directories(has_directories);
    v1::MountOption& secret = *request.add_options();
    secret.set_name("s3.secretKey");
    secret.set_value("do not show");
    return run(ops::add_mount, request);
  }
  Result<v1::ApplyMappingReply> apply(const std::string& text) {
    v1::ApplyMappingRequest request;
    request.set_file("map.json");
    request.set_text(text);
    return run(ops::apply_mapping, request);
  }
  // {"path": "/ufs/k", …policies}
  Result<v1::ApplyMappingReply> map(const std::string& policies = R"("onDelete": "delete")", const std::string& black_list = "") {
    return apply(R"({"cacheOnlyMountPoint": "/c", "asyncUploadPathMapping": {"/c": {"path": "/ufs/k")" +
                 (policies.empty() ? "" : ", " + policies) + "}}, \"blackList\": [" + black_list + "]}");
  }
  void start_mapped(const std::string& policies = R"("onDelete": "delete")", bool has_directories = false) {
    ASSERT_TRUE(add_mount("/ufs", has_directories));
    auto applied = map(policies);
    ASSERT_TRUE(applied) << applied.error().to_string();
    run_all();
  }

  // -- the queue --
  struct Waiting {
    std::string text;  // "persist /c/a", by the directory and name of its entry; "clear k/a"
    v1::IntentPlace place;
    v1::IntentRecord record;
  };
  std::string describe(const v1::IntentRecord& intent) {
    if (intent.kind() == v1::INTENT_CLEAR) return (intent.keeps() ? "fetch " : "clear ") + intent.key();
    if (intent.kind() == v1::INTENT_SWEEP) return "sweep " + intent.key();
    if (intent.kind() == v1::INTENT_DIRECTORY) return "directory " + intent.key();
    if (intent.kind() == v1::INTENT_SETTLE_TREE) return "tree " + std::to_string(intent.directory());
    auto binding = binding_record(intent.binding());
    return (intent.kind() == v1::INTENT_PERSIST ? "persist " : "settle ") + (binding ? binding->name() : "?");
  }
  static Result<v1::NextIntentsReply> due_now(QueryContext& context, const v1::NextIntentsRequest& request) {
    return due_intents(context.reader, os::unix_nanos(context.now), request);
  }
  std::vector<Waiting> waiting() {
    tick();
    as = root();
    std::vector<Waiting> all;
    auto page = run(&due_now, v1::NextIntentsRequest{});
    EXPECT_TRUE(page);
    if (!page) return all;
    for (const v1::WaitingIntent& each : page->intents()) all.push_back({describe(each.intent()), each.place(), each.intent()});
    return all;
  }
  Texts intents() {
    Texts texts;
    for (const Waiting& each : waiting()) texts.push_back(each.text);
    std::ranges::sort(texts);
    return texts;
  }

  // -- operations --
  v1::StartIntentReply start_at(const v1::IntentPlace& place) {
    v1::StartIntentRequest request;
    *request.mutable_place() = place;
    auto reply = run(ops::start_intent, request);
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply.value_or(v1::StartIntentReply{});
  }
  v1::StartIntentReply start_intent(const std::string& text) {
    for (const Waiting& each : waiting()) {
      if (each.text == text) return start_at(each.place);
    }
    ADD_FAILURE() << "no intent " << text << " waits";
    return {};
  }
  v1::Operation upload(const std::string& name) {
    const v1::StartIntentReply reply = start_intent("persist " + name);
    EXPECT_TRUE(reply.has_started()) << reply.DebugString();
    return reply.started();
  }
  Result<std::string> finish(v1::FinishOperationRequest request, const v1::Operation& operation) {
    request.set_operation(operation.operation());
    request.set_epoch(operation.record().epoch());
    auto reply = run(ops::finish_operation, request);
    if (!reply) return std::unexpected(reply.error());
    return reply->result();
  }
  static std::string identity_of(uint64_t inode, uint64_t version) {
    return "etag-" + std::to_string(inode) + "-" + std::to_string(version);
  }
  Result<std::string> finish_done(const v1::Operation& operation) {
    v1::FinishOperationRequest request;
    v1::Done& done = *request.mutable_done();
    const v1::OperationRecord& record = operation.record();
    if (record.kind() != v1::OPERATION_DELETE) done.set_identity(identity_of(record.inode(), record.version()));
    if (record.kind() == v1::OPERATION_RESTORE) {
      for (const v1::ObjectLocation& object : operation.layout().objects()) {
        v1::RestoredObject& restored = *done.add_restored();
        restored.set_object(object.object());
        restored.set_crc32c(1);
        restored.add_workers(1);
      }
    }
    return finish(std::move(request), operation);
  }
  Result<std::string> finish_refused(const v1::Operation& operation, v1::Seen seen) {
    v1::FinishOperationRequest request;
    *request.mutable_refused()->mutable_key() = std::move(seen);
    return finish(std::move(request), operation);
  }
  Result<v1::Operation> fence(const v1::Operation& operation, bool gone) {
    v1::FenceOperationRequest request;
    request.set_operation(operation.operation());
    request.set_epoch(operation.record().epoch());
    request.set_worker_is_gone(gone);
    return run(ops::fence_operation, request);
  }
  Result<std::string> give_up(const v1::Operation& operation, v1::Seen seen) {
    v1::FinishOperationRequest request;
    *request.mutable_gave_up()->mutable_key() = std::move(seen);
    return finish(std::move(request), operation);
  }
  static v1::Seen absent() {
    v1::Seen seen;
    seen.mutable_nothing();
    return seen;
  }
  static v1::Seen ours(uint64_t inode, uint64_t version, const std::string& identity) {
    v1::Seen seen;
    seen.mutable_ours()->set_inode(inode);
    seen.mutable_ours()->set_version(version);
    seen.mutable_ours()->set_identity(identity);
    return seen;
  }
  static v1::Seen ours(uint64_t inode, uint64_t version) { return ours(inode, version, identity_of(inode, version)); }
  static v1::Seen foreign(const std::string& identity = "theirs", uint64_t length = 5) {
    v1::Seen seen;
    seen.mutable_foreign()->set_identity(identity);
    seen.mutable_foreign()->set_length(length);
    return seen;
  }
  // Everything that is due, in order, each operation with success, until nothing is left.
  Texts run_all() {
    Texts done;
    for (bool moved = true; moved;) {
      moved = false;
      for (const Waiting& each : waiting()) {
        const v1::StartIntentReply reply = start_at(each.place);
        moved = moved || !reply.has_waits();
        const v1::Operation* operation = reply.has_started() ? &reply.started() : reply.has_first() ? &reply.first() : nullptr;
        if (!operation) continue;
        done.push_back(text_of(operation->record()));
        EXPECT_TRUE(finish_done(*operation));
      }
    }
    return done;
  }
  static std::string text_of(const v1::OperationRecord& record) {
    switch (record.kind()) {
      case v1::OPERATION_UPLOAD: return "upload " + record.key();
      case v1::OPERATION_MOVE: return "move " + record.source_key() + " " + record.key();
      case v1::OPERATION_DELETE: return "delete " + record.key();
      case v1::OPERATION_RESTORE: return "restore " + record.key();
      case v1::OPERATION_ATTRIBUTES: return "attributes " + record.key();
      case v1::OPERATION_MAKE_DIRECTORY: return "mkdir " + record.key();
      case v1::OPERATION_SWEEP: return "sweep " + record.key();
      default: return "rmdir " + record.key();
    }
  }

  // -- what is recorded --
  std::optional<v1::BindingRecord> binding_record(uint64_t id) {
    auto record = read_record<v1::BindingRecord>(*store_, key::binding(id));
    EXPECT_TRUE(record);
    return record ? *record : std::nullopt;
  }
  uint64_t binding_of(const std::string& path) {
    auto [parent, name] = split(path);
    auto entry = read_record<v1::DentryRecord>(*store_, key::dentry(parent, name));
    return entry && *entry ? (*entry)->binding() : 0;
  }
  std::string bound_key(const std::string& path) {
    auto record = binding_record(binding_of(path));
    return record ? record->bound().key() : "no binding";
  }
  bool is_clean(const std::string& path) {
    auto record = binding_record(binding_of(path));
    auto attr = stat(path);
    return record && attr && record->has_bound() && record->bound().version() == attr->version();
  }
  void rewrite(const std::string& path, uint64_t bytes) {
    auto opened = open(path, v1::ACCESS_WRITE, true);
    ASSERT_TRUE(opened);
    const HandleId handle{opened->handle()};
    auto grant = allocate(handle, bytes);
    ASSERT_TRUE(grant);
    v1::CommitRequest request = request_of(handle);
    *request.add_extents()->mutable_extent() = extent(0, bytes, grant->object());
    add_sealed(request, grant->object(), bytes);
    request.set_close(true);
    ASSERT_TRUE(commit(request));
  }
  bool evict_file(const std::string& path) {
    bool evicted = false;
    const InodeId inode = inode_of(path);
    EXPECT_TRUE(change([&](MutationContext& context) -> Result<void> {
      ASSIGN_OR_RETURN(const Evicted done, evict(context, inode));
      evicted = done.at_rest;
      return {};
    }));
    return evicted;
  }
};

}  // namespace forebay::master
