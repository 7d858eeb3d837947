// Tests notes about text that is probably not what its settings say.
#include "sim/data/doubtful.hpp"

#include "tests/data/support.hpp"

#include <cstdint>

namespace moesim::testing {
namespace {

std::string written_ids(int count) {
  std::string text;
  for (std::int64_t i = 0; i < count; ++i) text += std::to_string(1 + i * 48271 % 50257) + " ";
  return text;
}

}  // namespace

TEST_CASE("doubtful: text is not", "[data][text]") {
  CHECK(doubt_about("") == "");
  CHECK(doubt_about(repeated("It was in 1984, or 2 years later.\n", 50)) == "");
  CHECK(doubt_about(repeated("na\xc3\xafve \xe6\x96\x87\n", 50)) == "");
  CHECK(doubt_about(repeated("na\xc3\xafve ", 50) + "\xc3") == "");  // cut inside a letter
  CHECK(doubt_about(written_ids(20)) == "");                         // too few to tell
  CHECK(doubt_about("3." + repeated("14159265358979", 100)) == "");  // one number
  CHECK(doubt_about(repeated("12+34=46\n", 100)) == "");  // arithmetic that is to be learned
  CHECK(doubt_about(repeated("name,2,3\n", 50)) == "");   // a table with words
  CHECK(doubt_about(repeated("1. e4 e5 2. Nf3 Nc6\n", 50)) == "");  // chess
}

TEST_CASE("doubtful: text in an encoding of one byte a letter", "[data][text]") {
  CHECK_THAT(doubt_about("Le caf\xe9 est na\xefve\n"),
             contains("is no UTF-8 (byte 6 is the first that tells)") && contains("latin1"));
  CHECK_THAT(doubt_about(repeated("\x93quoted\x94 \x80 5\n", 50)), contains("is no UTF-8"));
  // A letter of UTF-8 that is damaged is something else.
  const std::string text = repeated("na\xc3\xafve ", 50);
  CHECK_THAT(doubt_about(text + "\xff" + text), contains("is UTF-8, but for damaged bytes") &&
                                                    contains("is byte 350") &&
                                                    contains("iconv -c"));
}

TEST_CASE("doubtful: numbers", "[data][text]") {
  CHECK_THAT(doubt_about("7 " + written_ids(100)),
             contains("whole numbers from 1 to 5") && contains("perhaps token ids"));
  CHECK_THAT(doubt_about("[7, 12, 554]\n" + repeated("[1, 50256]\n", 50)),
             contains("from 1 to 50256"));
  const std::string table = repeated("1,-2.5,3e-4\n", 50);
  CHECK_THAT(doubt_about(table), contains("a table of numbers"));
  CHECK_THAT(doubt_about("step,loss,rate\n" + table), contains("a table of numbers"));
  CHECK_THAT(doubt_about(repeated(
                 "2024-01-31T12:00:00,17.5,NaN,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2\n", 20)),
             contains("a table of numbers"));
  // Numbers are looked for at the beginning alone.
  CHECK_THAT(doubt_about(written_ids(300000) + "and text"), contains("perhaps token ids"));
}

}  // namespace moesim::testing
