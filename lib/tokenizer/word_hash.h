#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace llmtrain {

// A fast 64-bit hash of a short byte string, for tables in memory: folded 64x64 → 128 bit products. Not stable between
// versions, never stored.
inline std::uint64_t hash_fold(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t hash_pair(std::uint32_t left, std::uint32_t right) {
  const std::uint64_t key = (std::uint64_t{left} << 32) | right;
  return hash_fold(key ^ 0x9e3779b97f4a7c15U, 0xd1342543de82ef95U);
}

inline std::uint64_t hash_word(std::string_view word) {
  constexpr std::uint64_t kFirst = 0x8bb84b93962eacc9U;
  constexpr std::uint64_t kSecond = 0x4b33a62ed433d4a3U;
  const auto load = [](const char* from, std::size_t bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, bytes);
    return value;
  };
  const char* p = word.data();
  std::size_t left = word.size();
  std::uint64_t hash = kFirst ^ word.size();
  for (; left > 16; p += 16, left -= 16) hash = hash_fold(load(p, 8) ^ kSecond ^ hash, load(p + 8, 8) ^ kFirst);
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (left >= 8) {
    a = load(p, 8);
    b = load(p + left - 8, 8);
  } else if (left >= 4) {
    a = load(p, 4);
    b = load(p + left - 4, 4);
  } else if (left > 0) {
    a = static_cast<unsigned char>(p[0]) | (std::uint64_t{static_cast<unsigned char>(p[left / 2])} << 8) |
        (std::uint64_t{static_cast<unsigned char>(p[left - 1])} << 16);
  }
  return hash_fold(a ^ kSecond ^ hash, b ^ hash ^ 0x2d358dccaa6c78a5U);
}

}  // namespace llmtrain
