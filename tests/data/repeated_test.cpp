// Tests the search of near-duplicates against comparing all pairs.
#include "sim/data/repeated.hpp"

#include "tests/data/some_texts.hpp"
#include "tests/data/support.hpp"

#include <algorithm>
#include <vector>

namespace moesim::testing {

TEST_CASE("repeated: near-duplicates are those of comparing all pairs", "[data][documents][long]") {
  const std::vector<std::string> texts = some_texts(400, 11);
  const SparseVectors vectors = embed({texts.begin(), texts.end()}, Terms::all);
  for (const double least : {0.3, 0.8, 0.95, 1.0}) {
    CAPTURE(least);
    std::vector<bool> expected(400);
    for (index row = 0; row < 400; ++row)
      for (index before = 0; before < row; ++before)
        if (similarity(vectors, before, row) >= least - 1e-6)
          expected[static_cast<std::size_t>(row)] = true;
    CHECK(std::count(expected.begin(), expected.end(), true) > 10);
    CHECK(moesim::repeated(vectors, least) == expected);
  }
}

}  // namespace moesim::testing
