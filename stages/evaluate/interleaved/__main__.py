"""Score a base before and after its adapter on the test pictures."""

from stages.entry import main
from stages.evaluate.interleaved.stage import run

if __name__ == "__main__":
    main(run)
