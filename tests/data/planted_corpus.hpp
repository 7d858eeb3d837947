// Makes a corpus of planted topics, whose path of similar documents is known.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace moesim::testing {

using Texts = std::vector<std::string>;

inline constexpr int kTopics = 8, kEach = 40;

// Document i of a topic has the words i .. i+5 of a ring of 40 words: its nearest neighbours are
// i-1 and i+1. Topics have letters of their own.
inline std::string planted(int topic, int i) {
  std::mt19937 random(static_cast<std::uint32_t>(topic));
  Texts words;
  for (int w = 0; w < kEach; ++w) {
    words.emplace_back();
    for (int c = 0; c < 8; ++c)
      words.back() +=
          "abcdefghijklmnopqrstuvwxyz012345"[4 * topic + static_cast<int>(random() % 4)];
  }
  std::string text;
  for (int w = i; w < i + 6; ++w) text += words[static_cast<std::size_t>(w % kEach)] + " ";
  return text + "\n";
}

struct Planted {
  Texts documents;
  std::map<std::string, std::pair<int, int>> place;  // topic, number
};

inline Planted planted_corpus(std::uint32_t seed) {
  Planted corpus;
  for (int topic = 0; topic < kTopics; ++topic)
    for (int i = 0; i < kEach; ++i) {
      corpus.documents.push_back(planted(topic, i));
      corpus.place[corpus.documents.back()] = {topic, i};
    }
  std::shuffle(corpus.documents.begin(), corpus.documents.end(), std::mt19937(seed));
  return corpus;
}

inline std::string text_of(const Texts& documents) {
  std::string text;
  for (const std::string& each : documents) text += each + "%\n";
  return text;
}

}  // namespace moesim::testing
