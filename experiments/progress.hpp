// How training goes, for people: lines for whoever shows them, and for log.txt.
#pragma once

#include "sim/train/trainer.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace moesim {

// Gets every line: `keep`, or one that the next one replaces.
using Show = std::function<void(const std::string& line, bool keep)>;

class Progress : public Hook {
 public:
  // prefix: which run of a sweep this is, "[3/24] soft seed 1". log: path of log.txt.
  Progress(std::string prefix, Show show, const std::string& log);
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void on_step(const StepReport& report) override;
  void on_evaluation(const Evaluation& evaluation) override;
  // A remark: "warning: ...".
  void note(const std::string& what);
  // Something else that happened: "resumed at step 100", "complete".
  void say(const std::string& what);
  double seconds() const;  // since the start

 private:
  std::string line(const StepReport& report) const;
  void keep(const std::string& text);
  void open_log();

  std::string prefix_;
  Show show_;
  std::string path_;  // of log.txt
  int log_ = -1;
  std::chrono::steady_clock::time_point begin_, last_;
  index trained_ = 0;  // steps of this process, those that were taken back too
  StepReport latest_;
  std::string routing_;  // drops and balance at the last evaluation
};

// "3h07m"
std::string duration(double seconds);

}  // namespace moesim
