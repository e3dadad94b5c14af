#pragma once
#include <string>
#include <string_view>

namespace llmtrain {

// The text with "***" in place of what may be a secret: of KEY=VALUE and KEY: VALUE the value where the last part of a
// dotted key looks like a secret's ("password", "hub.api_key", "HF_TOKEN", "client-secret"), and of a URL the user's
// name and password. A value runs to its closing quote; without one, inside brackets, to the next comma or bracket, and
// elsewhere to the end.
std::string without_secrets(std::string_view text);

}  // namespace llmtrain
