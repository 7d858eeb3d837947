// A sweep as a job array of Slurm: one task per run of the plan. A task that stops with a
// checkpoint (exit code 75) puts itself back into the queue; Slurm itself requeues a preempted one.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace moesim {

// Empty: the cluster's default.
struct SlurmOptions {
  std::string partition, time, memory, account, qos;
  long throttle = 0;  // tasks of one array at a time; 0: as many as the cluster allows
  int cpus = 1;       // per task, and its OMP_NUM_THREADS
  // Before the time limit a task is asked for its checkpoint; Slurm may be up to 60 s early.
  // 0: not asked.
  int signal_seconds = 60;
  std::string gres;  // of a task, as gpu:1
};

// Job arrays number their tasks below the cluster's MaxArraySize, so a large sweep is several
// arrays. Task t of one is run base + t.
struct SlurmPart {
  std::size_t base = 0;
  std::vector<std::size_t> runs;  // increasing
};
std::vector<SlurmPart> slurm_parts(std::vector<std::size_t> runs, std::size_t max_array_size);

// The cluster's MaxArraySize as scontrol tells it; 1001, Slurm's default, without an answer.
std::size_t slurm_max_array_size();

// The batch script of one array, which calls PROGRAM run PLAN --only N + 1 for every N of `runs`,
// all of them at least `base`. Relative paths start where sbatch is called. The log folder must
// exist when a task starts. Throws Exit::usage for values that Slurm could misread.
std::string slurm_script(const SlurmOptions& options, const std::string& job_name,
                         const std::string& program, const std::string& plan,
                         const std::vector<std::size_t>& runs, const std::string& log_folder,
                         std::size_t base = 0);

// Hands the script to sbatch; returns the number of the job. Throws Exit::usage without sbatch,
// Exit::internal with what sbatch says if it refuses.
std::string submit_to_slurm(const std::string& script_path);

// Run -> PENDING, RUNNING, COMPLETED, ..., as squeue tells it of the array with this base. Empty
// without squeue, and when Slurm has forgotten the job (MinJobAge after its end).
std::map<std::size_t, std::string> slurm_states(const std::string& job_id, std::size_t base = 0);

}  // namespace moesim
