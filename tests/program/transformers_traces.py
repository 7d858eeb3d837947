"""The last part of import_trace.py: traces of a tiny random Mixtral and a tiny Switch, built from configs, against the tensors by which
they route. test(call, check, rows_of, docs) runs it; importing needs torch and transformers."""
import json
import os
import re

import numpy
import torch
import transformers

os.environ["HF_HUB_OFFLINE"] = "1"


def hooked(model, kind, keep):
    """Lists keep(output) of every router of this class, in the order of layers."""
    found = []
    for module in model.modules():
        if type(module).__name__ == kind:
            module.register_forward_hook(lambda _, __, output: found.append(keep(output)))
    return found


def utilisation(call, path):
    rows = json.loads(call("export", path, "--table", "utilization", "--format", "json"))["rows"]
    return [row["load_cv"]["mean"] for row in rows if row["layer"] != "all"]


def spread(loads):
    return numpy.std(loads) / numpy.mean(loads)


def recipe(docs):
    """router_logits() of the documentation."""
    [block] = re.findall(r"```python\n(.*?)```", open(docs, encoding="utf-8").read(), re.S)
    assert block.count("\n") <= 27
    names = {"__name__": "recipe"}
    exec(block, names)
    return names["router_logits"]


def mixtral(call, check, rows_of, docs):
    torch.manual_seed(0)
    model = transformers.MixtralForCausalLM(transformers.MixtralConfig(
        vocab_size=100, hidden_size=32, intermediate_size=16, num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=2,
        num_local_experts=8, num_experts_per_tok=2)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "gate.weight" in name:
                weight.mul_(20)  # so that experts differ
    routed = hooked(model, "MixtralTopKRouter", lambda output: (output[2].numpy().copy(), output[1].numpy().copy()))
    ids, length = torch.randint(100, (300,)), 64
    logits = recipe(docs)(model, ids, length)
    check(logits.shape == (300, 3, 8), f"shape of the recipe's logits: {logits.shape}")
    numpy.savez_compressed("mixtral.npz", logits=logits, token_ids=ids.numpy())
    call("import-trace", "mixtral.npz", "--gate", "softmax-of-chosen", "--k", 2, "--length", length, "--out", "mixtral.h5")
    found = utilisation(call, "mixtral.h5")
    for layer in range(3):
        chosen = numpy.concatenate([indices for indices, _ in routed[layer::3]])
        gates = numpy.concatenate([weights for _, weights in routed[layer::3]])
        rows = rows_of("mixtral.h5", 0, layer)
        check(len(rows) == 600 and all(chosen[token, choice] == expert for expert, token, choice, _, _ in rows), f"Mixtral: choices of layer {layer}")
        check(max(abs(gates[token, choice] - gate) for _, token, choice, gate, _ in rows) < 1e-6, f"Mixtral: gates of layer {layer}")
        wanted = spread(numpy.bincount(chosen.ravel(), minlength=8))
        check(abs(found[layer] - wanted) < 1e-12, f"Mixtral: utilisation of layer {layer}: {found[layer]} {wanted}")
    # Arrays that numpy and safetensors write, as vLLM's are: int16, a choice per token and layer.
    from safetensors.numpy import save_file
    chosen = numpy.stack([numpy.concatenate([indices for indices, _ in routed[layer::3]]) for layer in range(3)], 1)
    gates = numpy.stack([numpy.concatenate([weights for _, weights in routed[layer::3]]) for layer in range(3)], 1)
    numpy.save("routed.npy", chosen.astype(numpy.int16))
    save_file({"experts": chosen, "gates": gates}, "routed.safetensors")
    for path in ("routed.npy", "routed.safetensors"):
        call("import-trace", path, "--experts", 8, "--out", "routed.h5")
        check(utilisation(call, "routed.h5") == found, f"utilisation of {path}")
    numpy.save("fortran.npy", numpy.asfortranarray(chosen))
    check("ascontiguousarray" in call("import-trace", "fortran.npy", "--out", "f.h5", code=3), "Fortran's order")


def switch(call, check, rows_of):
    torch.manual_seed(1)
    sequences, length, experts, capacity = 5, 24, 4, 5
    model = transformers.SwitchTransformersEncoderModel(transformers.SwitchTransformersConfig(
        vocab_size=100, d_model=32, d_kv=16, d_ff=16, num_layers=4, num_sparse_encoder_layers=2, num_heads=2, num_experts=experts,
        expert_capacity=capacity)).eval()
    routed = hooked(model, "SwitchTransformersTop1Router", lambda output: (output[0].numpy().copy(), output[1].numpy().copy()))
    ids = torch.randint(100, (sequences, length))
    with torch.no_grad():
        layers = model(ids, output_router_logits=True).router_logits
    numpy.save("logits.npy", torch.stack([each.reshape(-1, experts) for each in layers], 1).numpy())
    # This capacity is a number of rows; the factor that gives it is capacity · E / (length · k).
    call("import-trace", "logits.npy", "--gate", "softmax", "--k", 1, "--length", length, "--capacity-factor", capacity * experts / length,
         "--out", "switch.h5")
    dropped = 0
    for layer, (mask, probabilities) in enumerate(routed):
        mask, probabilities = mask.reshape(-1, experts), probabilities.reshape(-1)
        rows = rows_of("switch.h5", 0, layer)
        kept = {(token, expert) for expert, token, _, _, served in rows if served}
        check(kept == set(zip(*(axis.tolist() for axis in mask.nonzero()))), f"Switch: who is served in layer {layer}")
        check(max(abs(probabilities[token] - gate) for _, token, _, gate, _ in rows) < 1e-6, f"Switch: gates of layer {layer}")
        dropped += int(sequences * length - mask.sum())
    check(len(routed) == 2 and dropped > 0, f"Switch: {len(routed)} layers, {dropped} dropped")
    [row] = [row for row in json.loads(call("whatif", "switch.h5", "--capacity", capacity * experts / length, "--json"))["rows"]
             if row["layer"] == "all"]
    check(row["dropped"] == dropped, f"Switch: whatif says {row['dropped']} dropped, the model drops {dropped}")


def test(call, check, rows_of, docs):
    mixtral(call, check, rows_of, docs)
    switch(call, check, rows_of)
    print(f"transformers {transformers.__version__}: Mixtral and Switch compared")
