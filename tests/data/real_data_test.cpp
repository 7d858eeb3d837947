// Tests real files, if MOESIM_DATA names a folder with shakespeare.txt, wikitext2-valid.txt and
// mnist/.
#include "tests/data/support.hpp"

#include <numeric>

namespace moesim::testing {
namespace {

// "" after a line that says so, if there are none.
std::string data_folder(const std::string& test) {
  const char* folder = std::getenv("MOESIM_DATA");
  if (folder == nullptr) {
    WARN("skipped: MOESIM_DATA is not set: " << test);
    return {};
  }
  return folder;
}

}  // namespace

TEST_CASE("real data: Shakespeare by characters", "[data][real]") {
  const std::string folder = data_folder("Shakespeare by characters");
  if (folder.empty()) return;
  const auto data =
      make_data({{"name", "text"}, {"path", folder + "/shakespeare.txt"}, {"tokens", "chars"}});
  const DatasetInfo& info = data->info();
  CHECK(info.vocabulary == 65);
  // 1,115,394 characters, of which nanoGPT trains on int(0.9 n).
  CHECK(info.train_size == 1003854);
  CHECK(std::accumulate(info.unigram.begin(), info.unigram.end(), std::int64_t{0}) == 1003854);
  CHECK(info.validation_rows == (1115394 - 1003854 - 1) / 64);
  CHECK(data->decode(data->encode("First Citizen:\n")) == "First Citizen:\n");
  check_is_function_of_seed_and_step(*data);
}

TEST_CASE("real data: two texts as domains", "[data][real]") {
  const std::string folder = data_folder("two texts as domains");
  if (folder.empty()) return;
  const auto data = make_data(
      {{"name", "text"},
       {"path", "plays:" + folder + "/shakespeare.txt; wiki:" + folder + "/wikitext2-valid.txt"}});
  CHECK(data->info().domains == std::vector<std::string>{"plays", "wiki"});
  CHECK(data->info().vocabulary == 256);
}

TEST_CASE("real data: MNIST", "[data][real]") {
  const std::string folder = data_folder("MNIST");
  if (folder.empty()) return;
  const std::string images = folder + "/mnist/t10k-images-idx3-ubyte.gz";
  const auto data = make_data({{"name", "idx"},
                               {"images", images},
                               {"labels", folder + "/mnist/t10k-labels-idx1-ubyte.gz"}});
  const DatasetInfo& info = data->info();
  CHECK(info.train_size == 8000);
  CHECK(info.validation_size == 2000);
  CHECK(info.classes == 10);
  CHECK(info.length == 16);  // 28 x 28 pixels in patches of 7 x 7
  CHECK(info.features == 49);
  check_is_function_of_seed_and_step(*data);
  double sum = 0, squares = 0;
  const Batch batch = data->batch(Split::train, 0, 0, 8000);  // one epoch
  for (const float value : batch.features)
    sum += value, squares += static_cast<double>(value) * value;
  const auto size = static_cast<double>(batch.features.size());
  CHECK_THAT(sum / size, WithinAbs(0, 1e-5));
  CHECK_THAT(squares / size, WithinAbs(1, 1e-5));
}

}  // namespace moesim::testing
