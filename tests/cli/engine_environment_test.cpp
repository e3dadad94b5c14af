#include "apps/llmtrain/engine_environment.h"

#include <map>

#include <gmock/gmock.h>

namespace llmtrain {
namespace {

using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;
using Variables = std::map<std::string, std::string>;

Variables set(AutoCount threads, const Processors& processors, const Variables& user = {}) {
  Variables variables;
  const auto lookup = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = user.find(name);
    return found == user.end() ? std::nullopt : std::optional(found->second);
  };
  for (const auto& [name, value] : engine_variables(threads, processors, lookup)) variables[name] = value;
  return variables;
}

TEST(EngineVariables, BindAThreadToEachCoreOfAWholeMachine) {
  EXPECT_THAT(set({}, {.allowed = 8, .online = 8}),
              UnorderedElementsAre(Pair("OMP_NUM_THREADS", "8"), Pair("OMP_PROC_BIND", "close"),
                                   Pair("OMP_PLACES", "cores"), Pair("MKL_DYNAMIC", "FALSE")));
}

// Another run may have been given the rest, or the same cores.
TEST(EngineVariables, BindNothingOnAPartOfTheMachine) {
  EXPECT_THAT(set({}, {.allowed = 2, .online = 8}),
              UnorderedElementsAre(Pair("OMP_NUM_THREADS", "2"), Pair("MKL_DYNAMIC", "FALSE")));
  EXPECT_THAT(set({.value = 4}, {.allowed = 8, .online = 8}),
              UnorderedElementsAre(Pair("OMP_NUM_THREADS", "4"), Pair("MKL_DYNAMIC", "FALSE")));
  EXPECT_THAT(set({.value = 8}, {.allowed = 2, .online = 8}),
              UnorderedElementsAre(Pair("OMP_NUM_THREADS", "8"), Pair("MKL_DYNAMIC", "FALSE")));
  EXPECT_THAT(set({}, {.allowed = 8, .online = 8}, {{"OMP_NUM_THREADS", "4"}}),
              UnorderedElementsAre(Pair("MKL_DYNAMIC", "FALSE")));
}

TEST(EngineVariables, LeaveWhatTheUserHasSet) {
  EXPECT_THAT(set({}, {.allowed = 8, .online = 8}, {{"OMP_NUM_THREADS", "8"}, {"MKL_DYNAMIC", "TRUE"}}),
              UnorderedElementsAre(Pair("OMP_PROC_BIND", "close"), Pair("OMP_PLACES", "cores")));
  for (const char* name : {"OMP_PROC_BIND", "OMP_PLACES"}) {
    EXPECT_THAT(set({}, {.allowed = 8, .online = 8}, {{name, "x"}}),
                UnorderedElementsAre(Pair("OMP_NUM_THREADS", "8"), Pair("MKL_DYNAMIC", "FALSE")));
  }
  EXPECT_THAT(set({}, {.allowed = 2, .online = 8}, {{"OMP_NUM_THREADS", "1"}, {"MKL_DYNAMIC", "TRUE"}}), IsEmpty());
}

// The file says it in so many words; the variable may come from a login script.
TEST(EngineVariables, TakeTheFilesThreadsBeforeTheUsersVariable) {
  EXPECT_THAT(set({.value = 2}, {.allowed = 8, .online = 8}, {{"OMP_NUM_THREADS", "4"}}),
              testing::Contains(Pair("OMP_NUM_THREADS", "2")));
}

TEST(CountProcessors, AllowsAtLeastOneAndNoMoreThanThereAre) {
  const auto processors = count_processors();
  EXPECT_GE(processors.allowed, 1);
  EXPECT_GE(processors.online, processors.allowed);
}

}  // namespace
}  // namespace llmtrain
