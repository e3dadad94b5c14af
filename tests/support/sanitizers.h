#pragma once

namespace llmtrain {

// A sanitizer makes system calls between ours, and ends the process, or tells of faults that are none, where one of its
// own fails.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
inline constexpr const char* kNoFaults = "a sanitizer's own system calls may not fail";

}  // namespace llmtrain
