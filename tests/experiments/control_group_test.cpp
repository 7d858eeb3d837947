// Tests the limits of a container, read from files as the kernel provides them.
#include "experiments/sweep/control_group.hpp"

#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>

namespace moesim::testing {
namespace {

// A system of one's own.
class System {
 public:
  explicit System(const std::string& own) {
    files_ = {folder_ / "cgroup", folder_ / "own"};
    write("own", own);
    std::filesystem::create_directories(files_.root);
  }
  void group(const std::string& name, const std::string& text) { write("cgroup/" + name, text); }
  double processors() const { return group_processors(files_); }
  double memory() const { return group_memory(files_); }

 private:
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path(folder_ / name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  TemporaryFolder folder_;
  ControlGroupFiles files_;
};

TEST_CASE("control groups: none, or none with a limit", "[limits]") {
  CHECK(group_processors({"/nowhere", "/nowhere"}) == 0);
  CHECK(group_memory({"/nowhere", "/nowhere"}) == 0);
  System system("0::/\n");
  CHECK(system.processors() == 0);
  system.group("cpu.max", "max 100000\n");
  system.group("memory.max", "max\n");
  CHECK(system.processors() == 0);
  CHECK(system.memory() == 0);
}

TEST_CASE("control groups, version 2: quota over period, the tightest around", "[limits]") {
  System system("0::/a/b\n");
  system.group("a/b/cpu.max", "350000 100000\n");
  CHECK(system.processors() == 3.5);
  system.group("a/cpu.max", "75000 50000\n");
  CHECK(system.processors() == 1.5);
  system.group("cpu.max", "1000 2000\n");  // what a container sees as its root
  CHECK(system.processors() == 0.5);
  system.group("c/cpu.max", "1000 100000\n");  // others'
  CHECK(system.processors() == 0.5);
}

TEST_CASE("control groups, version 1: quota over period of the controller's group", "[limits]") {
  System system("4:memory:/m\n3:cpu,cpuacct:/a/b\n1:name=systemd:/x\n");
  system.group("cpu/cpu.cfs_quota_us", "-1\n");
  system.group("cpu/cpu.cfs_period_us", "100000\n");
  CHECK(system.processors() == 0);
  system.group("cpu/a/b/cpu.cfs_quota_us", "250000\n");
  system.group("cpu/a/b/cpu.cfs_period_us", "100000\n");
  CHECK(system.processors() == 2.5);
  system.group("cpu/m/cpu.cfs_quota_us", "100\n");  // the group of another controller
  system.group("cpu/m/cpu.cfs_period_us", "100000\n");
  CHECK(system.processors() == 2.5);
}

TEST_CASE("control groups: memory that is left, without cached files", "[limits]") {
  System two("0::/a\n");
  two.group("a/memory.max", "1000000\n");
  two.group("a/memory.current", "700000\n");
  two.group("a/memory.stat", "anon 1\ninactive_file 200000\nactive_file 5\n");
  CHECK(two.memory() == 500000);
  two.group("memory.max", "100\n");
  two.group("memory.current", "700\n");
  CHECK(two.memory() == 1);  // nothing is left, which is no "no limit"

  System one("4:memory:/m\n");
  one.group("memory/memory.limit_in_bytes", "9223372036854771712\n");
  one.group("memory/memory.usage_in_bytes", "5\n");
  CHECK(one.memory() == 0);
  one.group("memory/m/memory.limit_in_bytes", "1000000\n");
  one.group("memory/m/memory.usage_in_bytes", "600000\n");
  one.group("memory/m/memory.stat", "cache 1\ntotal_inactive_file 100000\n");
  CHECK(one.memory() == 500000);
}

}  // namespace
}  // namespace moesim::testing
