// The same for the commands.
#pragma once
#include "precompiled.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
