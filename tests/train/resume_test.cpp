// A training that was stopped and taken up again, in another process or after a bad step, gives the
// bits of one that was not.
#include "sim/checkpoint/records.hpp"
#include "sim/checkpoint/safetensors.hpp"
#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/keeper.hpp"
#include "sim/train/loading.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <stdexcept>

namespace moesim::testing {
namespace {

using Values = std::vector<std::string>;

// Stops after so many questions.
class StopAfter : public Hook {
 public:
  explicit StopAfter(index questions) : left_(questions) {}
  bool wants_stop() override { return left_-- <= 0; }

 private:
  index left_;
};

struct Kept : Training {
  Keeper keeper;
  Kept(const Values& values, const std::string& folder)
      : Training(values, 1), keeper(settings, *trainer, *recorder) {
    keeper.keep_at(folder, "config", "data");
  }
  bool resume() {
    return keeper.resume([](const std::string&) {});
  }
  // To the end, through what is to be survived.
  void finish() {
    for (;;) {
      try {
        const End end = trainer->run({recorder.get(), &keeper});
        REQUIRE(end == End::complete);
        return;
      } catch (const Error& error) {
        if (error.code() != Exit::diverged || !keeper.rewind([](const std::string&) {})) throw;
      }
    }
  }
};

Values with(Values values, const Values& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

TEST_CASE("resume: every router, stopped anywhere, gives the same bits", "[train][resume]") {
  for (const std::string& router : Registry<Router>::names()) {
    CAPTURE(router);
    const Values values = {"router.name",  router, "run.steps",    "6", "model.dropout", "0.1",
                           "eval.every",   "3",    "record.every", "2", "eval.batches",  "2",
                           "data.symbols", "40",   "data.domains", "2"};
    Training straight(values, 1);
    straight.run();
    // In the first evaluation, before the first step, in between, in the last evaluation.
    for (const index questions : {0, 1, 2, 4, 6, 10, 11}) {
      CAPTURE(questions);
      const TemporaryFolder folder;
      {
        Kept first(values, folder / "");
        StopAfter stop(questions);
        REQUIRE(first.trainer->run({first.recorder.get(), &first.keeper, &stop}) == End::stopped);
        first.keeper.write("");
      }
      Kept second(values, folder / "");
      REQUIRE(second.resume());
      second.finish();
      CHECK(second.fingerprint() == straight.fingerprint());
      CHECK(second.recorder->file().bytes().size() > 1000);  // dimensions and conservation hold
    }
  }
}

TEST_CASE("resume: both optimisers, accumulation, regular checkpoints", "[train][resume][brief]") {
  const std::vector<Values> variants = {
      {"train.optimiser", "sgd"},
      {"train.optimiser", "sgd", "train.momentum", "0"},
      {"train.accumulate", "2", "router.name", "token_choice",
       "router.token_choice.capacity_factor", "1.25", "router.token_choice.balance", "0.01"}};
  for (const Values& variant : variants) {
    CAPTURE(variant);
    const Values values = with({"run.steps", "6", "checkpoint.every", "2"}, variant);
    const TemporaryFolder folder;
    Kept straight(values, folder / "");
    straight.finish();
    CHECK(checkpoint_steps(folder / "").back() == 6);
    // As after a kill: what came after step 4 is gone.
    std::filesystem::remove_all(folder / "checkpoint/step-000000006");
    Kept second(values, folder / "");
    REQUIRE(second.resume());
    CHECK(second.trainer->position().step == 4);
    second.finish();
    CHECK(second.fingerprint() == straight.fingerprint());
  }
}

// Values of every variable but the wall time, as a reader of the published file has them.
std::string read_values(const std::string& path) {
  std::string all;
  const RunFile file = read_run_file(path);
  for (const Variable& v : file.variables()) {
    if (v.name == "seconds") continue;
    all += v.name;
    all.append(reinterpret_cast<const char*>(v.values.data()), v.values.size() * sizeof(double));
  }
  return all;
}

TEST_CASE("resume: records in blocks, of which some were written after the checkpoint",
          "[train][resume]") {
  // 8192 values are 16 records of two layers and 256 experts.
  const Values values = {"run.steps",   "40", "checkpoint.every", "10", "moe.experts",  "256",
                         "eval.every",  "0",  "expert.hidden",    "2",  "model.width",  "8",
                         "data.length", "8",  "train.batch",      "4",  "model.layers", "2"};
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "straight");
  std::filesystem::create_directory(folder / "killed");
  Kept straight(values, folder / "straight");
  straight.finish();
  straight.recorder->file().publish(folder / "straight/run.h5");
  CHECK(straight.recorder->file().find("demand")->blocks.size() == 2);
  CHECK(straight.recorder->file().find("demand")->values.size() == 8 * 2 * 256);
  {
    Kept first(values, folder / "killed");
    StopAfter stop(37);  // after steps 32 to 37 filled a block that no checkpoint knows
    REQUIRE(first.trainer->run({first.recorder.get(), &first.keeper, &stop}) == End::stopped);
  }
  Kept second(values, folder / "killed");
  REQUIRE(second.resume());
  CHECK(second.trainer->position().step == 30);
  CHECK(second.recorder->file().find("demand")->blocks.size() == 1);
  second.finish();
  second.recorder->file().publish(folder / "killed/run.h5");
  CHECK(second.fingerprint() == straight.fingerprint());
  CHECK(read_values(folder / "killed/run.h5") == read_values(folder / "straight/run.h5"));

  // The blocks that all checkpoints share are vouched for by each.
  const std::string blocks = folder / "killed/checkpoint/records.blocks";
  std::string bytes = read_bytes(blocks);
  bytes[bytes.size() - 1] ^= 1;
  write_bytes(blocks, bytes);
  CHECK_THROWS_WITH(read_checkpoint(folder / "killed", 40),
                    contains("records.blocks: damaged (its SHA-256 is not the manifest's)"));
  Kept third(values, folder / "killed");
  REQUIRE(third.resume());  // from one that needs fewer of them
  CHECK(third.trainer->position().step == 30);
}

TEST_CASE("resume: a checkpoint of an earlier version, with all records in it", "[train][resume]") {
  const Values values = {"run.steps", "6", "checkpoint.every", "2"};
  const TemporaryFolder folder;
  Kept straight(values, folder / "");
  straight.finish();
  const Checkpoint before = read_checkpoint(folder / "", 4);
  const std::string records = read_records(folder / "", before).bytes();
  CheckpointInfo info = before.info;
  remove_checkpoints(folder / "");
  write_checkpoint(
      folder / "", info,
      {{kWeightsFile, {before.weights}}, {kStateFile, {before.state}}, {kRecordsFile, {records}}});
  Kept second(values, folder / "");
  REQUIRE(second.resume());
  CHECK(second.trainer->position().step == 4);
  second.finish();
  CHECK(second.fingerprint() == straight.fingerprint());
}

TEST_CASE("recorder: a run without evaluations is published after its first step",
          "[train][brief]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  Training training({"eval.every", "0", "run.steps", "3"}, 1);
  training.recorder->publish_at(path);
  // Looks after each step what is there; it comes after the recorder.
  class Look : public Hook {
   public:
    explicit Look(std::string path) : path_(std::move(path)) {}
    void on_boundary(const Position& position) override {
      there.push_back(std::filesystem::exists(path_));
      if (position.step == 1) {
        const RunFile file = read_run_file(path_);
        CHECK(file.text("status") == "running");
        CHECK(file.find("step")->values == std::vector<double>{0});
      }
    }
    std::vector<bool> there;

   private:
    std::string path_;
  } look(path);
  training.trainer->run({training.recorder.get(), &look});
  CHECK(look.there.at(1));
}

TEST_CASE("resume: a checkpoint of another model or another number is not taken", "[train]") {
  const TemporaryFolder folder;
  Kept first({"checkpoint.every", "2"}, folder / "");
  first.finish();
  Kept wider({"checkpoint.every", "2", "model.width", "32"}, folder / "");
  std::string said;
  CHECK_FALSE(wider.keeper.resume([&](const std::string& what) { said += what + "\n"; }));
  CHECK_THAT(said, contains("weights.safetensors: tensor") && contains("expected F") &&
                       contains("from the start"));
  Kept other({"checkpoint.every", "2"}, folder / "");
  other.keeper.keep_at(folder / "", "another config", "data");
  CHECK_FALSE(other.resume());
}

// Changes tensors of a checkpoint's file and writes it again, with a manifest that vouches for it.
void rewrite(const std::string& folder, index step, const std::string& file,
             const std::function<void(TensorFile&, std::string& bytes)>& change) {
  const Checkpoint old = read_checkpoint(folder, step);
  std::string bytes = file == kWeightsFile ? old.weights : old.state;
  TensorFile tensors = read_safetensors(bytes);
  change(tensors, bytes);
  std::string header;
  std::vector<std::string_view> pieces = safetensors_pieces(tensors, header);
  write_checkpoint(
      folder, old.info,
      {{kWeightsFile, file == kWeightsFile ? pieces : std::vector<std::string_view>{old.weights}},
       {kStateFile, file == kStateFile ? pieces : std::vector<std::string_view>{old.state}},
       {kRestFile, {old.rest}}});
}

// The values of the first tensor of rank 2 whose sides differ.
TensorView& oblong(TensorFile& file) {
  for (TensorView& tensor : file.tensors)
    if (tensor.shape.size() == 2 && tensor.shape[0] != tensor.shape[1]) return tensor;
  throw std::logic_error("no oblong tensor");
}

TEST_CASE("resume: a checkpoint that does not fit gives way to the one before", "[train][resume]") {
  const Values values = {"run.steps", "6", "checkpoint.every", "2", "router.name", "token_choice"};
  struct Change {
    const char* what;
    const char* file;
    std::function<void(TensorFile&, std::string&)> change;
    const char* said;
  };
  const auto spoil = [](real value) {
    return [value](TensorFile& tensors, std::string& bytes) {
      const std::string_view of = oblong(tensors).bytes;
      std::memcpy(bytes.data() + (of.data() - bytes.data()) + 8, &value, sizeof value);
    };
  };
  const auto transpose = [](TensorFile& tensors, std::string&) {
    TensorView& tensor = oblong(tensors);
    std::swap(tensor.shape[0], tensor.shape[1]);
  };
  const auto rename = [](TensorFile& tensors, std::string&) { tensors.tensors[1].name += "x"; };
  const auto remove = [](TensorFile& tensors, std::string&) { tensors.tensors.pop_back(); };
  const auto narrow = [](TensorFile& tensors, std::string&) {
    tensors.tensors[0].dtype = sizeof(real) == 4 ? "I32" : "I64";
  };
  const auto metadata = [](const char* key, const char* value) {
    return [=](TensorFile& tensors, std::string&) { tensors.metadata[key] = value; };
  };
  constexpr real kNan = std::numeric_limits<real>::quiet_NaN();
  constexpr real kInfinity = std::numeric_limits<real>::infinity();
  const Change changes[] = {
      {"transposed", kWeightsFile, transpose, "expected"},
      {"renamed", kWeightsFile, rename, "is not of this model"},
      {"missing", kWeightsFile, remove, "no tensor"},
      {"of another type", kWeightsFile, narrow, "is I"},
      {"NaN", kWeightsFile, spoil(kNan), "not finite"},
      {"infinite", kWeightsFile, spoil(-kInfinity), "not finite"},
      {"transposed moment", kStateFile, transpose, "expected"},
      {"renamed moment", kStateFile, rename, "is not of this model"},
      {"missing moment", kStateFile, remove, "no tensor"},
      {"NaN in a moment", kStateFile, spoil(kNan), "not finite"},
      {"of another step", kStateFile, metadata("step", "4"), "of step 4, expected 6"},
      {"no position", kStateFile, metadata("updates", "many"), "no updates"},
  };
  const TemporaryFolder base;
  Kept straight(values, base / "");
  straight.finish();
  for (const Change& change : changes) {
    CAPTURE(change.what);
    const TemporaryFolder folder;
    std::filesystem::copy(base / "", folder / "", std::filesystem::copy_options::recursive);
    rewrite(folder / "", 6, change.file, change.change);
    const auto problems = [&] {
      Training other(values, 1);
      return problems_of(read_checkpoint(folder / "", 6), *other.trainer);
    }();
    REQUIRE(!problems.empty());
    CHECK_THAT(problems.front(), contains(change.said) || contains("no tensor"));
    Kept second(values, folder / "");
    std::string said;
    REQUIRE(second.keeper.resume([&](const std::string& what) { said += what + "\n"; }));
    CHECK_THAT(said, contains("step-000000006/" + std::string(change.file)) &&
                         contains("passed over") && contains("at step 4"));
    CHECK(second.trainer->position().step == 4);
    second.finish();
    CHECK(second.fingerprint() == straight.fingerprint());
  }
}

TEST_CASE("resume: where no checkpoint fits, training begins at the start", "[train][resume]") {
  const Values values = {"run.steps", "4", "checkpoint.every", "4"};
  const TemporaryFolder folder;
  Kept straight(values, folder / "");
  straight.finish();
  SECTION("its weights") {
    rewrite(folder / "", 4, kWeightsFile,
            [](TensorFile& tensors, std::string&) { tensors.tensors[0].name += "x"; });
  }
  SECTION("its records") {
    const Checkpoint old = read_checkpoint(folder / "", 4);
    write_checkpoint(
        folder / "", old.info,
        {{kWeightsFile, {old.weights}}, {kStateFile, {old.state}}, {kRestFile, {"x"}}});
  }
  Kept second(values, folder / "");
  std::string said;
  REQUIRE_FALSE(second.keeper.resume([&](const std::string& what) { said += what + "\n"; }));
  CHECK_THAT(said, contains("from the start"));
  second.finish();
  CHECK(second.fingerprint() == straight.fingerprint());
}

// --- What is not finite ------------------------------------------------------------------------

enum class Site { logits, gradient, loss };

// Top-1 token choice that goes wrong in block 1 on one batch of the training data.
class Faulty : public Router {
 public:
  Faulty(const moesim::Site& site, Site where, const std::vector<std::int32_t>& batch)
      : experts_(site.experts), layer_(site.layer), where_(where), batch_(batch) {
    weight_ = parameter("weight", {site.width, experts_}, Init::normal(0.02));
  }
  Routing route(const Tokens& tokens) override {
    const bool bad = layer_ == 1 && tokens.context.training && tokens.ids.to_host() == batch_;
    Backend& backend = tokens.x.backend();
    const Tensor nan = Tensor::full({1}, std::numeric_limits<real>::quiet_NaN(), backend);
    Tensor logits = matmul(tokens.x, weight_);
    if (bad && where_ == Site::logits)
      logits = add(logits, Tensor::full(logits.shape(), nan.item(), backend));
    if (bad && where_ == Site::gradient) {
      const Tensor sound = logits;
      logits = Tensor::of(sound.shape(), sound.to_host(), backend);
      record(logits, {sound}, [=](const Tensor& dy) {
        const GradientSlot dx = gradient_slot(sound);
        dy.backend().scale(nan.item(), dy.data(), dx.p, dx.accumulate, dy.size());
      });
    }
    const Tensor scores = softmax(logits);
    const Indices choice = top_k(scores, 1);
    const Tensor gates =
        pick(scores, entries_of(choice, 1, experts_)).reshape({tokens.x.rows(), 1});
    Routing routing{
        .plan = assign(choice, choice, 1, experts_, gates), .scores = scores, .losses = {}};
    if (bad && where_ == Site::loss)
      routing.losses.push_back({"faulty", 1, add(sum(square(weight_)), nan)});
    return routing;
  }
  Sees sees() const override { return Sees::past; }
  index experts() const override { return experts_; }
  Cost cost() const override { return {}; }

