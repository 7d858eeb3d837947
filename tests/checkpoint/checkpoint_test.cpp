// Tests checkpoints on disk: whole or absent, kept as long as needed, never used when damaged.
#include "sim/checkpoint/checkpoint.hpp"

#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <random>
#include <sys/inotify.h>
#include <unistd.h>

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFiles[] = {kWeightsFile, kStateFile, kRecordsFile, "manifest.json"};

std::string noise(std::size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

void write(const std::string& folder, index step, double loss, bool regular = true,
           std::size_t bytes = 3000, index keep = kRegularKept) {
  const std::string weights = noise(bytes, 1 + static_cast<unsigned>(step)),
                    state = noise(2 * bytes, 2), records = noise(bytes / 2, 3);
  const std::string_view whole = weights;
  write_checkpoint(folder,
                   {.step = step,
                    .regular = regular,
                    .loss = loss,
                    .config_sha256 = "c",
                    .data_sha256 = "d",
                    .number = "F32"},
                   {{kWeightsFile, {whole.substr(0, 100), whole.substr(100)}},
                    {kStateFile, {state}},
                    {kRecordsFile, {records}}},
                   keep);
}

std::optional<Checkpoint> newest(const std::string& folder, std::string* problems = nullptr) {
  return newest_checkpoint(
      folder, [](const CheckpointInfo& info) { return info.config_sha256 == "c"; },
      [&](const std::string& problem) {
        if (problems != nullptr) *problems += problem + "\n";
      });
}

TEST_CASE("checkpoint: what is written is read", "[checkpoint]") {
  const TemporaryFolder folder;
  CHECK_FALSE(newest(folder / ""));
  write(folder / "", 7, 1.25);
  const auto checkpoint = newest(folder / "");
  REQUIRE(checkpoint);
  CHECK(checkpoint->info.step == 7);
  CHECK(checkpoint->info.loss == 1.25);
  CHECK(checkpoint->weights == noise(3000, 8));
  CHECK(checkpoint->state == noise(6000, 2));
  CHECK(read_bytes(checkpoint->records()) == noise(1500, 3));
  write(folder / "", 7, 1.5);  // again
  CHECK(newest(folder / "")->info.loss == 1.5);
}

TEST_CASE("checkpoint: of no other run", "[checkpoint]") {
  const TemporaryFolder folder;
  write(folder / "", 7, 1);
  CHECK_FALSE(newest_checkpoint(
      folder / "", [](const CheckpointInfo& info) { return info.config_sha256 == "x"; },
      [](const std::string&) { FAIL("nothing is damaged"); }));
}

TEST_CASE("checkpoint: kept are the newest, two regular ones and the best", "[checkpoint]") {
  const TemporaryFolder folder;
  const double losses[] = {5, 1, 4, 3, 2.5};
  for (index i = 0; i < 5; ++i) write(folder / "", 100 * (i + 1), losses[i]);
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{200, 400, 500});
  write(folder / "", 530, 2.4, false);
  write(folder / "", 540, 2.3, false);
  // A run that goes back finds a regular one, however many signals there were.
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{200, 400, 500, 540});
  write(folder / "", 600, std::nan(""));
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{200, 500, 600});
}

TEST_CASE("checkpoint: more regular ones are kept on wish", "[checkpoint]") {
  const TemporaryFolder folder;
  for (index i = 1; i <= 6; ++i) write(folder / "", 100 * i, 1, true, 300, 4);
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{100, 300, 400, 500, 600});  // 100: best
  write(folder / "", 650, 2, false, 300, 4);
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{100, 300, 400, 500, 600, 650});
  write(folder / "", 700, 2, true, 300, 2);
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{100, 600, 700});
}

TEST_CASE("checkpoint: the one just written is kept, whatever stands after it", "[checkpoint]") {
  const TemporaryFolder folder;
  for (const index step : {100, 200, 300, 400}) write(folder / "", step, std::nan(""));
  // 400 turns out to be damaged, training goes on from 300 and is stopped soon.
  write(folder / "", 310, std::nan(""), false);
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{300, 310, 400});
  remove_checkpoints_after(folder / "", 310);
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{300, 310});
}

// Names that vanished from a folder since this was made.
class Vanished {
 public:
  explicit Vanished(const std::string& folder) : file_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    REQUIRE(::inotify_add_watch(file_, folder.c_str(), IN_DELETE) >= 0);
  }
  ~Vanished() { ::close(file_); }
  Vanished(const Vanished&) = delete;
  Vanished& operator=(const Vanished&) = delete;

  std::vector<std::string> names() const {
    alignas(inotify_event) char events[1 << 14];
    const ssize_t size = ::read(file_, events, sizeof events);
    std::vector<std::string> all;
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events + at);
      all.emplace_back(event->name);
      at += static_cast<ssize_t>(sizeof *event) + event->len;
    }
    return all;
  }

 private:
  int file_;
};

