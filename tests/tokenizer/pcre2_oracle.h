#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;

namespace llmtrain {

// PCRE2's answer to a regular expression with Unicode properties: the reference for scanners and classes.
class Pcre2Oracle {
 public:
  explicit Pcre2Oracle(std::string_view regex);
  Pcre2Oracle(const Pcre2Oracle&) = delete;
  Pcre2Oracle& operator=(const Pcre2Oracle&) = delete;
  ~Pcre2Oracle();

  struct Match {
    std::size_t begin;
    std::size_t end;
  };
  // All matches in well-formed text, one after the other.
  std::vector<Match> find_all(std::string_view text) const;
  // The ends of the pieces that the matches and the gaps between them cut the text into.
  std::vector<std::uint32_t> piece_ends(std::string_view text) const;
  // For every code point, whether the regular expression matches it; never for surrogates.
  std::vector<bool> find_code_points() const;

 private:
  pcre2_real_code_8* code_;
  pcre2_real_match_data_8* match_;
};

// "14.0.0"
std::string pcre2_unicode_version();

}  // namespace llmtrain
