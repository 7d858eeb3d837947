// Tests event files byte by byte, and as a reader finds them while runs are trained.
#include "analysis/tensorboard/crc32c.hpp"
#include "analysis/tensorboard/event.hpp"
#include "analysis/tensorboard/export.hpp"
#include "analysis/tensorboard/protobuf.hpp"
#include "analysis/tensorboard/run_texts.hpp"
#include "sim/core/error.hpp"
#include "tests/analysis/event_reader.hpp"
#include "tests/analysis/routing_samples.hpp"

#include <filesystem>

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;
using Type = Variable::Type;

std::string bytes(std::initializer_list<int> values) {
  std::string result;
  for (const int value : values) result += static_cast<char>(value);
  return result;
}

TEST_CASE("tensorboard: CRC-32C of the vectors of RFC 3720, B.4", "[analysis][tensorboard]") {
  std::string up, down;
  for (int i = 0; i < 32; ++i) {
    up += static_cast<char>(i);
    down += static_cast<char>(31 - i);
  }
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
  CHECK(crc32c(up) == 0x46dd794e);
  CHECK(crc32c(down) == 0x113fdb5c);
  CHECK(crc32c("123456789") == 0xe3069283);  // Castagnoli's check value
  CHECK(crc32c("") == 0);
  // (crc >> 15 | crc << 17) + 0xa282ead8, of 0xe3069283
  CHECK(masked_crc32c("123456789") == 0xc78ab0e5);
}

