// Timelines are quantities over training: of one run, and as means over the seeds of an arm.
#pragma once

#include "analysis/figures/gather.hpp"

#include <string>
#include <vector>

namespace moesim {

struct Timeline {
  std::vector<double> step;  // as recorded
  std::vector<double> x;     // steps, tokens, FLOPs or seconds
  std::vector<double> y;
};

// Throws Exit::usage.
void require_time_axis(const std::string& x);
std::string time_title(const std::string& x);

// What of a run file the time axis needs for variables over `dim` (step, eval or record).
void add_times(Excerpt& excerpt, const std::string& dim, const std::string& x);
// The times of the rows of `dim`; empty if the run does not have them.
Timeline times_of(const Run& run, const std::string& dim, const std::string& x);

// The mean and ± one sample standard deviation over timelines, step by step. Without a second
// timeline there is no band.
Series mean_over_seeds(const std::vector<const Timeline*>& timelines);

// Means of so many points in a row that at most `most` points are left; returns how many.
std::size_t thin(Timeline& timeline, std::size_t most);

}  // namespace moesim
