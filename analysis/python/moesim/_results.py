"""Computes the results of a run, one number each, by the names and definitions of analysis/COLUMNS.md.

`values` maps names of variables to arrays as analysis/FORMAT.md describes them.
"""
import numpy

_LAST = ("eval_loss", "eval_loss_error", "eval_loss_from", "eval_loss_dropless", "eval_loss_training", "eval_accuracy",
         "eval_sequences", "eval_step")
_MEAN = {"eval_load_cv": "load_cv", "eval_max_violation": "max_violation", "eval_domain_nmi": "domain_nmi"}
_MOST_RECORDS = 4096


def results_of(values, attributes):
    """{"eval_loss": 1.85, ...}, of the last evaluation and of the training before it; what there is of it."""
    found = {}
    steps = values.get("step", numpy.zeros(0))
    if len(steps):
        found["steps"] = int(steps[-1]) + 1
        found["tokens"] = int(values["tokens"][-1])
        found["train_seconds"] = float(values["seconds"].sum())
        found["train_flops"] = float(attributes.get("flops_per_token", numpy.nan)) * found["tokens"]
        found["tokens_per_second"] = _rate(values)
    if not len(values.get("eval_step", ())):
        return found
    for name in _LAST:
        if name in values:
            found[name] = values[name][-1].item()
    if "bayes_loss" in attributes and "eval_loss" in found:
        found["regret"] = found["eval_loss"] - float(attributes["bayes_loss"])
    if float(attributes.get("bytes_per_token", 0)) > 0 and "eval_loss" in found:
        found["bits_per_byte"] = found["eval_loss"] / (float(numpy.log(2)) * float(attributes["bytes_per_token"]))
    for name, result in _MEAN.items():
        if name in values:
            found[result] = _mean(values[name][-1])
    if "eval_dead_experts" in values:
        found["dead_experts"] = float(values["eval_dead_experts"][-1].sum())
    if "eval_router_entropy" in values and len(values.get("expert", ())) > 1:
        found["normalised_entropy"] = _mean(values["eval_router_entropy"][-1]) / float(numpy.log(len(values["expert"])))
    if "eval_dropped" in values and "eval_assignments" in values:
        asked = values["eval_assignments"][-1]
        found["drops_percent"] = _mean(100 * values["eval_dropped"][-1][asked > 0] / asked[asked > 0])
    found["train_drops_percent"] = train_drops_percent(values, found["eval_step"])
    return found


def train_drops_percent(values, before):
    """100 Σ dropped / Σ assignments, sums over layers, the mean over the last records of training steps < before:
    those of the last tenth of the steps, of fewer than ten the last ten of the last half."""
    names = ("record_step", "dropped", "assignments")
    if any(name not in values for name in names):
        return numpy.nan
    steps, dropped, asked = (values[name][-_MOST_RECORDS:] for name in names)
    dropped, asked = dropped.sum(1), asked.sum(1)
    end, half, tenth = (int(numpy.searchsorted(steps, before * share)) for share in (1, 0.5, 0.9))
    first = min(max(half, end - 10), tenth)
    first = max(0, end - 1) if first == end else first
    asks = asked[first:end] > 0
    return _mean(100 * dropped[first:end][asks] / asked[first:end][asks])


def _rate(values):
    """The median over the steps of their tokens per second."""
    tokens, seconds = numpy.diff(values["tokens"], prepend=0), values["seconds"]
    return float(numpy.median(tokens[seconds > 0] / seconds[seconds > 0])) if (seconds > 0).any() else numpy.nan


def _mean(values):
    values = values[~numpy.isnan(values)]
    return float(values.mean()) if values.size else numpy.nan