TEST_CASE("tensorboard: fields of protocol buffers", "[analysis][tensorboard]") {
  CHECK(Message().integer(1, 150).bytes() == bytes({0x08, 0x96, 0x01}));
  CHECK(Message().integer(2, 0).bytes() == bytes({0x10, 0x00}));
  CHECK(Message().integer(1, -1).bytes() ==
        bytes({0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
  CHECK(Message().text(2, "testing").bytes() == bytes({0x12, 7}) + "testing");
  CHECK(Message().real(1, 1.0).bytes() == bytes({0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f}));
  CHECK(Message().real(2, 1.0F).bytes() == bytes({0x15, 0, 0, 0x80, 0x3f}));
  CHECK(Message().message(3, Message().integer(1, 150)).bytes() ==
        bytes({0x1a, 3, 0x08, 0x96, 0x01}));
  CHECK(Message().integer(16, 1).bytes() == bytes({0x80, 0x01, 0x01}));
  CHECK(Message().text(1, std::string(200, 'a')).bytes().substr(0, 3) == bytes({0x0a, 0xc8, 0x01}));
}

TEST_CASE("tensorboard: the record of a scalar, byte by byte", "[analysis][tensorboard]") {
  const std::string record = record_of({.wall_time = 1.0, .step = 5, .scalars = {{"a", 0.5}}});
  const std::string value = bytes({0x0a, 1}) + "a" + bytes({0x15, 0, 0, 0, 0x3f});
  const std::string summary = bytes({0x0a, 8}) + value;
  const std::string event =
      bytes({0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f}) + bytes({0x10, 5}) + bytes({0x2a, 10}) + summary;
  CHECK(record.substr(0, 8) == bytes({23, 0, 0, 0, 0, 0, 0, 0}));
  CHECK(record.substr(12, 23) == event);
  CHECK(record.size() == 8 + 4 + 23 + 4);
  REQUIRE(read_events(record).size() == 1);
}

TEST_CASE("tensorboard: the record of a text", "[analysis][tensorboard]") {
  const std::string record = record_of({.wall_time = 0, .step = 0, .texts = {{"t", "x"}}});
  CHECK_THAT(record, contains(bytes({0x0a, 1}) + "t" +                       // tag
                              bytes({0x42, 7, 0x08, 7, 0x12, 0, 0x42, 1}) +  // tensor of a string
                              "x" + bytes({0x4a, 8, 0x0a, 6, 0x0a, 4}) + "text"));
}

TEST_CASE("tensorboard: names of files", "[analysis][tensorboard]") {
  CHECK(safe_file_name("token choice k=2") == "token choice k=2");
  CHECK(safe_file_name("Z\xC3\xBCrich") == "Z\xC3\xBCrich");
  for (const char* hostile : {"../../etc", "a/b", "=cmd|' /C calc'!A0", "\x1b[31m", "", ".", "..",
                              "-rf", "con:", "a ", "a."}) {
    const std::string name = safe_file_name(hostile);
    INFO(name);
    CHECK(name != hostile);
    CHECK(name.find('/') == std::string::npos);
    CHECK(!name.empty());
    CHECK(name[0] != '.');
    CHECK(name[0] != '-');
  }
  CHECK(safe_file_name("a/b") != safe_file_name("a:b"));
  CHECK(safe_file_name(std::string(300, 'x')).size() <= 109);
  std::string wide;
  for (int i = 0; i < 60; ++i) wide += "\xE6\x9D\xB1";
  CHECK(safe_file_name(wide).substr(0, 99) == wide.substr(0, 99));  // no half of a character
  CHECK(safe_file_name(wide)[99] == '-');
}

TEST_CASE("tensorboard: time of creation", "[analysis][tensorboard]") {
  // python3: datetime.fromisoformat("2026-01-02T03:04:05+00:00").timestamp()
  CHECK(seconds_since_1970("2026-01-02T03:04:05Z") == 1767323045);
  CHECK(seconds_since_1970("yesterday") == 0);
}

// A run of a few steps that was recorded up to `steps`; `shift` changes its losses.
RunFile going_run(int steps, const std::string& status, double shift = 0,
                  const std::string& created = "2026-01-02T03:04:05Z") {
  RunFile run = routing_run("going", 0, status);
  run.attribute("created_utc", created);
  std::vector<double> numbers, losses;
  for (int i = 0; i < steps; ++i) {
    numbers.push_back(i);
    losses.push_back(4 - i + shift);
  }
  run.put(variable("step", Type::int64, {"step"}, {steps}, numbers));
  run.put(variable("loss", Type::float64, {"step"}, {steps}, losses));
  run.put(variable("seconds", Type::float64, {"step"}, {steps},
                   std::vector<double>(static_cast<std::size_t>(steps), 0.5)));
  return run;
}

// Folders with one run, and where its events go.
struct Followed {
  TemporaryFolder runs, logs;

  void publish(const RunFile& run) const {
    fs::create_directories(runs / "run");
    run.publish(runs / "run/run.h5");
  }
  TensorboardExport once() const {
    return export_tensorboard({.paths = {runs / ""}}, {.folder = logs / ""});
  }
  // Publishes one run after the other, whenever the export waits.
  TensorboardExport follow(const std::vector<RunFile>& states) const {
    std::size_t next = 1;
    publish(states.at(0));
    const auto wait = [&] {
      if (next == states.size()) return false;
      publish(states[next++]);
      return true;
    };
    return export_tensorboard({.paths = {runs / ""}},
                              {.folder = logs / "", .follow = true, .wait = wait});
  }
  std::string folder() const { return logs / "test/going/seed 0"; }
  std::vector<fs::path> files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder())) files.push_back(entry.path());
    return files;
  }
  std::vector<ReadEvent> events() const {
    REQUIRE(files().size() == 1);
    return read_events(read_bytes(files()[0]));
  }
};

// The points of a tag, in the order of the file.
std::vector<std::pair<std::int64_t, float>> points(const std::vector<ReadEvent>& events,
                                                   const std::string& tag) {
  std::vector<std::pair<std::int64_t, float>> found;
  for (const ReadEvent& event : events)
    if (const auto value = event.scalars.find(tag); value != event.scalars.end())
      found.emplace_back(event.step, value->second);
  return found;
}

using Points = std::vector<std::pair<std::int64_t, float>>;

