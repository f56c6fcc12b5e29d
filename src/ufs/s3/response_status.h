// What an answer of S3 means to the caller.
#pragma once

#include <string>

#include "base/status.h"
#include "ufs/s3/http.h"
#include "ufs/s3/xml.h"

namespace forebay::ufs {

// Of an answer that is no success. `doing` names the operation and the key. `writes`: whether the request changes something, so
// that a 500 leaves it open whether it did. Carries the store's code and message, never a header or a query.
Status status_of_response(const HttpResponse& response, const S3Error& error, const std::string& doing, bool writes);

// Of a request without an answer.
Status status_of_trouble(const HttpOutcome& outcome, const std::string& doing, bool writes);

}  // namespace forebay::ufs
