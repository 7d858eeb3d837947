// Tests the cache of data sets that the runs of a sweep share.
#include "experiments/sweep/data_cache.hpp"
#include "sim/core/error.hpp"
#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;

Settings settings_of(const std::string& path) {
  Settings settings;
  settings.set("data.name", "text", "f.ini:1");
  settings.set("data.path", path, "f.ini:2");
  settings.set("data.length", "8", "f.ini:3");
  return settings;
}

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i * i % 23);
  return text;
}

struct Read {
  std::shared_ptr<const Dataset> data;
  Settings settings;
};

Read read(DataCache& cache, const std::string& path) {
  Read result{nullptr, settings_of(path)};
  result.data = cache.get(result.settings);
  return result;
}

// A data set that a plan has read can give batches; one that it remembers cannot.
bool was_read(const std::shared_ptr<const Dataset>& data) {
  try {
    data->batch(Split::train, 0, 0, 1);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

TEST_CASE("data: several runs share what was read once, with its options", "[experiments]") {
  const ConfigFolder folder;
  const std::string path = folder.write("a.txt", text_of(2000));
  DataCache cache;
  const Read first = read(cache, path);
  fs::remove(path);
  const Read second = read(cache, path);  // would throw if it read again
  CHECK(second.data == first.data);
  CHECK(second.settings.resolved() == first.settings.resolved());
  CHECK_NOTHROW(second.settings.check_all_read());
  CHECK(was_read(second.data));
}

TEST_CASE("data: a plan remembers data that did not change", "[experiments]") {
  const ConfigFolder folder;
  const DataMemory memory{folder.path("cache"), 1000, 0};
  const auto plan = [&](const std::string& path) {
    DataCache cache = DataCache::for_plans(memory);
    return read(cache, path);
  };
  const std::string path = folder.write("a.txt", text_of(2000));
  const Read first = plan(path), second = plan(path);
  CHECK(was_read(first.data));
  CHECK_FALSE(was_read(second.data));
  CHECK(second.data->info().sha256 == first.data->info().sha256);
  CHECK(second.data->info().unigram == first.data->info().unigram);
  CHECK(second.data->info().validation_rows == first.data->info().validation_rows);
  CHECK(second.settings.resolved() == first.settings.resolved());

  SECTION("not if the content is another") {
    folder.write("a.txt", text_of(1999) + "!");  // of the same size
    const Read third = plan(path);
    CHECK(was_read(third.data));
    CHECK(third.data->info().sha256 != first.data->info().sha256);
  }
  SECTION("not if another file stands there") {
    const std::string other = folder.write("b.txt", text_of(2000));
    fs::last_write_time(other, fs::last_write_time(path));
    fs::rename(other, path);
    CHECK(was_read(plan(path).data));
  }
  SECTION("not if the memory is damaged, or a sweep forgot it") {
    std::string kept;
    for (const auto& entry : fs::directory_iterator(memory.folder)) kept = entry.path().string();
    std::string text;
    std::getline(std::ifstream(kept), text, '\0');
    text[text.size() / 2] ^= 1;
    std::ofstream(kept) << text;
    CHECK(was_read(plan(path).data));
    CHECK_FALSE(was_read(plan(path).data));  // written again
    forget(memory, DataCache::key_of(settings_of(path)));
    CHECK(was_read(plan(path).data));
  }
  SECTION("an option of another value is other data") {
    DataCache cache = DataCache::for_plans(memory);
    Settings longer = settings_of(path);
    longer.set("data.length", "9", "f.ini:3");
    CHECK(was_read(cache.get(longer)));
  }
}

TEST_CASE("data: a new file that a pattern matches is seen", "[experiments]") {
  const ConfigFolder folder;
  const DataMemory memory{folder.path("cache"), 1000, 0};
  const auto plan = [&] {
    DataCache cache = DataCache::for_plans(memory);
    return read(cache, folder.path("texts/*.txt")).data;
  };
  folder.write("texts/a.txt", text_of(2000));
  fs::create_directories(memory.folder);
  const auto first = plan(), second = plan();
  CHECK(was_read(first));
  CHECK_FALSE(was_read(second));
  folder.write("texts/b.txt", text_of(500));
  const auto third = plan();
  CHECK(was_read(third));
  CHECK(third->info().train_size > first->info().train_size);
}

TEST_CASE("data: what is small or was changed just now is not remembered", "[experiments]") {
  const ConfigFolder folder;
  const std::string path = folder.write("a.txt", text_of(2000));
  for (const DataMemory& memory :
       {DataMemory{folder.path("small"), 2001, 0}, DataMemory{folder.path("new"), 1000, 3600},
        DataMemory{"", 0, 0}, DataMemory{path + "/no-folder", 0, 0}})
    for (int start = 0; start < 2; ++start) {
      DataCache cache = DataCache::for_plans(memory);
      CHECK(was_read(read(cache, path).data));
    }
}

}  // namespace moesim::testing
