"""Counts the failures of a test that runs the program many times, so that one run of the test shows all of them."""
import subprocess

failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def run(program, *words, code=0, **options):
    """Runs the program and checks its exit code. -> subprocess.CompletedProcess, with text"""
    words = [str(word) for word in words]
    done = subprocess.run([program, *words], capture_output=True, text=True, **options)
    check(done.returncode == code, f"{' '.join(words)}: exit {done.returncode}, not {code}: {done.stderr}")
    return done
