// Texts for the tests of neighbours and near-duplicates.
#pragma once

#include <random>
#include <string>
#include <vector>

namespace moesim::testing {

// Texts of words of which few are frequent, some nearly repeated, two without a term.
inline std::vector<std::string> some_texts(int count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::string> texts = {"", "!!"};
  for (int i = 2; i < count; ++i) {
    std::string text;
    const auto words = 4 + random() % 12;
    for (std::uint32_t w = 0; w < words; ++w) {
      const std::uint32_t range = 1u << (1 + random() % 8);
      text += "w" + std::to_string(random() % range * 7919 % 1000) + " ";
    }
    if (i % 10 == 9) text = texts[texts.size() - 1 - random() % 5] + (i % 20 == 9 ? "" : " more");
    texts.push_back(text);
  }
  return texts;
}

}  // namespace moesim::testing
