"""Writes traces of made-up assignments with h5py, as analysis/FORMAT.md describes them."""
import h5py
import numpy

BARE = "This is a netCDF dimension but not a netCDF variable.%10d"


def write(path, chosen, experts, ids=None, domains=None, length=None, step=0, run_id="planted", rows="tokens", compress=False):
    """chosen [traces, layers, tokens, k]: experts, best first; -1: none. ids and domains: [traces, tokens]."""
    traces, layers, tokens, k = chosen.shape
    token, choice, begin, at = [], [], numpy.zeros((traces, layers, experts + 1), "i8"), 0
    for trace in range(traces):
        for layer in range(layers):
            expert = chosen[trace, layer].ravel()
            order = numpy.argsort(expert, kind="stable")
            order = order[expert[order] >= 0]
            token.append((order // k).astype("i4"))
            choice.append((order % k).astype("u1"))
            counts = numpy.bincount(expert[expert >= 0], minlength=experts)
            begin[trace, layer] = at + numpy.concatenate([[0], numpy.cumsum(counts)])
            at += len(order)
    with h5py.File(path, "w") as file:
        attributes = {"moesim_schema": numpy.int64(1), "run_id": run_id, "router": "token_choice", "trace_rows": rows,
                      "trace_fixed": numpy.int64(0), "config": "[router.token_choice]\n"}
        sizes = {"tokens": tokens, "length": length or tokens, "pass_tokens": tokens, "k_max": k}
        attributes.update({f"trace_{name}": numpy.int64(size) for name, size in sizes.items()})
        file.attrs.update(attributes)
        scales = {}

        def put(name, values, dims, **how):
            data = file.create_dataset(name, data=values, **how)
            for i, dim in enumerate(dims):
                if dim not in scales:
                    scales[dim] = file.create_dataset(dim, (values.shape[i],), dtype="f4")
                    scales[dim].make_scale(BARE % values.shape[i])
                data.dims[i].attach_scale(scales[dim])

        how = {"chunks": (8192,), "compression": "gzip", "compression_opts": 1, "shuffle": True} if compress else {}
        put("trace_step", step + numpy.arange(traces, dtype="i8"), ["trace"])
        put("trace_begin", begin, ["trace", "layer", "trace_bound"])
        put("trace_token", numpy.concatenate(token), ["row"], **how)
        put("trace_choice", numpy.concatenate(choice), ["row"], **how)
        put("trace_gate", numpy.full(at, 0.5, "f4"), ["row"], **how)
        put("trace_served", numpy.ones(at, "u1"), ["row"], **how)
        if ids is not None:
            put("trace_token_id", ids.astype("i4"), ["trace", "token"])
        if domains is not None:
            put("trace_domain", domains.astype("i4"), ["trace", "token"])
