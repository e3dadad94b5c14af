#include "lib/base/secrets.h"

#include <algorithm>
#include <array>
#include <vector>

namespace llmtrain {
namespace {

constexpr std::string_view kHidden = "***";
constexpr std::string_view kSchemeEnd = "://";

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_key_character(char c) { return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// "hub.clientSecret_key" has the words "clientsecret", "key".
std::vector<std::string> words_of(std::string_view key) {
  std::vector<std::string> words(1);
  for (const char c : key.substr(key.rfind('.') + 1)) {
    if (is_letter_or_digit(c)) {
      words.back() += lower(c);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

bool looks_secret(std::string_view key) {
  static constexpr std::array<std::string_view, 10> kWords = {
      "password", "passwd", "passphrase", "secret", "secrets", "token", "credentials", "credential", "apikey", "auth"};
  static constexpr std::array<std::string_view, 4> kBeforeKey = {"api", "access", "private", "secret"};
  const auto words = words_of(key);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (std::find(kWords.begin(), kWords.end(), words[i]) != kWords.end()) return true;
    const bool is_key = words[i] == "key" && i > 0;
    if (is_key && std::find(kBeforeKey.begin(), kBeforeKey.end(), words[i - 1]) != kBeforeKey.end()) return true;
  }
  return false;
}

// What stands between a key and its value: a closing quote, spaces, '=' or ':', spaces. Nothing where it is no key, as
// before a scheme's "://".
std::string_view separator(std::string_view rest) {
  std::size_t at = 0;
  if (at < rest.size() && (rest[at] == '"' || rest[at] == '\'')) ++at;
  while (at < rest.size() && rest[at] == ' ') ++at;
  if (at == rest.size() || (rest[at] != '=' && rest[at] != ':')) return {};
  if (rest.substr(at).starts_with(kSchemeEnd)) return {};
  ++at;
  while (at < rest.size() && rest[at] == ' ') ++at;
  return rest.substr(0, at);
}

std::size_t value_length(std::string_view rest, bool in_brackets) {
  if (!rest.empty() && (rest[0] == '"' || rest[0] == '\'')) {
    const auto end = rest.find(rest[0], 1);
    return end == std::string_view::npos ? rest.size() : end + 1;
  }
  return in_brackets ? std::min(rest.find_first_of(",]}"), rest.size()) : rest.size();
}

// The user part of "://user:password@host", with its '@'; 0 where there is none.
std::size_t user_length(std::string_view rest) {
  const auto end = rest.find_first_of("@/?# \t\"'");
  return end == std::string_view::npos || rest[end] != '@' ? 0 : end;
}

}  // namespace

std::string without_secrets(std::string_view text) {
  std::string shown;
  int depth = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = text.substr(at);
    if (rest.starts_with(kSchemeEnd)) {
      shown += kSchemeEnd;
      at += kSchemeEnd.size();
      if (const auto user = user_length(text.substr(at)); user > 0) {
        shown += kHidden;
        at += user;
      }
    } else if (is_key_character(rest[0])) {
      const auto end = std::find_if_not(rest.begin(), rest.end(), is_key_character);
      const auto key = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
      const auto between = separator(rest.substr(key.size()));
      shown += key;
      at += key.size();
      if (between.empty() || !looks_secret(key)) continue;
      shown += between;
      shown += kHidden;
      at += between.size();
      at += value_length(text.substr(at), depth > 0);
    } else {
      if (rest[0] == '[' || rest[0] == '{') ++depth;
      if (rest[0] == ']' || rest[0] == '}') --depth;
      shown += rest[0];
      ++at;
    }
  }
  return shown;
}

}  // namespace llmtrain
