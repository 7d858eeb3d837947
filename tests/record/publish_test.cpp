// Tests the atomic replacement of files.
#include "sim/io/publish.hpp"

#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <chrono>
#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// "" if `path` was written, else the message of an Exit::output.
std::string problem_of(const std::string& path, const std::string& bytes) {
  try {
    publish_bytes(path, bytes);
  } catch (const Error& error) {
    REQUIRE(error.code() == Exit::output);
    return error.what();
  }
  return "";
}

// While it lives, no file of this process can grow beyond `bytes`: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_CASE("publish: replaces the old file and leaves nothing beside it", "[record]") {
  const TemporaryFolder folder;
  publish_bytes(folder / "a", "old and long");
  publish_bytes(folder / "a", "new");
  REQUIRE(read_bytes(folder / "a") == "new");
  REQUIRE(files_in(folder / "") == 1);
}

TEST_CASE("publish: takes the place of a temporary that a killed process left", "[record]") {
  const TemporaryFolder folder;
  write_bytes(folder / (".a.tmp-" + std::to_string(::getpid())), "half");
  publish_bytes(folder / "a", "whole");
  REQUIRE(read_bytes(folder / "a") == "whole");
  REQUIRE(files_in(folder / "") == 1);
}

TEST_CASE("publish: old temporaries go when their process is gone", "[record]") {
  const TemporaryFolder folder;
  const pid_t dead = ::fork();
  if (dead == 0) ::_exit(0);
  ::waitpid(dead, nullptr, 0);
  const auto leave = [&](const std::string& name, pid_t process, int hours) {
    const std::string path = folder / ("." + name + ".tmp-" + std::to_string(process));
    write_bytes(path, "half");
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(hours));
    return path;
  };
  const std::string old = leave("old", dead, 2), young = leave("young", dead, 0),
                    living = leave("living", ::getpid(), 2);
  write_bytes(folder / "plan.json", "whole");
  remove_old_temporaries(folder / "");
  REQUIRE(!fs::exists(old));
  REQUIRE(fs::exists(young));  // perhaps of another host
  REQUIRE(fs::exists(living));
  REQUIRE(files_in(folder / "") == 3);
}

TEST_CASE("publish: a folder that is missing, or none", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "missing/run.h5";
  REQUIRE(problem_of(path, "x") == path +
                                       ": cannot write: No such file or directory; create the "
                                       "folder " +
                                       (folder / "missing") + " or choose another --out");
  write_bytes(folder / "file", "");
  REQUIRE_THAT(problem_of(folder / "file/run.h5", "x"),
               contains("Not a directory; a file stands where a folder is needed"));
}

TEST_CASE("publish: space is what to free where it is what is missing", "[record]") {
  const auto said = [](int reason) {
    try {
      cannot_write("out/run.h5", reason);
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  for (const int reason : {ENOSPC, EDQUOT}) CHECK_THAT(said(reason), contains("; free space or"));
  CHECK_THROWS_WITH(cannot_write("a.csv", ENOSPC, "--answers-out"),
                    contains("; free space or choose another --answers-out"));
  for (const int reason : {EFBIG, ENOENT, ENOTDIR, EACCES, EPERM, EROFS, EIO, EISDIR, ELOOP})
    CHECK_THAT(said(reason), !contains("space"));
}

TEST_CASE("publish: a link stays one, and what it leads to is replaced", "[record]") {
  const TemporaryFolder folder, scratch;
  publish_bytes(scratch / "run.h5", "old");
  fs::create_symlink("second", folder / "first");
  fs::create_symlink(scratch / "run.h5", folder / "second");
  publish_bytes(folder / "first", "new");
  CHECK(fs::is_symlink(folder / "first"));
  CHECK(fs::is_symlink(folder / "second"));
  CHECK(read_bytes(scratch / "run.h5") == "new");
  fs::create_symlink("/nowhere/run.h5", folder / "third");
  CHECK_THAT(problem_of(folder / "third", "x"), contains("/nowhere/run.h5: cannot write"));
  CHECK(fs::is_symlink(folder / "third"));
}

TEST_CASE("publish: only what looks like our temporaries is removed", "[record]") {
  const TemporaryFolder folder;
  for (const char* name : {".run.h5.tmp-12", ".notes.tmp-mine", ".a.tmp-", "b.tmp-12", ".lock"})
    write_bytes(folder / name, "x");
  write_bytes(folder / "kept", "x");
  fs::create_symlink(folder / "kept", folder / ".link.tmp-12");
  remove_temporaries(folder / "");
  CHECK_FALSE(fs::exists(folder / ".run.h5.tmp-12"));
  CHECK(files_in(folder / "") == 6);
}

TEST_CASE("publish: a folder that is a link is not taken away", "[record]") {
  const TemporaryFolder folder, scratch;
  write_bytes(scratch / "kept", "x");
  fs::create_directory_symlink(scratch / "", folder / "link");
  CHECK(remove_folder(folder / "link"));
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(fs::exists(scratch / "kept"));
}

TEST_CASE("publish: the target is a folder", "[record]") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "run.h5");
  REQUIRE_THAT(problem_of(folder / "run.h5", "x"), contains("cannot write: Is a directory"));
  REQUIRE(files_in(folder / "") == 1);
}

TEST_CASE("publish: a read-only folder keeps the old file", "[record]") {
  const TemporaryFolder folder;
  publish_bytes(folder / "a", "old");
  fs::permissions(folder / "", fs::perms::owner_read | fs::perms::owner_exec);
  if (::access((folder / "").c_str(), W_OK) == 0) {
    WARN("skipped: this user may write into read-only folders");
  } else {
    REQUIRE_THAT(problem_of(folder / "a", "new"), contains("Permission denied"));
    REQUIRE(read_bytes(folder / "a") == "old");
  }
  fs::permissions(folder / "", fs::perms::owner_all);
}

TEST_CASE("publish: a disk that fills up at any byte keeps the old file", "[record]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  sample(1).publish(path);
  const std::string old = read_bytes(path);
  const RunFile larger = sample(50);
  for (const rlim_t bytes : {0, 1, 511, 4096, 20000, 40000}) {
    std::string problem;
    {
      const FullDisk full(bytes);
      try {
        larger.publish(path);
      } catch (const Error& error) {
        problem = error.code() == Exit::output ? error.what() : "another exit code";
      }
    }
    INFO(bytes);
    REQUIRE(problem ==
            path + ": cannot write: File too large; raise the limit of file sizes (ulimit -f)");
    REQUIRE(read_bytes(path) == old);
    REQUIRE(files_in(folder / "") == 1);
  }
  larger.publish(path);
  REQUIRE(read_run_file(path).find("step")->values.size() == 50);
}

TEST_CASE("publish: a reader finds a whole file at every instant", "[record][long]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  sample(1).publish(path);
  const pid_t writer = ::fork();
  if (writer == 0) {
    for (int i = 1;; ++i) sample(1 + i % 20).publish(path);
  }
  for (int i = 0; i < 50; ++i) REQUIRE_NOTHROW(read_run_file(path));
  ::kill(writer, SIGKILL);
  ::waitpid(writer, nullptr, 0);
  REQUIRE_NOTHROW(read_run_file(path));
}

}  // namespace
}  // namespace moesim::testing
