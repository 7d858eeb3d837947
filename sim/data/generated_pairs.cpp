#include "sim/data/generated_pairs.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace moesim {
namespace {

constexpr std::string_view kOpen = "([{<", kClose = ")]}>";

// Draws is a sequence of numbers from a stream.
class Draws {
 public:
  Draws(const Stream& stream, std::uint64_t first) : stream_(stream), next_(first) {}
  index below(index bound) {
    return static_cast<index>(random_below(stream_, next_++, static_cast<std::uint64_t>(bound)));
  }

 private:
  Stream stream_;
  std::uint64_t next_;
};

index number_at(std::string_view text) {
  index value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

index draw_length(Draws& draws, const GeneratedShape& shape) {
  const index shortest = (shape.longest + 1) / 2;
  return shortest + draws.below(shape.longest - shortest + 1);
}

std::string draw_letters(Draws& draws, const GeneratedShape& shape) {
  std::string letters(static_cast<std::size_t>(draw_length(draws, shape)), ' ');
  for (char& letter : letters) letter = static_cast<char>('a' + draws.below(shape.symbols));
  return letters;
}

// A beginning of a balanced text: half of the brackets open; "" if all that are open are closed.
std::string draw_brackets(Draws& draws, const GeneratedShape& shape) {
  std::string text, open;
  for (index left = draw_length(draws, shape); left > 0; --left) {
    const index kind = draws.below(static_cast<index>(kOpen.size()));
    if (draws.below(2) == 0 || open.empty()) {
      text += kOpen[static_cast<std::size_t>(kind)];
      open += kClose[static_cast<std::size_t>(kind)];
    } else {
      text += open.back();
      open.pop_back();
    }
  }
  return open.empty() ? "" : text;
}

std::string draw_source(SourceKind kind, Draws& draws, const GeneratedShape& shape) {
  switch (kind) {
    case SourceKind::letters:
      return draw_letters(draws, shape);
    case SourceKind::brackets:
      return draw_brackets(draws, shape);
    case SourceKind::sum: {
      const index a = draws.below(shape.modulus), b = draws.below(shape.modulus);
      return fmt::format("{}+{}", a, b);
    }
    case SourceKind::query: {
      const std::string letters = draw_letters(draws, shape);
      return fmt::format("{}:{}", 1 + draws.below(static_cast<index>(letters.size())), letters);
    }
  }
  return {};
}

std::string copied(const std::string& source, const GeneratedShape&) { return source; }

std::string reversed(const std::string& source, const GeneratedShape&) {
  return {source.rbegin(), source.rend()};
}

std::string sorted(const std::string& source, const GeneratedShape&) {
  std::string target = source;
  std::sort(target.begin(), target.end());
  return target;
}

std::string added(const std::string& source, const GeneratedShape& shape) {
  const std::size_t plus = source.find('+');
  const index b = number_at(std::string_view(source).substr(plus + 1));
  return std::to_string((number_at(source) + b) % shape.modulus);
}

std::string looked_up(const std::string& source, const GeneratedShape&) {
  return {source[source.find(':') + static_cast<std::size_t>(number_at(source))]};
}

std::string closed(const std::string& source, const GeneratedShape&) {
  std::string open;
  for (const char bracket : source) {
    const std::size_t kind = kOpen.find(bracket);
    if (kind != kOpen.npos)
      open += kClose[kind];
    else
      open.pop_back();
  }
  return {open.rbegin(), open.rend()};
}

// Each letter moved by `by` places in the alphabet of `symbols` letters, around its end.
std::string moved(std::string letters, index by, const GeneratedShape& shape) {
  for (char& letter : letters)
    letter = static_cast<char>('a' + (letter - 'a' + by + shape.symbols) % shape.symbols);
  return letters;
}

std::string risen(const std::string& source, const GeneratedShape& shape) {
  return moved(source, 1, shape);
}

std::string fallen(const std::string& source, const GeneratedShape& shape) {
  return moved(source, -1, shape);
}

constexpr GeneratedTask kTasks[] = {
    {"copy", "the letters", SourceKind::letters, copied},
    {"reverse", "the letters from the last to the first", SourceKind::letters, reversed},
    {"sort", "the letters in the order of the alphabet", SourceKind::letters, sorted},
    {"add", "the sum of two numbers modulo data.modulus", SourceKind::sum, added},
    {"lookup", "the k-th of the letters behind k:", SourceKind::query, looked_up},
    {"brackets", "the brackets that close those which are open", SourceKind::brackets, closed},
    {"rise", "every letter's successor; conflicts with fall", SourceKind::letters, risen},
    {"fall", "every letter's predecessor; conflicts with rise", SourceKind::letters, fallen},
};

class GeneratedPairs final : public PairSource {
 public:
  GeneratedPairs(const GeneratedTask& task, const GeneratedShape& shape, index train,
                 index validation)
      : task_(task), shape_(shape), train_(train), validation_(validation) {}

  index size(Split split) const override { return split == Split::train ? train_ : validation_; }

  Pair pair(Split split, index number) const override {
    constexpr int kTries = 10000;
    constexpr std::uint64_t kDraws = 1 << 12;  // more than a source takes
    const Stream stream{shape_.seed, Purpose::synthetic, static_cast<std::uint32_t>(number),
                        2 * static_cast<std::uint32_t>(task_.kind) + (split == Split::train)};
    for (std::uint64_t i = 0; i < kTries; ++i) {
      Draws draws(stream, i * kDraws);
      std::string source = draw_source(task_.kind, draws, shape_);
      if (source.empty() || split_of(source, shape_.validation_fraction) != split) continue;
      std::string target = task_.answer(source, shape_);
      return {std::move(source), std::move(target)};
    }
    fail(Exit::usage,
         fmt::format("{}: found no source for the {} split; raise data.source_length, data.symbols "
                     "or data.modulus, or change data.validation_fraction",
                     task_.name, split == Split::train ? "training" : "validation"));
  }

  std::string fingerprint() const override {
    return fmt::format(
        "{} symbols {} source_length {} modulus {} validation {} {} seed {} pairs {}", task_.name,
        shape_.symbols, shape_.longest, shape_.modulus, validation_, shape_.validation_fraction,
        shape_.seed, train_);
  }

 private:
  const GeneratedTask& task_;
  GeneratedShape shape_;
  index train_, validation_;
};

}  // namespace

std::span<const GeneratedTask> generated_tasks() { return kTasks; }

const GeneratedTask* generated_task(std::string_view name) {
  for (const GeneratedTask& task : kTasks)
    if (task.name == name) return &task;
  return nullptr;
}

index most_characters(SourceKind kind, const GeneratedShape& shape) {
  const auto digits = [](index number) {
    return static_cast<index>(std::to_string(number).size());
  };
  switch (kind) {
    case SourceKind::letters:
    case SourceKind::brackets:
      return 2 * shape.longest;
    case SourceKind::sum:
      return 3 * digits(shape.modulus - 1) + 1;
    case SourceKind::query:
      return digits(shape.longest) + 1 + shape.longest + 1;
  }
  return 0;
}

std::unique_ptr<PairSource> generate_pairs(const GeneratedTask& task, const GeneratedShape& shape,
                                           index train, index validation) {
  return std::make_unique<GeneratedPairs>(task, shape, train, validation);
}

}  // namespace moesim