TEST_CASE("tensorboard: what a run recorded, once", "[analysis][tensorboard]") {
  const Followed run;
  run.publish(going_run(3, "complete"));
  const TensorboardExport done = run.once();
  CHECK(done.runs == 1);
  const std::vector<ReadEvent> events = run.events();
  CHECK(events.size() == done.events + 2);  // version and start
  CHECK(events[0].file_version == "brain.Event:2");
  CHECK(events[1].starts);
  CHECK_THAT(events[2].texts.at("run"), contains("| arm | going |"));
  CHECK(points(events, "train/loss") == Points{{0, 4.F}, {1, 3.F}, {2, 2.F}});
  CHECK(points(events, "eval/loss") == Points{{0, 2.F}, {10, 2.5F}});
  CHECK(points(events, "eval_load/layer 1/expert 0") ==
        Points{{0, 4.F}, {10, static_cast<float>(6 / 3.5)}});
  CHECK(points(events, "load/layer 3/expert 3") == Points{{0, 0.F}, {5, 1.F}, {9, 1.F}});
  CHECK(points(events, "dropped_percent/layer 1") == Points{{0, 0.F}, {5, 25.F}, {9, 0.F}});
  CHECK(points(events, "router_entropy/layer 3").size() == 2);  // not the NaN
  const auto time = [&](const std::string& tag, std::int64_t step) {
    for (const ReadEvent& event : events)
      if (event.step == step && event.scalars.contains(tag)) return event.wall_time - 1767323045;
    return -1.0;
  };
  CHECK(time("train/loss", 0) == 0.5);
  CHECK(time("train/loss", 2) == 1.5);
  CHECK(time("eval/loss", 0) == 0);
  CHECK(time("eval/loss", 10) == 1.5);

  const std::string before = read_bytes(run.files()[0]);
  CHECK(run.once().events == 0);
  CHECK(read_bytes(run.files()[0]) == before);
}

TEST_CASE("tensorboard: a run that goes on loses and doubles nothing", "[analysis][tensorboard]") {
  const Followed run;
  // It is killed after 5 steps, goes on from its checkpoint after 2, and ends after 7.
  run.follow({going_run(3, "running"), going_run(5, "running"), going_run(2, "running"),
              going_run(4, "running"), going_run(7, "complete")});
  const Points expected{{0, 4.F}, {1, 3.F}, {2, 2.F}, {3, 1.F}, {4, 0.F}, {5, -1.F}, {6, -2.F}};
  CHECK(points(run.events(), "train/loss") == expected);
  CHECK(points(run.events(), "eval/loss").size() == 2);
  CHECK(fs::path(run.files()[0]).filename() == "events.out.tfevents.1767323045.moesim.000");
}

TEST_CASE("tensorboard: a run with other losses than before begins a new file",
          "[analysis][tensorboard]") {
  const Followed run;
  run.follow({going_run(5, "running"), going_run(2, "running", 1), going_run(6, "complete", 1)});
  const Points expected{{0, 5.F}, {1, 4.F}, {2, 3.F}, {3, 2.F}, {4, 1.F}, {5, 0.F}};
  CHECK(points(run.events(), "train/loss") == expected);
  CHECK(run.files()[0].filename() == "events.out.tfevents.1767323045.moesim.001");
}

TEST_CASE("tensorboard: another run in the same folder begins a new file",
          "[analysis][tensorboard]") {
  const Followed run;
  run.follow({going_run(2, "running"), going_run(3, "complete", 0, "2026-01-02T03:04:06Z")});
  CHECK(points(run.events(), "train/loss").size() == 3);
  CHECK(run.files()[0].filename() == "events.out.tfevents.1767323046.moesim.001");
}

