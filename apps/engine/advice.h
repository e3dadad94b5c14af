#pragma once
#include <string>
#include <vector>

#include "apps/engine/doctor.h"
#include "lib/config/environment.h"

namespace llmtrain {

// What keeps training on this machine from being as fast as it could be, or from running at all, and what to do about
// it, a line each; none where all is well.
std::vector<std::string> advice(const DoctorReport& report, const VariableLookup& environment);

}  // namespace llmtrain
