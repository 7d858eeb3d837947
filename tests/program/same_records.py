"""Checks that the runs of STEPS steps in two experiments have equal records, except for wall times.
Usage: same_records.py EXPERIMENT EXPERIMENT STEPS"""
import glob
import sys

import h5py
import numpy

# Wall times, when and how it was made.
OWN = {"seconds", "created_utc", "run_id", "extended_from", "threads"}


def runs(folder):
    found = {}
    for path in glob.glob(f"{folder}/*/run.h5"):
        with h5py.File(path) as run:
            if len(run["step"]) == int(sys.argv[3]):
                assert run.attrs["status"] == "complete", path
                values = {name: run[name][()] for name in run if name not in OWN}
                attributes = {name: run.attrs[name] for name in run.attrs if name not in OWN and not name.startswith("sha256") and "seconds" not in name}
                found[int(run.attrs["seed"])] = (values, attributes)
    return found


def equal(a, b):
    if numpy.asarray(a).dtype.kind == "f":
        return numpy.array_equal(a, b, equal_nan=True)
    return numpy.array_equal(a, b)


first, second = runs(sys.argv[1]), runs(sys.argv[2])
assert first and first.keys() == second.keys(), (first.keys(), second.keys())
for seed in first:
    for one, other in zip(first[seed], second[seed]):
        assert one.keys() == other.keys(), (seed, one.keys() ^ other.keys())
        for name in one:
            assert equal(one[name], other[name]), (seed, name, one[name], other[name])
