// Checkpointer writes checkpoints of a training and restores them. A checkpoint holds everything
// that determines the rest of the training (parameters, optimiser, buffers, position), and the
// records so far.
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
  // Reads [checkpoint]. All arguments must outlive the checkpointer.
  Checkpointer(Settings& settings, Trainer& trainer, Recorder& recorder);
  // Sets the run's folder, and what checkpoints hold of the data (sim/data/stored.hpp). Without a
  // folder nothing is written.
  void keep_at(std::string folder, std::string config_sha256, std::string data_sha256,
               std::vector<StoredFile> data = {});

  void on_boundary(const Position& position) override;
  void on_evaluation(const Evaluation& evaluation) override;

  // Writes a checkpoint now, unless this position is already on disk. published_sha256: of the run
  // file of a complete run. Throws Exit::output; throws Exit::diverged if a parameter is NaN or
  // infinite.
  void write(const std::string& published_sha256);

  // checkpoint.every and checkpoint.seconds.
  index every() const { return every_; }
  double seconds() const { return seconds_; }
  double seconds_writing() const { return throttle_.spent(); }

  using Say = std::function<void(const std::string&)>;
  // Restores the newest intact checkpoint that fits; reports it, and damaged ones, through `say`.
  // If none can be restored, moves all of them aside and returns false. Throws Unreadable if one
  // may be intact but cannot be read (sim/checkpoint/checkpoint.hpp).
  bool resume(const Say& say);
  // Restores the last checkpoint of another run of the same training with fewer steps. The other
  // run's final evaluation is left out if this one has none at that step. Then writes its own
  // checkpoint. Throws Exit::data if the checkpoint cannot be restored, Exit::usage if this run
  // could not rewind to it (train.not_finite).
  struct Beginning {
    std::string folder, config_sha256;
    index steps = 0;
  };
  void go_on_from(const Beginning& beginning);
  // Called after Exit::diverged: rewinds to the newest regular checkpoint and skips the batches
  // since, if train.not_finite = rewind and the limit is not reached. Otherwise returns false.
  bool rewind(const Say& say);

 private:
  bool is_written() const;
  bool is_best() const;
  void write(const std::string& published_sha256, bool regular);
  bool take_up(bool regular, index before, const Say& say);
  void set_loss(const CheckpointInfo& info);

  Trainer& trainer_;
  Recorder& recorder_;
  index every_, keep_;
  double seconds_;
  Throttle throttle_;
  double loss_ = std::numeric_limits<double>::quiet_NaN();  // of the last evaluation
  index loss_step_ = -1;                                    // and of which step that was
  double best_ = std::numeric_limits<double>::infinity();   // of the checkpoints on disk
  index not_finite_ = 0;                                    // steps that were rewound
  index written_ = -1;                                      // step of the last checkpoint
  bool evaluated_ = false;                                  // was its evaluation done?
  std::string folder_, config_sha256_, data_sha256_;
  std::vector<StoredFile> data_;
};

}  // namespace moesim
