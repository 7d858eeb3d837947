// Timeseries is a quantity over training, of one run or averaged over the seeds of an arm.
#pragma once

#include "analysis/figures/gather.hpp"

#include <string>
#include <vector>

namespace moesim {

struct Timeseries {
  std::vector<double> step;  // training steps, as recorded
  std::vector<double> x;     // steps, tokens, FLOPs or seconds
  std::vector<double> y;
};

// Returns the time axes: steps, tokens, flops and seconds.
const std::vector<std::string>& time_axes();
// Throws Exit::usage unless `x` is steps, tokens, flops or seconds.
void require_time_axis(const std::string& x);
std::string time_title(const std::string& x);

// Adds to `excerpt` the variables that the time axis `x` needs for data over `dim` (step, eval or
// record).
void add_times(Excerpt& excerpt, const std::string& dim, const std::string& x);
// Returns the times of the rows of `dim`; empty if the run does not have them.
Timeseries times_of(const Run& run, const std::string& dim, const std::string& x);

// Returns the mean ± one sample standard deviation over timelines, step by step. With a single
// timeline there is no band.
Series mean_over_seeds(const std::vector<const Timeseries*>& timelines);

// Averages consecutive points until at most `most` are left. Returns the number of points per mean.
std::size_t thin(Timeseries& timeline, std::size_t most);

}  // namespace moesim
