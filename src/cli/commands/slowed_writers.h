// Whether writers are slowed, as `info report` and `persist status` show it.
#pragma once

#include <string>

#include "cli/output.h"
#include "forebay/v1/admin.pb.h"

namespace forebay::cli {

std::string slowed_writers_line(const v1::IntakeReport& intake);
Json slowed_writers_json(const v1::IntakeReport& intake);

}  // namespace forebay::cli
