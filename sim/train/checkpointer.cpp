#include "sim/train/checkpointer.hpp"

#include "sim/backend/backend.hpp"
#include "sim/checkpoint/records.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "sim/core/error.hpp"
#include "sim/core/number.hpp"
#include "sim/record/block_store.hpp"
#include "sim/record/pack.hpp"
#include "sim/record/rows.hpp"
#include "sim/train/diagnose.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

namespace moesim {
namespace {

// Largest share of the time for checkpoints by time.
constexpr double kShare = 0.01;
// Least seconds between a checkpoint that is only the best so far and the previous one.
constexpr double kBestSeconds = 10;

// Name, type and shape.
TensorView view_of(const NamedTensor& tensor) {
  return {tensor.name, number_name(), lengths_of(tensor.value.shape()), {}};
}

// A file whose tensors point at their values; values on a device are first copied to `copies`,
// which must outlive the result.
TensorFile file_of(const std::vector<NamedTensor>& tensors,
                   std::vector<std::vector<real>>& copies) {
  TensorFile file;
  for (const NamedTensor& tensor : tensors) {
    const real* values = tensor.value.data();
    if (tensor.value.backend().name() != "cpu")
      values = copies.emplace_back(tensor.value.to_host()).data();
    TensorView view = view_of(tensor);
    view.bytes = {reinterpret_cast<const char*>(values),
                  static_cast<std::size_t>(tensor.value.size()) * sizeof(real)};
    file.tensors.push_back(std::move(view));
  }
  return file;
}

}  // namespace

Checkpointer::Checkpointer(Settings& settings, Trainer& trainer, Recorder& recorder)
    : trainer_(trainer), recorder_(recorder), throttle_(0) {
  Options options(settings, "checkpoint");
  every_ = options.integer("every", 0, {0, 1ll << 40},
                           "steps between checkpoints; 0: by time, see checkpoint.seconds");
  keep_ = options.integer(
      "keep", kRegularKept, {kRegularKept, 1ll << 40},
      "newest checkpoints of checkpoint.every that are kept, and the one with the lowest "
      "validation loss");
  options.keep_silent("keep");
  seconds_ = options.number("seconds", 60, {0, 1e9},
                            "seconds between checkpoints by time, which take at most "
                            "a hundredth of the time");
  throttle_ = Throttle(kShare, seconds_);
  if (trainer.not_finite() == NotFinite::rewind && every_ == 0)
    options.reject("every",
                   "train.not_finite = rewind goes back to checkpoints at fixed steps, so that a "
                   "resumed run equals an uninterrupted one; set a number of steps");
}

void Checkpointer::keep_at(std::string folder, std::string config_sha256, std::string data_sha256,
                           std::vector<StoredFile> data) {
  folder_ = std::move(folder);
  data_ = std::move(data);
  config_sha256_ = std::move(config_sha256);
  data_sha256_ = std::move(data_sha256);
  recorder_.file().keep_blocks(std::make_shared<BlockStore>(blocks_path(folder_)));
}

void Checkpointer::on_boundary(const Position& position) {
  if (folder_.empty()) return;
  const bool due = every_ > 0 ? position.step % every_ == 0 : throttle_.allows();
  // A checkpoint at step 0 serves only as a target of rewinding.
  const bool of_use = position.step > 0 || trainer_.not_finite() == NotFinite::rewind;
  const bool best = is_best() && throttle_.allows(kBestSeconds);
  if (!(due || best) || !of_use || is_written()) return;
  const Throttle::Work work(throttle_);
  write("", due);
}

void Checkpointer::on_evaluation(const Evaluation& evaluation) {
  loss_ = evaluation.loss;
  loss_step_ = evaluation.step;
}

bool Checkpointer::is_best() const {
  return loss_step_ == trainer_.position().step && loss_ < best_;
}

void Checkpointer::write(const std::string& published_sha256) {
  if (folder_.empty() || is_written()) return;
  const Throttle::Work work(throttle_);
  // A checkpoint before its evaluation is not regular: if the evaluation fails, rewinding to it
  // would fail again.
  const Position& position = trainer_.position();
  write(published_sha256, every_ == 0 || (position.evaluated && position.step % every_ == 0));
}

bool Checkpointer::is_written() const {
  return trainer_.position().step == written_ && trainer_.position().evaluated == evaluated_;
}

void Checkpointer::write(const std::string& published_sha256, bool regular) {
  const Position& position = trainer_.position();
  if (const std::string name = damaged_parameter(trainer_.parameters()); !name.empty())
    fail(Exit::diverged, fmt::format("after step {}: the values of {} are not finite; lower "
                                     "train.rate or train.clip",
                                     position.step - 1, name));
  std::vector<std::vector<real>> copies;
  const TensorFile weights = file_of(trainer_.weights(), copies);
  const std::vector<NamedTensor> kept = trainer_.state();
  TensorFile state = file_of(kept, copies);
  state.metadata = metadata_of(trainer_);
  std::string weights_header, state_header;
  const std::string rest = pack(recorder_.with_totals());
  BlockStore& blocks = *recorder_.file().block_store();
  blocks.sync();  // before a checkpoint refers to them
  std::vector<FileContent> files = {{kWeightsFile, safetensors_pieces(weights, weights_header)},
                                    {kStateFile, safetensors_pieces(state, state_header)},
                                    {kRestFile, {rest}}};
  for (const StoredFile& file : data_) files.push_back({file.name, {file.bytes}});
  write_checkpoint(
      folder_,
      {.step = position.step,
       .regular = regular,
       .loss = loss_step_ == position.step ? loss_ : std::numeric_limits<double>::quiet_NaN(),
       .config_sha256 = config_sha256_,
       .data_sha256 = data_sha256_,
       .number = number_name(),
       .block_bytes = blocks.size(),
       .blocks_sha256 = blocks.size() > 0 ? blocks.sha256() : "",
       .published_sha256 = published_sha256},
      files, keep_);
  if (is_best()) best_ = loss_;
  written_ = position.step, evaluated_ = position.evaluated;
}

bool Checkpointer::take_up(bool regular, index before, const Say& say) {
  const auto use = [&](const Checkpoint& checkpoint) {
    const RunFile records = read_records(folder_, checkpoint);
    if (const auto problems = problems_of(checkpoint, trainer_); !problems.empty())
      fail(Exit::data, problems.front());
    within([&] { return checkpoint.path; }, [&] { recorder_.restore(records); });
    load_checkpoint(checkpoint, trainer_);
  };
  const std::optional<Checkpoint> checkpoint = newest_checkpoint(
      folder_,
      [&](const CheckpointInfo& info) {
        return info.config_sha256 == config_sha256_ && info.data_sha256 == data_sha256_ &&
               info.number == number_name() && info.step <= before && (!regular || info.regular);
      },
      [&](const std::string& problem) { say(problem + "; passed over"); }, use);
  if (!checkpoint) return false;
  remove_checkpoints_after(folder_, checkpoint->info.step);
  set_loss(checkpoint->info);
  best_ = std::numeric_limits<double>::infinity();
  for (const CheckpointInfo& info : checkpoint_infos(folder_)) best_ = std::fmin(best_, info.loss);
  written_ = trainer_.position().step, evaluated_ = trainer_.position().evaluated;
  say(fmt::format("at step {} of {}", checkpoint->info.step, checkpoint->path));
  return true;
}

void Checkpointer::set_loss(const CheckpointInfo& info) {
  loss_ = info.loss;
  loss_step_ = std::isnan(loss_) ? -1 : info.step;
}

void Checkpointer::go_on_from(const Beginning& beginning) {
  if (trainer_.not_finite() == NotFinite::rewind && beginning.steps % every_ != 0)
    fail(Exit::usage, fmt::format("train.not_finite = rewind goes back to multiples of "
                                  "checkpoint.every = {}, and step {} of {} is none; train from "
                                  "step 0, without --extend",
                                  every_, beginning.steps, beginning.folder));
  const auto use = [&](const Checkpoint& checkpoint) {
    RunFile records = read_records(beginning.folder, checkpoint);
    if (const auto problems = problems_of(checkpoint, trainer_); !problems.empty())
      fail(Exit::data, problems.front());
    if (!trainer_.evaluates_at(beginning.steps)) drop_last_row(records, "eval");
    move_blocks(records, recorder_.file().block_store());
    within([&] { return checkpoint.path; }, [&] { recorder_.restore(records); });
    load_checkpoint(checkpoint, trainer_);
  };
  std::string problem = "it has none";
  const std::optional<Checkpoint> checkpoint = newest_checkpoint(
      beginning.folder,
      [&](const CheckpointInfo& info) {
        return info.step == beginning.steps && info.config_sha256 == beginning.config_sha256 &&
               info.data_sha256 == data_sha256_ && info.number == number_name();
      },
      [&](const std::string& what) { problem = what; }, use);
  if (!checkpoint)
    fail(Exit::data,
         fmt::format("{}: no checkpoint of step {} to continue from ({}); train from step "
                     "0, without --extend",
                     beginning.folder, beginning.steps, problem));
  set_loss(checkpoint->info);
  if (!trainer_.evaluates_at(beginning.steps)) set_loss({});
  not_finite_ = trainer_.position().not_finite;
  // Stored already in the first checkpoint, so that it survives a stop here.
  const std::filesystem::path folder = beginning.folder / std::filesystem::path();
  recorder_.file().attribute("extended_from", folder.parent_path().filename().string());
  write("");
}

bool Checkpointer::resume(const Say& say) {
  if (folder_.empty()) return false;
  std::string heard;  // the last message: a file of several checkpoints is reported once
  const Say listen = [&](const std::string& what) {
    if (what != heard) say(what);
    heard = what;
  };
  if (!take_up(false, std::numeric_limits<index>::max(), listen)) {
    if (heard.empty()) return false;
    const std::string aside = set_aside_checkpoints(folder_);
    say("from the start: no checkpoint can be restored" +
        (aside.empty() ? "" : "; all are kept in " + aside));
    return false;
  }
  not_finite_ = trainer_.position().not_finite;
  return true;
}

bool Checkpointer::rewind(const Say& say) {
  Position failed = trainer_.position();
  // A parameter that is NaN or infinite stops a checkpoint, not a step, so the trainer does not
  // count it.
  failed.not_finite = not_finite_ = std::max(failed.not_finite, not_finite_ + 1);
  if (trainer_.not_finite() != NotFinite::rewind || folder_.empty() ||
      failed.not_finite > trainer_.not_finite_limit() || !take_up(true, failed.step, say))
    return false;
  Position position = trainer_.position();
  position.skipped_batches = failed.skipped_batches + failed.step - position.step + 1;
  position.not_finite = failed.not_finite;
  trainer_.resume(position, trainer_.updates());
  return true;
}

}  // namespace moesim
