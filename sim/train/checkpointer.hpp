// The checkpointer writes checkpoints of a training and restores them. A checkpoint holds
// everything that decides how training goes on (parameters, optimiser, buffers, position) and what
// was recorded so far.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/data/stored.hpp"
#include "sim/train/recorder.hpp"
#include "sim/train/throttle.hpp"
#include "sim/train/trainer.hpp"

#include <functional>
#include <string>

namespace moesim {

class Checkpointer : public Hook {
 public:
  // Reads [checkpoint]. Everything given must outlive the checkpointer.
  Checkpointer(Settings& settings, Trainer& trainer, Recorder& recorder);
  // Sets the run's folder, and what checkpoints hold of the data (sim/data/stored.hpp). Without a
  // folder nothing is written.
  void keep_at(std::string folder, std::string config_sha256, std::string data_sha256,
               std::vector<StoredFile> data = {});

  void on_boundary(const Position& position) override;
  void on_evaluation(const Evaluation& evaluation) override;

  // Writes a checkpoint now, unless this position is on disk already. published_sha256: of the run
  // file, if the run is complete. Throws Exit::output; Exit::diverged for parameters that are not
  // finite, which would spoil it.
  void write(const std::string& published_sha256);

  // checkpoint.every and checkpoint.seconds.
  index every() const { return every_; }
  double seconds() const { return seconds_; }
  double seconds_writing() const { return throttle_.spent(); }

  using Say = std::function<void(const std::string&)>;
  // Restores the newest intact checkpoint that fits, and reports it through `say`, as well as
  // damaged ones. If none can be restored, sets all of them aside and returns false. Throws
  // Unreadable for one that may be whole (sim/checkpoint/checkpoint.hpp).
  bool resume(const Say& say);
  // Takes up the last checkpoint of another run, which ended after fewer steps and is the beginning
  // of this one: what this one has not recorded by then, an evaluation at the other's end, is left
  // out. Writes a checkpoint of its own. Throws Exit::data if that cannot be taken up, Exit::usage
  // if this run could not go back to it (train.not_finite).
  struct Beginning {
    std::string folder, config_sha256;
    index steps = 0;
  };
  void go_on_from(const Beginning& beginning);
  // After Exit::diverged: goes back to the newest regular checkpoint and leaves out the batches
  // since, if settings say so and the limit is not reached. False otherwise.
  bool rewind(const Say& say);

 private:
  bool is_written() const;
  bool is_best() const;
  void write(const std::string& published_sha256, bool regular);
  bool take_up(bool regular, index before, const Say& say);
  void set_loss(const CheckpointInfo& info);

  Trainer& trainer_;
  Recorder& recorder_;
  index every_;
  double seconds_;
  Throttle throttle_;
  double loss_ = std::numeric_limits<double>::quiet_NaN();  // of the last evaluation
  index loss_step_ = -1;                                    // and of which step that was
  double best_ = std::numeric_limits<double>::infinity();   // of the checkpoints on disk
  index not_finite_ = 0;                                    // steps that were gone back from
  index written_ = -1;                                      // step of the last checkpoint
  bool evaluated_ = false;                                  // was its evaluation done?
  std::string folder_, config_sha256_, data_sha256_;
  std::vector<StoredFile> data_;
};

}  // namespace moesim
