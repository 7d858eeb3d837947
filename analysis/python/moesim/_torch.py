"""torch_model: a run's trained model in PyTorch."""
from ._checkpoint import checkpoint_folder, data_of, weights_of
from ._errors import need, reading
from ._run import run_folder, settings


def torch_model(run, checkpoint="newest", dtype=None):
    """Returns the trained model of a run as a torch.nn.Module, on the CPU.

    run: the folder of a run. checkpoint: "newest", "best" (the lowest validation loss) or a step.
    dtype: of parameters and computation; None: that of the checkpoint.

    The module maps token ids [B, S] (of data with features: [B, S, F]) to logits [B, S, V], or [B, C]
    where the task classifies sequences, by the rules of evaluation. It is written from the papers and
    their public implementations, in the plainest PyTorch, apart from the C++ engine, and gives the same
    logits but for rounding (1e-5). `model.generate(ids, count)` continues a text as
    `moesim sample --temperature 0` does; `model.tokens` encodes and decodes text; `model.settings`,
    `model.step` and `model.eval_batch` say where it comes from.

    Raises MoesimError if there is no checkpoint, if it is damaged, and for routers, experts and
    settings that this implementation lacks.
    """
    need("torch", "torch_model")
    from .model import build  # imports torch

    folder = run_folder(run)
    path = checkpoint_folder(folder, checkpoint)
    with reading(path):
        return build(folder, settings(folder), path, data_of(path), weights_of(path), dtype)
