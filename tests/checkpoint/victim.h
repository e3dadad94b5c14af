#pragma once

namespace llmtrain {

// What the test program says to a tracer, as names of files it looks for, when it is run to save or to load.
inline constexpr const char* kMarkClean = "/begin-to-clean";
inline constexpr const char* kMarkSave = "/begin-to-save";
inline constexpr const char* kMarkPrune = "/begin-to-prune";
inline constexpr const char* kMarkLoad = "/begin-to-load";
inline constexpr const char* kMarkEnd = "/end";

// What it exits with, besides the exit codes of Error.
inline constexpr int kSavedNotPruned = 20;
inline constexpr int kLoadedWrongly = 21;
inline constexpr int kLoadedStep = 100;  // plus the step

}  // namespace llmtrain
