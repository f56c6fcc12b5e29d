// Workers as `info` shows them.
#pragma once

#include <string>

#include "cli/output.h"
#include "forebay/v1/admin.pb.h"

namespace forebay::cli {

std::string workers_table(const v1::ReportReply& report);
Json workers_json(const v1::ReportReply& report);

}  // namespace forebay::cli
