// An under store as workers show it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "forebay/v1/common.pb.h"
#include "forebay/v1/under.pb.h"

namespace forebay::client {

struct FakeUnderStore {
  struct Object {
    std::string content;
    uint64_t writes = 0;  // its identity
  };
  std::map<std::string, Object> objects;
  uint64_t hidden = 0;  // told with every page
  int reads = 0;        // answered with bytes

  void put(const std::string& key, std::string content) {
    Object& object = objects[key];
    object.content = std::move(content);
    object.writes = ++writes_;
  }
  std::string identity(const std::string& key) const { return "id-" + std::to_string(objects.at(key).writes); }

  Result<v1::UnderEntry> stat(const v1::StatUnderRequest& request) const;
  Result<v1::ListUnderReply> list(const v1::ListUnderRequest& request) const;
  Result<std::string> read(const v1::ReadUnderRequest& request);

  std::map<uint64_t, v1::BeginUnderUploadRequest> uploads;  // begun and not ended
  std::map<uint64_t, std::string> written;
  bool keeps_attributes = true;
  std::vector<v1::SetUnderAttributesRequest> attributes;
  Result<v1::BeginUnderUploadReply> begin(const v1::BeginUnderUploadRequest& request);
  Result<v1::Empty> write(const v1::WriteUnderUploadRequest& request, const std::string& bytes);
  Result<v1::EndUnderUploadReply> end(const v1::EndUnderUploadRequest& request);
  Result<v1::Empty> abort(const v1::AbortUnderUploadRequest& request);
  Result<v1::Empty> remove(const v1::RemoveUnderRequest& request);
  Result<v1::Empty> rename(const v1::RenameUnderRequest& request);
  Result<v1::SetUnderAttributesReply> set_attributes(const v1::SetUnderAttributesRequest& request);

 private:
  uint64_t writes_ = 0;
};

}  // namespace forebay::client
