#include "experiments/sweep/next_steps.hpp"

#include "experiments/terminal/progress_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace moesim {

std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain = "._-/+:@%";
  const bool plain = std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || kPlain.find(static_cast<char>(c)) != kPlain.npos);
  });
  if (plain && !text.empty()) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string next_steps(const std::string& folder, std::size_t ended, const Work& work) {
  const std::string word = shell_word(folder);
  return fmt::format(
      "{} {} in {}, {}; next: moesim compare {}, or moesim report {} --out "
      "report.html",
      ended, ended == 1 ? "run" : "runs", word,
      work.trained == 0 ? "all there before"
                        : fmt::format("{} trained in {}", work.trained, duration(work.seconds)),
      word, word);
}

}  // namespace moesim
