// Generates the pairs of tasks whose answers are known, from random sources: nothing is stored.
//
// Tasks with the same kind of source have the same sources at the same number, so that two of them,
// such as rise and fall, conflict: only the label says which answer is right.
#pragma once

#include "sim/data/pairs.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace moesim {

struct GeneratedShape {
  index symbols = 26;  // letters a, b, ...; 2 .. 26
  index longest = 8;   // symbols in a source of letters or brackets: longest/2, rounded up, to this
  index modulus = 97;
  double validation_fraction = 0.1;
  std::uint64_t seed = 0;
};

// Kinds of sources, in a language of their own each: "hello", "12+95", "3:hello", "([]{".
enum class SourceKind { letters, sum, query, brackets };

struct GeneratedTask {
  const char* name;
  const char* summary;
  SourceKind kind;
  std::string (*answer)(const std::string& source, const GeneratedShape& shape);
};

std::span<const GeneratedTask> generated_tasks();
// The task of this name, or null.
const GeneratedTask* generated_task(std::string_view name);

// The most characters of a source and its target together.
index most_characters(SourceKind kind, const GeneratedShape& shape);

// Sources repeat where there are few. Throws Exit::usage from pair() if a split has no source.
std::unique_ptr<PairSource> generate_pairs(const GeneratedTask& task, const GeneratedShape& shape,
                                           index train, index validation);

}  // namespace moesim
