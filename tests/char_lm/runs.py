"""Runs the example char_lm several times over one model: runs.py PROGRAM TEXT"""

import pathlib
import subprocess
import sys
import tempfile

program, text = sys.argv[1:]


def run(*arguments):
    return subprocess.run(
        [program, text, "--generate", "0", *map(str, arguments)], capture_output=True, text=True
    )


def check(fits, what, result):
    if not fits:
        sys.exit(f"{what}\n{result}")


def fails(part, *arguments):
    told = run(*arguments)
    check(told.returncode == 1 and part in told.stderr, f"not refused with {part}", told)


def losses(told):
    check(told.returncode == 0, "an error", told)
    return [line.split("tokens/s")[0].rsplit(None, 1)[0] for line in told.stdout.splitlines()
            if line.startswith("step ")]


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    model = folder / "model"
    fails("from 1 to 1000000000, given is \"1e16\"", "--steps", "1e16")
    for option in ["--model", "--page"]:
        fails("there is no folder", option, folder / "no" / "file")
    check(not any(folder.iterdir()), "a file is left", list(folder.iterdir()))

    first = run("--model", model, "--steps", 2)
    check(len(losses(first)) == 2, "not two steps", first)
    kept = model.read_bytes()
    again = run("--model", model)
    check("going on from step 2" in again.stdout and not losses(again), "not done", again)
    check(model.read_bytes() == kept, "another model", again)
    worse = run("--model", model, "--fresh", "--steps", 1)
    check("(not the best)" in worse.stdout and "that of step 2" in worse.stdout, "replaced", worse)
    check(model.read_bytes() == kept, "a better model is lost", worse)

    # Beyond the steps that it was to take.
    more = run("--model", model, "--steps", 4)
    check(len(losses(more)) == 2 and "going on from step 2" in more.stdout, "not 2 more", more)
    check(model.read_bytes() != kept, "nothing learned", more)
    check([path.name for path in folder.iterdir()] == ["model"], "a file is left", folder)
