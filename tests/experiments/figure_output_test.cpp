// Tests --script without a value: which words after it are no value.
#include "experiments/commands/figure_output.hpp"

#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>

namespace moesim::testing {

TEST_CASE("figures: --script without a value is gnuplot, and a misspelt value stays",
          "[experiments]") {
  const TemporaryFolder folder;
  const std::string there = folder / "runs";
  std::filesystem::create_directory(there);
  using Case = std::pair<Words, Words>;
  for (const auto& [words, expected] : {
           Case{{"runs", "--script"}, {"runs", "--script", "gnuplot"}},
           Case{{"--script", "--out", "a.svg"}, {"--script", "gnuplot", "--out", "a.svg"}},
           Case{{"--script", there}, {"--script", "gnuplot", there}},
           Case{{"--script", "loss", "t.h5"}, {"--script", "gnuplot", "loss", "t.h5"}},
           Case{{"--script", "matplotlib", there}, {"--script", "matplotlib", there}},
           Case{{"--script", "matplotlibb", there}, {"--script", "matplotlibb", there}},
           Case{{"--script", "GNUPLOT"}, {"--script", "GNUPLOT"}},
           Case{{"--script", ""}, {"--script", ""}},
       }) {
    CAPTURE(words);
    CHECK(with_script(words, {"loss"}) == expected);
  }
}

}  // namespace moesim::testing
