// Tests Slurm job arrays: scripts, directives, answers of sbatch.
#include "experiments/cluster/slurm.hpp"

#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/wait.h>

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;

std::string script_of(const SlurmOptions& options, const std::vector<std::size_t>& runs,
                      std::size_t base = 0) {
  return slurm_script(options, "tiny", "/bin/moesim", "/runs/plan.json", runs, "/runs/logs", base);
}

// The values of the script's directives with this name, one per line.
std::string directive(const std::string& script, const std::string& name) {
  std::istringstream lines(script);
  std::string found;
  const std::string start = "#SBATCH --" + name;
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(start, 0) == 0)
      found += (found.empty() ? "" : "\n") + line.substr(std::min(line.size(), start.size() + 1));
  return found;
}

// Programs of this folder come before the system's while it lives.
class Tools {
 public:
  Tools() : before_(std::getenv("PATH")) {
    ::setenv("PATH", (folder_.path("") + ":" + before_).c_str(), 1);
  }
  ~Tools() { ::setenv("PATH", before_.c_str(), 1); }
  Tools(const Tools&) = delete;
  Tools& operator=(const Tools&) = delete;

  void only_these() { ::setenv("PATH", folder_.path("").c_str(), 1); }
  std::string add(const std::string& name, const std::string& body) {
    const std::string path = folder_.write(name, "#!/bin/bash\n" + body);
    fs::permissions(path, fs::perms::owner_all);
    return path;
  }
  std::string path(const std::string& name) const { return folder_.path(name); }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // The script as Slurm starts it for task 3 of job 7; the exit code.
  int run(const std::string& script) {
    const std::string path = add("script", script);
    const int status = std::system(
        ("SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=3 bash '" + path + "' > '" + path + ".log' 2>&1")
            .c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  ConfigFolder folder_;
  std::string before_;
};

TEST_CASE("slurm: the array has the runs that are to do", "[slurm]") {
  SlurmOptions options;
  REQUIRE(directive(script_of(options, {4}), "array") == "4");
  REQUIRE(directive(script_of(options, {0, 1, 2, 3, 4, 5, 7}), "array") == "0-5,7");
  options.throttle = 2;
  REQUIRE(directive(script_of(options, {0, 2, 3, 9}), "array") == "0,2-3,9%2");
  const std::string shifted = script_of(options, {1001, 1002, 1007}, 1001);
  REQUIRE(directive(shifted, "array") == "0-1,6%2");
  REQUIRE_THAT(shifted, contains("run=$((SLURM_ARRAY_TASK_ID + 1002))"));
  for (const std::vector<std::size_t>& runs : {std::vector<std::size_t>{}, {1, 1}, {2, 1}})
    REQUIRE_THROWS_AS(script_of(options, runs), Error);
  REQUIRE_THROWS_AS(script_of(options, {1, 2}, 2), Error);
}

TEST_CASE("slurm: arrays stay below MaxArraySize and keep the numbers they can", "[slurm]") {
  REQUIRE(slurm_parts({}, 1001).empty());
  std::vector<SlurmPart> parts = slurm_parts({7, 3, 3, 1000}, 1001);
  REQUIRE(parts.size() == 1);
  REQUIRE(parts[0].base == 0);
  REQUIRE(parts[0].runs == std::vector<std::size_t>{3, 7, 1000});

  parts = slurm_parts({9, 8, 10, 12, 19, 20, 35}, 10);
  REQUIRE(parts.size() == 4);
  REQUIRE(parts[0].base == 0);
  REQUIRE(parts[0].runs == std::vector<std::size_t>{8, 9});
  REQUIRE(parts[1].base == 10);
  REQUIRE(parts[1].runs == std::vector<std::size_t>{10, 12, 19});
  REQUIRE(parts[2].base == 20);
  REQUIRE(parts[3].runs == std::vector<std::size_t>{35});
  REQUIRE(directive(script_of({}, parts[3].runs, parts[3].base), "array") == "0");
}

TEST_CASE("slurm: directives come from the options, and none from empty ones", "[slurm]") {
  SlurmOptions options;
  const std::string plain = script_of(options, {0});
  for (const char* name : {"partition", "time", "mem", "account", "qos", "gres"})
    REQUIRE(plain.find("#SBATCH --" + std::string(name) + "=") == plain.npos);
  REQUIRE(directive(plain, "signal") == "B:USR1@60");
  REQUIRE(directive(plain, "output") == "\"/runs/logs/%A_%a.log\"");
  REQUIRE_THAT(plain, contains("\n#SBATCH --requeue\n"));
  REQUIRE(directive(plain, "open-mode") == "append");

  options = {"cpu,big", "1-00:30:00", "2.5G", "lab_7", "low+x", 3, 4, 0, "gpu:a100:2"};
  const std::string full = script_of(options, {0});
  REQUIRE(directive(full, "partition") == "cpu,big");
  REQUIRE(directive(full, "time") == "1-00:30:00");
  REQUIRE(directive(full, "mem") == "2.5G");
  REQUIRE(directive(full, "account") == "lab_7");
  REQUIRE(directive(full, "qos") == "low+x");
  REQUIRE(directive(full, "gres") == "gpu:a100:2");
  REQUIRE(directive(full, "cpus-per-task") == "4");
  REQUIRE(directive(full, "signal").empty());
  REQUIRE_THAT(full, contains("OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-4}"));
}

TEST_CASE("slurm: what sbatch could misread is refused", "[slurm]") {
  const auto problem = [](auto change) {
    SlurmOptions options;
    change(options);
    return usage_error([&] { script_of(options, {0}); });
  };
  for (const char* bad : {"a b", "a\nb", "$(id)", "a;b", "\"a", "a#b", "a=b", "é"})
    REQUIRE_THAT(problem([&](SlurmOptions& o) { o.partition = bad; }), contains("--partition"));
  REQUIRE_THAT(problem([](SlurmOptions& o) { o.account = std::string(65, 'a'); }),
               contains("--account"));
  REQUIRE_THAT(problem([](SlurmOptions& o) { o.time = "1 h"; }), contains("--time"));
  REQUIRE_THAT(problem([](SlurmOptions& o) { o.memory = "1 G"; }), contains("--mem"));
  REQUIRE_THAT(problem([](SlurmOptions& o) { o.qos = "*"; }), contains("--qos"));
  REQUIRE_THAT(problem([](SlurmOptions& o) { o.gres = "gpu:1 x"; }), contains("--gres"));
  REQUIRE_THAT(problem([](SlurmOptions& o) { o.throttle = -1; }), contains("--throttle -1"));
  REQUIRE_THAT(problem([](SlurmOptions& o) { o.cpus = 0; }), contains("--cpus 0"));
  REQUIRE_THAT(problem([](SlurmOptions& o) { o.signal_seconds = 65536; }), contains("--signal"));

  const auto named = [](const std::string& name, const std::string& program,
                        const std::string& logs) {
    return usage_error([&] { slurm_script({}, name, program, "p", {0}, logs); });
  };
  REQUIRE_THAT(named("a\n#SBATCH --uid=0", "m", "l"), contains("job's name"));
  REQUIRE_THAT(named("", "m", "l"), contains("job's name is empty"));
  REQUIRE_THAT(named("a", "m\n", "l"), contains("program's path"));
  REQUIRE_THAT(named("a", "m", "l\\x"), contains("backslash"));
}

TEST_CASE("slurm: names reach sbatch and the program as they are", "[slurm]") {
  Tools tools;
  const std::string odd = R"(it's "50%" $HOME `x` \ #)";
  const std::string program =
      tools.add("prog " + odd, "printf '<%s>' \"$@\" \"$OMP_NUM_THREADS\"; exit 5\n");
  SlurmOptions options;
  options.cpus = 3;
  const std::string script =
      slurm_script(options, odd, program, "/a " + odd, {40, 43}, "/it's \"50%\" $HOME #", 40);
  REQUIRE(directive(script, "job-name") == R"("it's \"50%\" $HOME `x` \\ #")");
  REQUIRE(directive(script, "output") == R"("/it's \"50%%\" $HOME #/%A_%a.log")");
  REQUIRE(tools.run(script) == 5);  // the program's own exit code
  REQUIRE_THAT(tools.read("script.log"), contains("<run></a " + odd + "><--only><44><3>"));
}

TEST_CASE("slurm: a task that stopped with a checkpoint is requeued unless Slurm is ending it",
          "[slurm]") {
  Tools tools;
  const auto run = [&](const std::string& program, const std::string& state) {
    const std::string path = tools.add("program", program);
    fs::remove(tools.path("requeued"));
    tools.add("squeue", "echo '" + state + "'\n");
    tools.add("scontrol", "echo \"$*\" > " + tools.path("requeued") + "\n");
    const int code = tools.run(slurm_script({}, "a", path, "p", {3}, "l"));
    return std::to_string(code) + " " + tools.read("requeued");
  };
  REQUIRE(run("exit 75", "RUNNING None") == "75 requeue 7_3\n");
  REQUIRE(run("exit 75", "COMPLETING TimeLimit") == "75 requeue 7_3\n");
  REQUIRE(run("exit 75", "COMPLETING None") == "75 ");  // cancelled or preempted
  REQUIRE(run("exit 75", "") == "75 ");                 // nobody answers
  REQUIRE(run("exit 0", "RUNNING None") == "0 ");
  REQUIRE(run("exit 6", "RUNNING None") == "6 ");

  // Signals are handed on, the program is waited for to its end, and its exit code is kept.
  const std::string stops = "trap 'sleep 0.1; exit 75' USR1 TERM; kill -s ";
  const std::string waits = " \"$PPID\"; while :; do sleep 0.01; done";
  REQUIRE(run(stops + "USR1" + waits, "RUNNING None") == "75 requeue 7_3\n");
  REQUIRE(run(stops + "TERM" + waits, "COMPLETING None") == "75 ");
  REQUIRE(run("trap 'sleep 0.1; exit 0' USR1; sleep 0.1; kill -s USR1" + waits, "RUNNING None") ==
          "0 ");
  // Before the program could handle it.
  REQUIRE(run("kill -s USR1" + waits, "RUNNING None") == "75 requeue 7_3\n");
  // Killed by another process: a failure.
  REQUIRE(run("kill -s TERM $$", "RUNNING None") == "143 ");
}

TEST_CASE("slurm: sbatch is told the script, and its answer is understood", "[slurm]") {
  Tools tools;
  const auto refusal = [](Exit code) {
    try {
      submit_to_slurm("script");
    } catch (const Error& error) {
      REQUIRE(error.code() == code);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  tools.add("sbatch", "echo \"$*\" > " + tools.path("words") + "; echo noise >&2; echo 123\n");
  REQUIRE(submit_to_slurm("a b") == "123");
  REQUIRE(tools.read("words") == "--parsable a b\n");
  tools.add("sbatch", "echo '123;cluster'");
  REQUIRE(submit_to_slurm("script") == "123");
  tools.add("sbatch", "echo 'sbatch: error: one' >&2; echo 'sbatch: error: two' >&2; exit 1");
  REQUIRE(refusal(Exit::internal) == "sbatch: error: one; sbatch: error: two");
  tools.add("sbatch", "head -c 300000 /dev/zero >&2; echo done");  // more than a pipe holds
  REQUIRE_THAT(refusal(Exit::internal), contains("got: done"));
  fs::remove(tools.path("sbatch"));
  tools.only_these();
  REQUIRE(refusal(Exit::usage) ==
          "sbatch: not found; run on a login node, or print the script with --print");
}

TEST_CASE("slurm: states are those of squeue, none without it", "[slurm]") {
  Tools tools;
  tools.add("squeue", "echo '0 RUNNING'; echo '12 PENDING'; echo 'N/A RUNNING'\n");
  REQUIRE(slurm_states("5") == std::map<std::size_t, std::string>{{0, "RUNNING"}, {12, "PENDING"}});
  REQUIRE(slurm_states("5", 100).at(112) == "PENDING");
  tools.add("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1\n");
  REQUIRE(slurm_states("5").empty());
  tools.add("scontrol", "echo 'MaxArraySize            = 4001'\n");
  REQUIRE(slurm_max_array_size() == 4001);
  tools.add("scontrol", "exit 1\n");
  REQUIRE(slurm_max_array_size() == 1001);
  tools.only_these();
  for (const char* tool : {"squeue", "scontrol"}) fs::remove(tools.path(tool));
  REQUIRE(slurm_states("5").empty());
  REQUIRE(slurm_max_array_size() == 1001);
}

}  // namespace
}  // namespace moesim::testing