TEST_CASE("tensorboard: a file that somebody else changed begins again",
          "[analysis][tensorboard]") {
  const Followed run;
  run.publish(going_run(2, "running"));
  int looks = 0;
  const auto wait = [&] {
    if (++looks > 1) return false;
    write_bytes(run.files()[0], "cut");
    run.publish(going_run(4, "complete"));
    return true;
  };
  export_tensorboard({.paths = {run.runs / ""}},
                     {.folder = run.logs / "", .follow = true, .wait = wait});
  CHECK(points(run.events(), "train/loss").size() == 4);
}

TEST_CASE("tensorboard: a follower ends when all runs have", "[analysis][tensorboard]") {
  const Followed run;
  run.publish(going_run(2, "complete"));
  int waits = 0, awaited = 2;
  export_tensorboard({.paths = {run.runs / ""}}, {.folder = run.logs / "",
                                                  .follow = true,
                                                  .wait =
                                                      [&] {
                                                        ++waits;
                                                        return true;
                                                      },
                                                  .awaits_more = [&] { return awaited-- > 0; }});
  CHECK(waits == 2);
}

TEST_CASE("tensorboard: a run that begins and ends between two looks is read",
          "[analysis][tensorboard]") {
  const Followed run;
  run.publish(going_run(2, "complete"));
  const auto late = [&] {
    fs::create_directories(run.runs / "late");
    RunFile other = going_run(3, "complete");
    other.attribute("arm", "late");
    other.publish(run.runs / "late/run.h5");
    return false;  // from now on there are no more
  };
  export_tensorboard(
      {.paths = {run.runs / ""}},
      {.folder = run.logs / "", .follow = true, .wait = [] { return true; }, .awaits_more = late});
  CHECK(fs::exists(run.logs / "test/late/seed 0"));
}

TEST_CASE("tensorboard: runs of one name go to folders of their own", "[analysis][tensorboard]") {
  const TemporaryFolder runs, logs;
  for (const char* folder : {"a", "b", "c"}) {
    fs::create_directories(runs / folder);
    going_run(2, "complete").publish(runs / folder + "/run.h5");
  }
  write_bytes(runs / "c/run.h5", "no run file");
  std::vector<std::string> unreadable;
  const Request request{.paths = {runs / ""}, .on_unreadable = [&](const std::string& why) {
                          unreadable.push_back(why);
                        }};
  const TensorboardExport done = export_tensorboard(request, {.folder = logs / ""});
  CHECK(done.runs == 2);
  CHECK(done.unreadable == 1);
  CHECK(unreadable.size() == 1);
  CHECK(fs::exists(logs / "test/going/seed 0"));
  CHECK(fs::exists(logs / "test/going/seed 0 going-s0"));
  try {
    export_tensorboard({.paths = {runs / ""}}, {.folder = logs / "", .arms = {"gone"}});
    FAIL("no such arm");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    CHECK_THAT(error.what(), contains("'gone'") && contains("going"));
  }
}

TEST_CASE("tensorboard: a path that is not there", "[analysis][tensorboard]") {
  const TemporaryFolder folder;
  for (const bool follow : {false, true}) try {
      export_tensorboard({.paths = {folder / "none"}},
                         {.folder = folder / "logs", .follow = follow});
      FAIL("exported nothing");
    } catch (const Error& error) {
      CHECK(error.code() == Exit::data);
    }
}

TEST_CASE("tensorboard: steps that are none", "[analysis][tensorboard]") {
  const Followed run;
  RunFile odd = going_run(2, "complete");
  odd.put(variable("eval_step", Type::float64, {"eval"}, {2}, {0, std::nan("")}));
  run.publish(odd);
  CHECK_THROWS_WITH(run.once(), contains("eval_step has a value that is no step"));
}

TEST_CASE("tensorboard: a folder that cannot be written", "[analysis][tensorboard]") {
  const Followed run;
  run.publish(going_run(2, "complete"));
  write_bytes(run.logs / "file", "");
  try {
    export_tensorboard({.paths = {run.runs / ""}}, {.folder = run.logs / "file"});
    FAIL("written into a file");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::output);
  }
}

}  // namespace
}  // namespace moesim::testing
