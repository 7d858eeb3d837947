// Tests that a run stopped and resumed in another process has the bits of an uninterrupted one.
#include "sim/checkpoint/records.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"
#include "tests/train/kept.hpp"

#include <filesystem>

namespace moesim::testing {
namespace {

TEST_CASE("resume: every router, stopped anywhere, gives the same bits", "[train][resume]") {
  for (const std::string& router : Registry<Router>::names()) {
    if (router == "test_counting") continue;  // of the cases of devices: its count is no state
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
        REQUIRE(first.trainer->run({first.recorder.get(), &first.checkpointer, &stop}) ==
                End::stopped);
        first.checkpointer.write("");
      }
      Kept second(values, folder / "");
      REQUIRE(second.resume());
      second.finish();
      CHECK(second.fingerprint() == straight.fingerprint());
      for (const Variable& variable : straight.recorder->file().variables())
        CHECK(second.recorder->file().find(variable.name)->description == variable.description);
      CHECK(second.recorder->file().bytes().size() > 1000);  // dimensions and conservation hold
    }
  }
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

TEST_CASE("recorder: a run without evaluations is published after its first step", "[train]") {
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
    if (stopped.trainer->run({stopped.recorder.get(), &stopped.checkpointer, &stop}) !=
        End::stopped)
      break;
    stopped.checkpointer.write("");
    const Position& position = stopped.trainer->position();
    const CheckpointInfo last = checkpoint_infos(other / "").back();
    REQUIRE(last.step == position.step);
    CHECK(last.regular == (position.step % 3 == 0 && position.evaluated));
    before += position.step % 3 == 0 && !position.evaluated;
  }
  CHECK(before > 2);
}

TEST_CASE("adapter: a run resumes to the same bits, with dropout", "[train]") {
  const Values settings = {
      "run.steps",    "6",      "checkpoint.every", "2",   "router.name", "token_choice",
      "adapter.kind", "molora", "adapter.dropout",  "0.5", "train.rate",  "0.01"};
  check_resumed(settings);
  Kept some(settings, TemporaryFolder() / ""),
      none(with(settings, {"adapter.dropout", "0"}), TemporaryFolder() / "");
  for (Kept* each : {&some, &none})
    for (const Parameter& p : each->model->adapters()->parameters())
      if (p.name.ends_with(".b"))
        p.value.from_host(std::vector<real>(static_cast<std::size_t>(p.value.size()), real(0.1)));
  // It acts in training alone.
  CHECK(some.trainer->evaluate(0).loss == none.trainer->evaluate(0).loss);
  some.trainer->run({some.recorder.get()});
  none.trainer->run({none.recorder.get()});
  CHECK(some.recorder->file().find("loss")->values != none.recorder->file().find("loss")->values);
}

}  // namespace
}  // namespace moesim::testing
