// How training goes, for people: on stderr and in log.txt. A line that rewrites itself on a
// terminal, plain lines elsewhere.
#pragma once

#include "sim/train/trainer.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace moesim {

class Progress : public Hook {
 public:
  // number, total: which run of a sweep this is. log: path of log.txt, or "".
  Progress(std::string label, std::size_t number, std::size_t total, const std::string& log);
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void on_step(const StepReport& report) override;
  void on_evaluation(const Evaluation& evaluation) override;
  // The last line of the run.
  void finish(const std::string& outcome);

 private:
  std::string line(const StepReport& report) const;
  void print(const std::string& text, bool keep);

  std::string label_;
  std::size_t number_, total_;
  bool terminal_, colour_;
  std::FILE* log_ = nullptr;
  std::chrono::steady_clock::time_point begin_, last_;
  StepReport latest_;
  bool open_line_ = false;
  std::string routing_;  // drops and balance at the last evaluation
};

}  // namespace moesim
