"""A process of raw LangGraph with its official saver: for each line of its input that many runs, then `done`."""

import sys

import benchmarks.ready  # noqa: F401 - settings before models
from benchmarks import sides


def main(steps: int) -> None:
    """Serve until the input ends."""
    with sides.saver("postgres", setup=False) as saver:
        run = sides.raw(sides.raw_chain(steps), saver)
        run()
        print("ready", flush=True)
        for line in sys.stdin:
            for _ in range(int(line)):
                run()
            print("done", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