// One that is removed file by file would look damaged to whoever comes after a kill.
TEST_CASE("checkpoint: one that is no longer kept is put aside before it is removed",
          "[checkpoint]") {
  const TemporaryFolder folder;
  write(folder / "", 1, 5);
  const Vanished vanished(folder / "checkpoint");
  for (index step = 2; step <= 5; ++step) write(folder / "", step, 5 - static_cast<double>(step));
  write(folder / "", 5, 0);  // again
  CHECK(checkpoint_steps(folder / "") == std::vector<index>{4, 5});
  const std::vector<std::string> names = vanished.names();
  CHECK(names.size() == 4);
  for (const std::string& name : names) CHECK_THAT(name, contains(".tmp-"));

  remove_checkpoints(folder / "");
  CHECK(checkpoint_steps(folder / "").empty());
  const std::vector<std::string> last = vanished.names();
  CHECK(last.size() == 2);
  for (const std::string& name : last) CHECK_THAT(name, contains(".tmp-"));
}

TEST_CASE("checkpoint: every truncation is noticed and the one before used", "[checkpoint]") {
  const TemporaryFolder folder;
  write(folder / "", 1, 1, true, 20000);
  write(folder / "", 2, 1, true, 20000);
  int cases = 0;
  for (const char* name : kFiles) {
    const std::string path = folder / ("checkpoint/step-000000002/" + std::string(name));
    const std::string whole = read_bytes(path);
    for (std::size_t size = 0; size < whole.size(); size += 512, ++cases) {
      CAPTURE(name, size);
      write_bytes(path, whole.substr(0, size));
      std::string problems;
      const auto checkpoint = newest(folder / "", &problems);
      REQUIRE(checkpoint);
      REQUIRE(checkpoint->info.step == 1);
      REQUIRE_THAT(problems, contains("step-000000002") && contains(name));
    }
    write_bytes(path, whole + "x");
    REQUIRE(newest(folder / "")->info.step == 1);
    write_bytes(path, whole);
  }
  CHECK(cases > 100);
  CHECK(newest(folder / "")->info.step == 2);
}

TEST_CASE("checkpoint: every flipped bit is noticed and the one before used", "[checkpoint]") {
  const TemporaryFolder folder;
  write(folder / "", 1, 1);
  write(folder / "", 2, 1);
  std::mt19937 random(4);
  for (int i = 0; i < 500; ++i) {
    const std::string name = kFiles[random() % 4];
    const std::string path = folder / ("checkpoint/step-000000002/" + name);
    const std::string whole = read_bytes(path);
    std::string flipped = whole;
    const std::size_t byte = random() % whole.size(), bit = random() % 8;
    flipped[byte] = static_cast<char>(flipped[byte] ^ (1 << bit));
    CAPTURE(name, byte, bit);
    write_bytes(path, flipped);
    REQUIRE(newest(folder / "")->info.step == 1);
    write_bytes(path, whole);
  }
  CHECK(newest(folder / "")->info.step == 2);
}

TEST_CASE("checkpoint: a missing file, foreign folders, a copy under another name",
          "[checkpoint]") {
  const TemporaryFolder folder;
  write(folder / "", 1, 1);
  write(folder / "", 2, 1);
  fs::create_directories(folder / "checkpoint/step-x");
  fs::create_directories(folder / "checkpoint/other");
  fs::create_directories(folder / "checkpoint/step-000000009");
  fs::copy(folder / "checkpoint/step-000000001", folder / "checkpoint/step-000000005");
  CHECK(newest(folder / "")->info.step == 2);
  fs::remove(folder / ("checkpoint/step-000000002/" + std::string(kStateFile)));
  CHECK(newest(folder / "")->info.step == 1);
  remove_checkpoints(folder / "");
  CHECK(checkpoint_steps(folder / "").empty());
}

TEST_CASE("checkpoint: a folder that cannot be written", "[checkpoint]") {
  const TemporaryFolder folder;
  write_bytes(folder / "checkpoint", "a file");
  try {
    write(folder / "", 1, 1);
    FAIL("it was written");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::output);
    CHECK_THAT(error.what(), contains("checkpoint"));
  }
}

}  // namespace
}  // namespace moesim::testing