 private:
  index experts_, layer_;
  Site where_;
  std::vector<std::int32_t> batch_;
  Tensor weight_;
};

// Registers it while it lives.
class WithFault {
 public:
  WithFault(Site where, index step) {
    Training training({}, 1);
    const std::vector<std::int32_t> ids = training.data->batch(Split::train, 0, step, 8).ids;
    Registry<Router>::add({"faulty", "for tests", [=](const moesim::Site& site, Options&) {
                             return std::make_unique<Faulty>(site, where, ids);
                           }});
  }
  ~WithFault() { Registry<Router>::remove("faulty"); }
  WithFault(const WithFault&) = delete;
  WithFault& operator=(const WithFault&) = delete;
};

TEST_CASE("not finite: found in its step and named", "[train][finite]") {
  const std::pair<Site, std::string> sites[] = {
      {Site::logits, "routing of blocks.1"},
      {Site::gradient, "the gradient of blocks.1.moe.router.weight"},
      {Site::loss, "auxiliary loss faulty"}};
  for (const auto& [site, name] : sites) {
    CAPTURE(name);
    const WithFault fault(site, 2);
    Training training({"router.name", "faulty", "run.steps", "5"}, 1);
    try {
      training.run();
      FAIL("nothing was noticed");
    } catch (const Error& error) {
      CHECK(error.code() == Exit::diverged);
      CHECK_THAT(error.what(), contains("step 2:") && contains(name));
    }
    // What came before is recorded, and the parameters are as they were.
    CHECK(training.recorder->file().find("step")->values.size() == 2);
    CHECK(training.trainer->damaged_parameter().empty());
  }
}

TEST_CASE("not finite: a weight, before any token meets it", "[train][finite]") {
  const TemporaryFolder folder;
  Kept training({"router.name", "hash", "checkpoint.every", "100"}, folder / "");
  training.finish();
  const Parameter p = training.trainer->parameters().back();
  std::vector<real> values = p.value.to_host();
  values.back() = std::numeric_limits<real>::infinity();
  p.value.from_host(values);
  training.trainer->resume({.step = 3}, 3);
  CHECK_THROWS_WITH(training.keeper.write(""), contains("values of " + p.name));
  CHECK(checkpoint_steps(folder / "").empty());  // and no checkpoint is spoilt
}

TEST_CASE("not finite: skip makes no update and goes on", "[train][finite]") {
  const WithFault fault(Site::gradient, 2);
  const Values values = {"router.name", "faulty", "run.steps", "5", "train.not_finite", "skip"};
  Training training(values, 1);
  CHECK(training.run() == End::complete);
  CHECK(training.trainer->position().not_finite == 1);
  CHECK(training.trainer->updates() == 4);
  const auto& norms = training.recorder->file().find("grad_norm")->values;
  REQUIRE(norms.size() == 5);
  for (std::size_t i = 0; i < norms.size(); ++i) CHECK(std::isfinite(norms[i]) == (i != 2));
  CHECK(training.trainer->damaged_parameter().empty());

  // Every step bad: the limit ends it.
  Training hopeless(with(values, {"train.not_finite_limit", "3", "train.rate", "0"}), 1);
  for (const Parameter& p : hopeless.trainer->parameters())
    if (p.name == "embedding")
      p.value.from_host(std::vector<real>(static_cast<std::size_t>(p.value.size()),
                                          std::numeric_limits<real>::quiet_NaN()));
  CHECK_THROWS_WITH(hopeless.run(), contains("not_finite_limit = 3"));
}

TEST_CASE("not finite: rewind goes back and leaves the batches out", "[train][finite][resume]") {
  const WithFault fault(Site::loss, 4);
  const Values values = {"router.name",      "faulty", "run.steps",        "8",
                         "train.not_finite", "rewind", "checkpoint.every", "3"};
  const TemporaryFolder folder, other;
  Kept straight(values, folder / "");
  straight.finish();
  // Failed in step 4, back to step 3, batches 3 and 4 left out.
  CHECK(straight.trainer->position().passed_over == 2);
  CHECK(straight.trainer->position().not_finite == 1);
  const auto& steps = straight.recorder->file().find("step")->values;
  REQUIRE(steps.size() == 8);
  for (std::size_t i = 0; i < steps.size(); ++i) CHECK(steps[i] == static_cast<double>(i));

  // Stopped by signals before and after, the same bits.
  for (const index questions : {6, 8, 12}) {
    CAPTURE(questions);
    std::filesystem::remove_all(other / "checkpoint");
    {
      Kept first(values, other / "");
      StopAfter stop(questions);
      try {
        first.trainer->run({first.recorder.get(), &first.keeper, &stop});
      } catch (const Error&) {
        REQUIRE(first.keeper.rewind([](const std::string&) {}));
        first.trainer->run({first.recorder.get(), &first.keeper, &stop});
      }
      first.keeper.write("");
    }
    Kept second(values, other / "");
    REQUIRE(second.resume());
    second.finish();
    CHECK(second.fingerprint() == straight.fingerprint());
  }
}

TEST_CASE("checkpoint: its loss is of its parameters, and it is regular once it was evaluated",
          "[train][resume]") {
  const Values values = {"run.steps", "6", "eval.every", "3", "eval.batches", "2"};
  const TemporaryFolder folder;
  Kept whole(with(values, {"checkpoint.every", "2"}), folder / "");
  whole.finish();
  const std::vector<CheckpointInfo> infos = checkpoint_infos(folder / "");
  REQUIRE(infos.size() == 2);
  CHECK(std::isnan(infos[0].loss));  // step 4
  CHECK(infos[1].loss == whole.recorder->file().find("eval_loss")->values.back());

  int before = 0;
  for (index questions = 0; questions < 14; ++questions) {
    CAPTURE(questions);
    const TemporaryFolder other;
    Kept stopped(with(values, {"checkpoint.every", "3"}), other / "");
    StopAfter stop(questions);
    if (stopped.trainer->run({stopped.recorder.get(), &stopped.keeper, &stop}) != End::stopped)
      break;
    stopped.keeper.write("");
    const Position& position = stopped.trainer->position();
    const CheckpointInfo last = checkpoint_infos(other / "").back();
    REQUIRE(last.step == position.step);
    CHECK(last.regular == (position.step % 3 == 0 && position.evaluated));
    before += position.step % 3 == 0 && !position.evaluated;
  }
  CHECK(before > 2);
}

TEST_CASE("not finite: going back needs fixed places to go to", "[train][finite]") {
  CHECK_THROWS_WITH(Kept({"train.not_finite", "rewind"}, ""), contains("checkpoint.every"));
}

}  // namespace
}  // namespace moesim::testing
