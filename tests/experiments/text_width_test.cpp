// Tests line breaking at the width of the terminal.
#include "experiments/terminal/text_width.hpp"

#include "experiments/sweep/next_steps.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>

namespace moesim::testing {

TEST_CASE("text: broken at spaces, with room for what stands before", "[experiments]") {
  CHECK(wrapped("", 50) == "");
  CHECK(wrapped("one two", 50) == "one two");
  const std::string twenty = "123456789 123456789 ";
  CHECK(wrapped(twenty + twenty + "1234567890", 50) == twenty + twenty + "1234567890");
  CHECK(wrapped(twenty + twenty + "12345678901", 50) ==
        "123456789 123456789 123456789 123456789\n12345678901");
  CHECK(wrapped(twenty + twenty + "1", 50, 10) ==
        "123456789 123456789 123456789 123456789\n          1");
  CHECK(wrapped(std::string(80, 'x') + " y", 50) == std::string(80, 'x') + "\ny");
  CHECK(wrapped("\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80 "
                "123456789 1",
                40, 19) ==
        "\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80 123456789 1");
}

TEST_CASE("text: rows of names, as wide as the longest", "[experiments]") {
  CHECK(named_rows({}) == "");
  CHECK(named_rows({{"a", "one"}, {"a_name_of_20_letters", "two"}}) ==
        "\n  a                     one\n  a_name_of_20_letters  two");
  CHECK(wrapped_lines("Tables:" + named_rows({{"a", "one two"}}), 100) == "Tables:\n  a  one two");
}

TEST_CASE("text: COLUMNS is the width, within reason", "[experiments]") {
  const char* const before = std::getenv("COLUMNS");
  const std::string kept = before == nullptr ? "" : before;
  const auto width = [](const char* columns) {
    ::setenv("COLUMNS", columns, 1);
    return text_width();
  };
  CHECK(width("72") == 72);
  CHECK(width("3") == 40);
  CHECK(width("99999999") == 1000);
  if (before == nullptr)
    ::unsetenv("COLUMNS");
  else
    ::setenv("COLUMNS", kept.c_str(), 1);
}

TEST_CASE("next steps: where the runs are, and what to type", "[experiments]") {
  CHECK(next_steps("runs/study", 6, {6, 72}) ==
        "6 runs in runs/study, 6 trained in 1m12s; next: moesim compare runs/study, or moesim "
        "report runs/study --out report.html");
  CHECK(next_steps("my runs/study", 1, {0, 0.1}) ==
        "1 run in 'my runs/study', all there before; next: moesim compare 'my runs/study', or "
        "moesim report 'my runs/study' --out report.html");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("$(x)") == "'$(x)'");
  CHECK(shell_word("") == "''");
}

}  // namespace moesim::testing
