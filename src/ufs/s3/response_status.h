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

// An answer that no store gives: the page of a proxy, of a load balancer that has nothing behind it, of a network where somebody
// has to sign in; whatever its status. Of answers with text alone: one to a HEAD, or one that goes to a sink, says too little.
bool is_of_a_stranger(const HttpResponse& response);
// The store may do later what it was asked, or never hear of it.
Status status_of_stranger(const HttpResponse& response, const std::string& doing, bool writes);
// The answer has the store's own mark, which nobody in between makes up: the number it gives to each request.
bool has_request_id(const HttpResponse& response);

// Of a request without an answer.
Status status_of_trouble(const HttpOutcome& outcome, const std::string& doing, bool writes);

}  // namespace forebay::ufs
